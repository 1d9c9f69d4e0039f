import type { Graph } from '../../model/graph.js';
import { checkRuntime } from '../../reading/runtime.js';
import { type StagedModel, stageModel } from '../../upgrade/staging.js';
import { networksOf } from '../networks.js';
import { perRun, type Run } from '../run.js';
import { defineStage } from '../runner.js';
import { planStage } from './plan.js';
import { readingStage, readRunOf } from './reading.js';
import { trainStage } from './train.js';

interface StagedArm {
  /** the frelu arm's network with the trained values in place */
  readonly baked: Graph;
  readonly staged: StagedModel;
}

/** The migrated model's files, complete in a temporary folder until the run ends. */
export const stagedArmOf = perRun(async (run): Promise<StagedArm> => {
  const { plan } = await planStage.of(run);
  const { frelu } = await trainStage.of(run);
  const baked = (await networksOf(run)).frelu.bake(frelu.outcome.parameters);
  const staged = await stageModel(run.model, plan, baked);
  run.atEnd(() => staged.discard());
  return { baked, staged };
});

/** Which files the migrated model consists of: what is judged, and nothing else may be written. */
export const stageStage = defineStage<{
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}>({
  name: 'stage',
  phase: 'judge',
  fields: ['files'],
  async compute(run) {
    const { staged } = await stagedArmOf(run);
    await warnOfRuntime(run, staged);
    return { files: staged.model.files.map(({ path, sha256 }) => ({ path, sha256 })) };
  },
});

/** The migrated model may fall to a fault of ONNX Runtime that the values of the original never met. */
async function warnOfRuntime(run: Run, { model }: StagedModel): Promise<void> {
  if ((await readingStage.of(run)).reading.runtime !== null) return;
  const { signature, data } = await readRunOf(run);
  const { session } = await run.device();
  const found = await checkRuntime({ model, signature, part: data.validation, session }, signature.output);
  if (found !== null) run.hooks.warn(`the migrated model: ${found.sentence}`);
}
