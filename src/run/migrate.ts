import type { MigrateResult } from '../contract/result.js';
import type { RunHooks } from './hooks.js';
import type { Run } from './run.js';
import { runStages } from './runner.js';
import type { MigrateRequest } from './spec.js';
import { baselineStage } from './stages/baseline.js';
import { commitStage } from './stages/commit.js';
import { judgeStage } from './stages/judge.js';
import { planStage } from './stages/plan.js';
import { readingStage } from './stages/reading.js';
import { reportStage } from './stages/report.js';
import { searched } from './stages/search.js';
import { stageStage } from './stages/stage.js';
import { trainStage } from './stages/train.js';
import { withRun } from './with-run.js';

const stages = [planStage, readingStage, baselineStage, trainStage, stageStage, judgeStage, commitStage, reportStage];

/**
 * The main job: plan, baseline, fine-tune the arms, judge on the test split, write. In place, or to `out`; or nothing.
 * The result is complete in every case, also where the acceptance rule was not met (`written` says).
 * @throws Failure of any kind; its `written` says what stands then
 */
export function migrate(request: MigrateRequest, hooks: Partial<RunHooks> = {}): Promise<MigrateResult> {
  return withRun(request, hooks, finishRun);
}

/** Takes a run through all stages that it has not been through. */
export async function finishRun(run: Run): Promise<MigrateResult> {
  const settled = await searched(run);
  await runStages(stages, settled);
  return reportStage.of(settled);
}
