import { ExecutionError, Failure } from '../contract/failure.js';
import type { MigrateResult } from '../contract/result.js';
import { teacherFile } from '../contract/settings.js';
import type { AcceptanceRule } from '../evaluation/rule.js';
import { blamingModels } from './blame.js';
import { completeHooks, type RunHooks } from './hooks.js';
import { checkOptions, openRun } from './open.js';
import type { Run } from './run.js';
import { runStages } from './runner.js';
import { completeOptions, type MigrateOptions, type MigrateRequest } from './spec.js';
import { baselineStage } from './stages/baseline.js';
import { commitStage } from './stages/commit.js';
import { judgeStage } from './stages/judge.js';
import { planStage } from './stages/plan.js';
import { readingStage } from './stages/reading.js';
import { reportStage } from './stages/report.js';
import { searched } from './stages/search.js';
import { stageStage } from './stages/stage.js';
import { trainStage } from './stages/train.js';

const stages = [planStage, readingStage, baselineStage, trainStage, stageStage, judgeStage, commitStage, reportStage];

/**
 * The main job: plan, baseline, fine-tune the arms, judge on the test split, write. In place, or to `out`; or nothing.
 * The result is complete in every case, also where the acceptance rule was not met (`written` says).
 * @throws Failure of any kind; its `written` says what stands then
 */
export async function migrate(request: MigrateRequest, hooks: Partial<RunHooks> = {}): Promise<MigrateResult> {
  const options = completeOptions(request);
  const rule = checkOptions(options);
  const teacher = teacherFile(options.distill);
  return blamingModels([options.model, ...(teacher === null ? [] : [teacher])], () =>
    runAll(options, rule, completeHooks(hooks)),
  );
}

async function runAll(options: MigrateOptions, rule: AcceptanceRule, hooks: RunHooks): Promise<MigrateResult> {
  const closing: (() => Promise<void>)[] = [];
  const run = await openRun(options, rule, hooks, closing);
  try {
    const settled = await searched(run);
    await runStages(stages, settled);
    return await reportStage.of(settled);
  } catch (cause) {
    throw await explainDevice(run, cause);
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

/** A device that fails between training steps takes nothing with it that was kept: another goes on from there. */
async function explainDevice(run: Run, cause: unknown): Promise<unknown> {
  if (!(cause instanceof ExecutionError)) return cause;
  const { provider } = await run.device();
  if (provider === 'cpu') return cause;
  const [why] = cause.message.split('\n');
  return new Failure(
    'interrupted',
    {
      what: `The device ${provider} failed (${why}). What was computed is saved.`,
      cure: 'Resume the run on another device.',
      settings: ['resume', ['device', 'cpu']],
      written: 'model-untouched',
    },
    { cause },
  );
}
