import { type ArmNetwork, controlNetwork, type FreluNetwork, freluNetwork } from '../training/networks.js';
import { perRun } from './run.js';
import { planStage } from './stages/plan.js';
import { readRunOf } from './stages/reading.js';

export interface Networks {
  readonly relu: ArmNetwork;
  readonly frelu: FreluNetwork;
}

/** Both networks of a run. They train the same initializers of the model, and FReLU its shifts and offsets beside them. */
export const networksOf = perRun(async (run): Promise<Networks> => {
  const { plan } = await planStage.of(run);
  const { judged, others } = await readRunOf(run);
  const all = [judged, ...others.map((other) => other.judged)];
  const { scope, initialOffset } = run.options.training;
  const loss = run.own?.loss ?? null;
  const relu = controlNetwork(run.model, plan, scope, all, loss);
  const frelu = freluNetwork(run.model, plan, scope, relu.trainable.parameters, initialOffset, all, loss);
  return { relu, frelu };
});
