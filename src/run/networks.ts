import { dropoutPlaces, withDropout } from '../training/dropout.js';
import { compensated } from '../training/initial-offset.js';
import { type ArmNetwork, controlNetwork, type FreluNetwork, freluNetwork } from '../training/networks.js';
import { perRun } from './run.js';
import { planStage } from './stages/plan.js';
import { readRunOf } from './stages/reading.js';
import { trainingShapesOf } from './training-shapes.js';

export interface Networks {
  readonly relu: ArmNetwork;
  readonly frelu: FreluNetwork;
}

/**
 * Both networks of a run, made to train everything (`withScope`). They train the same initializers of the model, and FReLU its shifts and
 * offsets beside them. Where these begin elsewhere than at 0, what that changes is taken back, but for fresh weights, which compute nothing yet.
 */
export const networksOf = perRun(async (run): Promise<Networks> => {
  const { plan } = await planStage.of(run);
  const { judged, others } = await readRunOf(run);
  const all = [judged, ...others.map((other) => other.judged)];
  const { initialOffset } = run.options.training;
  const loss = run.own?.loss ?? null;
  const relu = controlNetwork(run.model, plan, 'all', all, loss);
  const { parameters, roles } = relu.trainable;
  const made = freluNetwork(run.model, plan, 'all', parameters, initialOffset, all, loss);
  // what is a bias of the model is one in both; here shifts and offsets have parameters of their own
  const started = run.options.fromScratch ? made : compensated(made, run.model.graph, plan, initialOffset);
  const frelu = {
    ...started,
    trainable: { ...started.trainable, roles: { ...roles, besideSites: new Set<string>() } },
  };
  if (run.options.training.dropout === 0) return { relu, frelu };
  const places = dropoutPlaces(relu.trainable);
  const shapes = await trainingShapesOf(run);
  return { relu: await withDropout(relu, places, shapes), frelu: await withDropout(frelu, places, shapes) };
});
