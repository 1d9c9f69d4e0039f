import { dropoutPlaces, withDropout } from '../training/dropout.js';
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
 * offsets beside them.
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
  const frelu = { ...made, trainable: { ...made.trainable, roles: { ...roles, besideSites: new Set<string>() } } };
  if (run.options.training.dropout === 0) return { relu, frelu };
  const places = dropoutPlaces(relu.trainable);
  const shapes = await trainingShapesOf(run);
  return { relu: await withDropout(relu, places, shapes), frelu: await withDropout(frelu, places, shapes) };
});
