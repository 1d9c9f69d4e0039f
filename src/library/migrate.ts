import type { Reading } from '../contract/reading.js';
import type { BudgetPlan, CurvePoint, Decision, MigrateResult } from '../contract/result.js';
import type { ArmName } from '../run/arms.js';
import type { RunHooks, RunPhase, TrialReport } from '../run/hooks.js';
import type { RangeTest } from '../run/learning-rate.js';
import type { Retreat, StepReport } from '../training/arm.js';
import { type OptionsOf, readOptions, withData } from './options.js';

/** The options of `frelu-migrate migrate`, by the names that a configuration file has them by; all but `data` have defaults. */
export interface MigrateOptions extends Omit<OptionsOf<'migrate'>, 'data' | 'yes' | 'log' | 'fromScratch'> {
  /** a file or a folder: whatever `--data` takes */
  readonly data: string;
  /** stops the run where it can be resumed from; it then ends with Failure('interrupted') */
  readonly signal?: AbortSignal;
  /** called as things happen; `migration` gives the same as events */
  readonly hooks?: Partial<Omit<RunHooks, 'signal'>>;
}

/**
 * The main job, as `frelu-migrate migrate MODEL --yes` does it: plan, baseline, fine-tune both arms, judge on the test split, and
 * replace the model in place where the acceptance rule is met; its old bytes are kept. With `out` it is written there, with
 * `dryRun: true` not at all. Reports and checkpoints lie in the run's folder.
 *
 * The result is complete in every case, also where the rule was not met: `written` and `verdict` say so. Nothing is printed.
 * @param model an .onnx file, a model.json of TensorFlow.js, or a folder that holds one of them
 * @throws Failure('usage') for options that are none, Failure('input') for a model or data that cannot be used, Failure('locked') where
 * another run holds the lock, Failure('interrupted') when the signal fires or the device fails; `written` says what stands then
 */
export async function migrate(model: string, options: MigrateOptions): Promise<MigrateResult> {
  const { signal, hooks = {}, ...said } = options;
  const [{ migrationOptions, placeOptions }, { migrate: run }] = await Promise.all([
    import('../cli/options/migration.js'),
    import('../run/migrate.js'),
  ]);
  const asked = await readOptions('migrate', said, (command) => {
    const [migration, place] = [migrationOptions(command), placeOptions(command)];
    return () => ({ ...migration(), ...place() });
  });
  const request = { ...asked, model, data: withData('migrate', asked.data) };
  return run(request, { ...hooks, ...(signal !== undefined && { signal }) });
}

/** What happens in a run; each event has what the hook of its name is called with. */
export type MigrationEvent =
  | { readonly type: 'phase'; readonly phase: RunPhase }
  /** how the model is read, before anything is judged by it */
  | { readonly type: 'reading'; readonly reading: Reading }
  | { readonly type: 'range-test'; readonly test: RangeTest }
  /** what fits into a budget, before the first step */
  | { readonly type: 'budget'; readonly plan: BudgetPlan }
  /** of a search: an arm is taken through a rung under a recipe */
  | { readonly type: 'trial'; readonly trial: TrialReport }
  /** an arm begins to be trained */
  | { readonly type: 'arm'; readonly arm: ArmName; readonly seed: number; readonly trainSamples: number }
  | { readonly type: 'step'; readonly arm: ArmName; readonly report: StepReport }
  | { readonly type: 'epoch'; readonly arm: ArmName; readonly point: CurvePoint }
  | { readonly type: 'retreat'; readonly arm: ArmName; readonly retreat: Retreat }
  /** as soon as it stands: what explains it is measured then, and nothing is written yet */
  | { readonly type: 'verdict'; readonly verdict: Decision }
  /** what was decided without being asked for */
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  /** the last one */
  | { readonly type: 'result'; readonly result: MigrateResult };

/**
 * `migrate` as a stream of events, the result last (it is the generator's return value too):
 *
 *     for await (const event of migration('model.onnx', { data: 'photos' })) {
 *       if (event.type === 'epoch') console.log(event.arm, event.point.validationLoss);
 *     }
 *
 * Events wait until they are taken; none is dropped. Leaving the loop early stops the run where it can be resumed from.
 * @throws what `migrate` throws, from the iteration
 */
export async function* migration(
  model: string,
  options: Omit<MigrateOptions, 'hooks'>,
): AsyncGenerator<MigrationEvent, MigrateResult, undefined> {
  const left = new AbortController();
  const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
  const waiting: MigrationEvent[] = [];
  let wake = (): void => {};
  const tell = (event: MigrationEvent): void => {
    waiting.push(event);
    wake();
  };
  let ended = false;
  const run = migrate(model, { ...options, signal, hooks: hooksThat(tell) }).finally(() => {
    ended = true;
    wake();
  });
  // awaited below; until then it is no unhandled rejection
  run.catch(() => {});
  try {
    while (!ended || waiting.length > 0) {
      yield* waiting.splice(0);
      if (ended || waiting.length > 0) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const result = await run;
    yield { type: 'result', result };
    return result;
  } finally {
    left.abort();
    await run.catch(() => {});
  }
}

function hooksThat(tell: (event: MigrationEvent) => void): Omit<RunHooks, 'signal'> {
  return {
    onPhase: (phase) => tell({ type: 'phase', phase }),
    onReading: (reading) => tell({ type: 'reading', reading }),
    onRangeTest: (test) => tell({ type: 'range-test', test }),
    onBudget: (plan) => tell({ type: 'budget', plan }),
    onTrial: (trial) => tell({ type: 'trial', trial }),
    onArm: (arm, seed, trainSamples) => tell({ type: 'arm', arm, seed, trainSamples }),
    onStep: (arm, report) => tell({ type: 'step', arm, report }),
    onEpoch: (arm, point) => tell({ type: 'epoch', arm, point }),
    onRetreat: (arm, retreat) => tell({ type: 'retreat', arm, retreat }),
    onVerdict: (verdict) => tell({ type: 'verdict', verdict }),
    note: (message) => tell({ type: 'note', message }),
    warn: (message) => tell({ type: 'warning', message }),
  };
}
