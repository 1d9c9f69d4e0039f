import { Failure } from '../../contract/failure.js';
import type { ArmOutcome } from '../../training/arm.js';
import { type FreshWeights, frameworkOf, freshWeights, withFreshWeights } from '../../training/fresh-weights.js';
import { removeCheckpoints, trainWithSeed } from '../arm-phases.js';
import { armsOf } from '../arms.js';
import { artifact } from '../artifact.js';
import { type Networks, networksOf } from '../networks.js';
import { perRun, type Run } from '../run.js';
import { deriveRun } from '../search/derive.js';
import type { TrainingSettings } from '../spec.js';
import type { ScratchArm } from './arms.js';
import type { ScratchHooks } from './hooks.js';

/** How a run's network is drawn anew. */
export const freshWeightsOf = perRun(async (run): Promise<FreshWeights> => {
  const { trainable } = (await networksOf(run)).relu;
  const framework = frameworkOf(run.model.format, run.model.graph.model.producerName);
  return freshWeights(trainable.graph, trainable.parameters, framework);
});

/** An arm of a seed: trained to its end, or why it was not. */
export type ScratchOutcome =
  | { readonly outcome: ArmOutcome; readonly failed: null }
  | { readonly outcome: null; readonly failed: string };

/** An arm of a seed with the networks that its parameters belong to, and the run that it was trained in. */
export interface TrainedScratch {
  readonly run: Run;
  readonly networks: Networks;
  readonly trained: ScratchOutcome;
}

/** What the run of an arm has of its own. */
interface OfArm {
  readonly learningRate: number;
  readonly hooks: ScratchHooks;
}

/** Trains an arm with a seed, or has it from the store. One that diverges at every rate has failed; that ends no experiment. */
export async function trainScratch(
  run: Run,
  arm: ScratchArm,
  seed: number,
  { learningRate, hooks }: OfArm,
): Promise<TrainedScratch> {
  const derived = await freshRun(run, seed, arm, { learningRate });
  const fresh = { ...derived, hooks: { ...hooks, onArm: named(hooks, `${arm.name}, rate ${learningRate}`) } };
  const { store } = fresh.place;
  const kept = artifact<ScratchOutcome>('scratch', String(seed), ['outcome', 'failed']);
  let trained = await store.get(kept);
  if (trained === null) {
    const spec = armsOf(fresh.options).find(({ network }) => network === arm.network);
    if (spec === undefined) throw new Error(`there is no arm with the network ${arm.network}`);
    trained = await attempt(() => trainWithSeed(fresh, spec, seed));
    await store.put(kept, trained);
    await removeCheckpoints(fresh, spec, seed);
  }
  return { run: fresh, networks: await networksOf(fresh), trained };
}

async function attempt(train: () => Promise<ArmOutcome>): Promise<ScratchOutcome> {
  try {
    return { outcome: await train(), failed: null };
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.kind !== 'input') throw cause;
    return { outcome: null, failed: cause.what };
  }
}

/** The run over the same data, read as the model is that came, with fresh weights in its place: of one seed the same in every arm. */
export async function freshRun(
  run: Run,
  seed: number,
  arm: ScratchArm,
  { learningRate }: Pick<TrainingSettings, 'learningRate'>,
): Promise<Run> {
  const graph = withFreshWeights(run.model.graph, await freshWeightsOf(run), seed);
  const training = { ...run.options.training, initialOffset: arm.init ?? 0, learningRate };
  const scope = `${arm.name.replaceAll(' ', '-')}-${learningRate}`;
  const derived = deriveRun(run, { ...run.options, training }, { rate: scope, checkpoint: scope, scratch: scope });
  return { ...derived, model: { ...run.model, graph } };
}

const named =
  ({ onArm }: ScratchHooks, name: string) =>
  (_: string, seed: number, trainSamples: number): void =>
    onArm(name, seed, trainSamples);
