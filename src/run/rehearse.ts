import type { ModelDescription, PlanDescription } from '../contract/model.js';
import type { Reading } from '../contract/reading.js';
import { describeModel, describePlan } from '../model/describe.js';
import type { ModelFile } from '../model/model.js';
import { makeScratch } from '../upgrade/scratch.js';
import { epochsOf, trainingsOf } from './arms.js';
import { blamingModels } from './blame.js';
import { completeHooks, type RunHooks } from './hooks.js';
import { checkOptions, openRun } from './open.js';
import { epochsInAll, rungsOf } from './search/halving.js';
import { suitableCandidates } from './search/trials.js';
import { completeOptions, type MigrateRequest, type TrainingSettings } from './spec.js';
import { planStage } from './stages/plan.js';
import { readingStage } from './stages/reading.js';

/** What a run would read, and how long it may take. */
export interface Rehearsal {
  readonly model: ModelDescription;
  /** samples */
  readonly data: { readonly train: number; readonly validation: number; readonly test: number };
  readonly plan: PlanDescription;
  readonly reading: Reading;
  readonly files: readonly ModelFile[];
  /** seconds that one sample takes forwards on this machine; null where it could not be timed */
  readonly pass: number | null;
  /** that a search tries; null where there is none */
  readonly recipes: number | null;
}

/**
 * Plans and reads a run as `migrate` would, and trains nothing: what a run refuses for its model, its data or its settings is refused here.
 * The model's folder is left as it is.
 * @param hooks are told what a run would tell before it trains
 * @throws Failure as `migrate` does
 */
export async function rehearse(request: MigrateRequest, hooks: Partial<RunHooks>): Promise<Rehearsal> {
  const scratch = await makeScratch();
  const options = completeOptions({ ...request, dryRun: true, out: null, runDir: scratch.folder });
  const closing: (() => Promise<void>)[] = [scratch.discard];
  try {
    const rule = checkOptions(options);
    return await blamingModels([options.model], async () => {
      const run = await openRun(options, rule, completeHooks(hooks), closing);
      const { plan } = await planStage.of(run);
      const { predictions, reading } = await readingStage.of(run);
      const { train, validation, test } = run.data;
      const data = { train: train.split.count, validation: validation.split.count, test: test.split.count };
      const pass = predictions.seconds / data.validation;
      return {
        model: describeModel(run.model),
        data,
        plan: describePlan(plan),
        reading,
        files: run.model.files,
        pass: Number.isFinite(pass) && pass > 0 ? pass : null,
        recipes: options.training.search ? (await suitableCandidates(run, plan)).length : null,
      };
    });
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

/** A training step is a forward and a backward pass, which is twice as much work. */
const stepPasses = 3;

/** The passes over a split that judging takes: the models themselves, what enters their activations, and their attribution maps. */
const judgingPasses = 6;

/** Seconds that a run of these settings may take on the machine that rehearsed it; null where that could not be timed. */
export function forecast(
  training: TrainingSettings,
  { data, pass, recipes }: Pick<Rehearsal, 'data' | 'pass' | 'recipes'>,
): number | null {
  if (pass === null) return null;
  const { budgetSeconds } = training;
  const epochs = recipes === null ? epochsOf({ training }) : epochsInAll(rungsOf(training.epochs, recipes), recipes);
  const arms = trainingsOf(training);
  const trained = arms * epochs * (stepPasses * data.train + data.validation) * pass;
  const whole = trained + judgingPasses * data.test * pass;
  return budgetSeconds === null ? whole : Math.min(whole, budgetSeconds);
}
