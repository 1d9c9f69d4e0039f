import { basename } from 'node:path';
import { Failure } from '../contract/failure.js';
import type { Looks } from '../contract/result.js';
import { type DeviceName, teacherFile } from '../contract/settings.js';
import { type AcceptanceRule, needsControl, parseAcceptanceRule } from '../evaluation/rule.js';
import { findEntry } from '../model/load.js';
import { findClassNames } from '../reading/class-names.js';
import { findDuplicates, openRunData, type RunData } from '../reading/data.js';
import { loadOwnGraphs } from '../reading/own-graphs.js';
import { loadSubject } from '../reading/subject.js';
import { type OpenDevice, openDevice } from '../runtime/open-device.js';
import { refuseExisting } from '../upgrade/elsewhere.js';
import { acquireLock } from '../upgrade/lock.js';
import { recover } from '../upgrade/recover.js';
import { refuseUnreplaceable } from '../upgrade/replaceable.js';
import { checkCombination } from './combination.js';
import { checkDistillation } from './distillation.js';
import type { RunHooks } from './hooks.js';
import { openPlace, otherLooks, type RunPlace } from './place.js';
import { outFile } from './rewrite.js';
import { enter, type Run } from './run.js';
import type { MigrateOptions } from './spec.js';
import { refuseTrainingMode } from './training-mode.js';

/**
 * The acceptance rule of a run whose options go together.
 * @throws Failure('usage') where they do not
 */
export function checkOptions(options: MigrateOptions): AcceptanceRule {
  const rule = ruleOf(options);
  checkDistillation(options);
  checkCombination(options);
  return rule;
}

/** @throws Failure('usage') for a rule that is none, or asks for an arm that is left out */
function ruleOf({ accept, training }: MigrateOptions): AcceptanceRule {
  const rule = parseAcceptanceRule(accept);
  if (!needsControl(rule) || training.control) return rule;
  throw new Failure('usage', {
    what: `The acceptance rule "${accept}" compares with the control arm, which is left out.`,
    cure: 'Leave it in, or choose another rule.',
    settings: ['control', 'accept'],
    written: 'nothing',
  });
}

/**
 * Opens a run: its model, its data, and the place where it keeps what it computes.
 * @param closing takes what is to be done when the run ends
 * @throws Failure('input') where model or data cannot be used
 */
export async function openRun(
  options: MigrateOptions,
  rule: AcceptanceRule,
  hooks: RunHooks,
  closing: (() => Promise<void>)[],
): Promise<Run> {
  const began = performance.now();
  hooks.onPhase('load');
  const path = await findEntry(options.model);
  // hours of training are not to end in the way of a file that stands there already
  if (options.out !== null && !options.dryRun) await refuseExisting(await outFile(options.out, basename(path)));
  if (options.out === null && !options.dryRun) await settle(path);
  const device = openEarly(options.training.device, closing);
  const { model, signature } = await loadSubject(options.model);
  refuseTrainingMode(model);
  if (options.out === null && !options.dryRun) await refuseUnreplaceable(model);
  enter({ hooks }, 'data');
  const classNames = await findClassNames(model, options.reading.classes);
  const own = await loadOwnGraphs(model, options.task);
  const fed = { model, signature, classNames, own };
  const data = await openRunData(fed, options.data, options.task.task, options.seed, {
    ...options.reading,
    ...(options.task.outputs && { tasks: options.task.outputs }),
  });
  await warnOfLeaks(data, hooks);
  const file = teacherFile(options.distill);
  const teacher = file === null ? null : await loadSubject(file);
  const content = {
    dataSha256: data.train.split.contentSha256,
    testSha256: data.test.split.contentSha256,
    teacher: teacher?.model.files ?? null,
    own: { loss: own?.loss?.files ?? null, metric: own?.metric?.files ?? null },
  };
  const place = await openPlace(options, model, content, hooks.warn);
  const looks = await looksAt(place, model.path, content.testSha256, options.looks);
  const atEnd = (close: () => Promise<void>): void => void closing.push(close);
  return { options, rule, hooks, began, model, signature, teacher, own, data, place, looks, device, atEnd };
}

/**
 * Opens the device while model and data are read: what loads drivers is tried out in a process of its own.
 * @returns what waits for it
 */
function openEarly(requested: DeviceName, closing: (() => Promise<void>)[]): () => Promise<OpenDevice> {
  const opening = openDevice(requested);
  // whoever waits for it hears of a failure; where nobody does, another one is told
  const opened = opening.catch(() => null);
  closing.push(async () => (await opened)?.release());
  return () => opening;
}

/** Test samples that training sees make figures that deployment will not: said before anybody waits for them. */
async function warnOfLeaks(data: RunData, hooks: RunHooks): Promise<void> {
  const { testInTraining } = await findDuplicates(data);
  if (testInTraining === 0) return;
  hooks.warn(
    `${testInTraining} of ${data.test.split.count} test samples are also in training or validation: ` +
      'the figures of the trained arms will be too good.',
  );
}

/** @throws Failure('input') where more looks were taken than were planned: chance has had its share of them */
async function looksAt(place: RunPlace, modelPath: string, test: string, planned: number): Promise<Looks> {
  const look = 1 + (await otherLooks(place, modelPath, test));
  if (planned === 1 || look <= planned) return { look, planned };
  throw new Failure('input', {
    what: `${modelPath}: ${look - 1} runs were judged on this test split, and ${planned} were planned.`,
    cure: 'Judge on test data that no run has seen.',
    settings: ['test', 'looks'],
    written: 'nothing',
  });
}

/** Settles what a crash left half done, before the model is read; and learns now, not after training, whether it can be replaced. */
async function settle(path: string): Promise<void> {
  const lock = await acquireLock(path, { waitMs: 5000 });
  try {
    await recover(path, { lock });
  } finally {
    await lock.release();
  }
}
