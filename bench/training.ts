import type { BatchPart } from '../src/autodiff/step.js';
import { present } from '../src/contract/present.js';
import { defaultPlanOptions } from '../src/contract/settings.js';
import { createRandom } from '../src/math/random.js';
import type { Graph } from '../src/model/graph.js';
import type { FormatLimits } from '../src/model/limits.js';
import { countOperations } from '../src/model/operation-counts.js';
import { scopesOf } from '../src/model/scopes.js';
import { elementCount } from '../src/model/tensor.js';
import { signatureOf } from '../src/runtime/predictor.js';
import { float32 } from '../src/runtime/session.js';
import { observeShapes } from '../src/runtime/shapes.js';
import { makeTrainable, prepareStep, type StepSettings } from '../src/training/prepare.js';
import { Stepper } from '../src/training/stepper.js';
import { planMigration } from '../transforms/plan/plan-migration.js';
import { planTraining } from '../transforms/plan/plan-training.js';
import { applyPlan } from '../transforms/rewrite/apply.js';
import { type Contestant, inTurn, openMatrixProduct, productOperations, threads, timed } from './measure.js';
import type { Network } from './networks.js';
import { noPeer, openTrainingPeer } from './peer.js';
import { milliseconds, type Row, ratio, section, share } from './print.js';

/** One training step that is measured, in ours and in the peer's words. */
export interface StepTask {
  readonly network: Network;
  readonly batch: number;
  readonly batchNorm: 'batch' | 'frozen';
  readonly scope: 'all' | 'biases';
}

export interface OurStep extends Contestant {
  /** of the graph of a step, those of its bodies included */
  readonly nodes: number;
  /** takes one step in a call of its own */
  runOne(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Training steps of this project on random data: of the network as it is, or migrated, with a shift and an offset at every
 * site. `limits` are what the model's files cannot say. SGD with momentum 0.9 and weight decay 1e-4 on the cross-entropy, as the peer has it.
 */
export async function openStep(
  model: Graph,
  { batch, batchNorm, scope }: Pick<StepTask, 'batch' | 'batchNorm' | 'scope'>,
  migrated: boolean,
  options: { provider?: StepSettings['provider']; profile?: string; limits?: FormatLimits } = {},
): Promise<OurStep> {
  const graph = model.copy();
  const planned = () => planTraining(model, planMigration(model, defaultPlanOptions, options.limits));
  const sites = migrated ? applyPlan(graph, planned()) : [];
  const parameters = sites.flatMap(({ shift, offset }) => (shift === null ? [offset] : [shift, offset]));
  // the same weights in both: those of the model as it is
  const weights = makeTrainable('the network', model, scope).parameters;
  const trainable = { ...makeTrainable('the network', graph, scope, parameters), parameters: weights };
  const { name: input, shape } = present(signatureOf(graph).inputs[0], 'the input of the network');
  const sampleShape = shape.slice(1).map((size) => size ?? 1);
  const settings: StepSettings = {
    provider: options.provider ?? 'cpu',
    loss: 'cross-entropy',
    optimizer: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 1e-4 },
    batchNorm,
    clipNorm: null,
    sampleShapes: { [input]: sampleShape },
  };
  const profiling = options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile };
  const stepper = new Stepper(
    (size: number, part: BatchPart) => prepareStep(trainable, size, settings, part),
    trainable.graph,
    { provider: settings.provider, session: { intraOpNumThreads: threads, ...profiling } },
  );
  const random = createRandom(1);
  const images = Float32Array.from({ length: batch * elementCount(sampleShape) }, () => random.uniform());
  const { targetShape, graph: stepGraph } = await stepper.step(batch);
  const classes = targetShape[1] ?? 1;
  const targets = new Float32Array(batch * classes);
  for (let i = 0; i < batch; i++) targets[i * classes + Math.floor(random.uniform() * classes)] = 1;
  const feed = { inputs: { [input]: float32(images, [batch, ...sampleShape]) }, targets, count: batch };
  return {
    nodes: scopesOf(stepGraph).reduce((sum, scope) => sum + scope.graph.nodes.length, 0),
    run: async (count) => {
      // as many in one call as training takes
      const each = stepper.stepsPerCall;
      const feeds = Array<typeof feed>(each).fill(feed);
      const rates = feeds.map(() => ({ weights: 0.01, sites: 0.01 }));
      const calls = await timed(Math.max(2, Math.ceil(count / each)), () => stepper.runAll(feeds, rates));
      return calls.map((seconds) => seconds / each);
    },
    runOne: async () => {
      await stepper.run(feed, { weights: 0.01, sites: 0.01 });
    },
    release: () => stepper.release(),
  };
}

/**
 * Floating-point operations of a step: the forward pass's multiplications and additions, twice more for the gradients of inputs
 * and weights, or once where no weights are trained. Everything element by element is left out.
 */
export async function stepOperations(model: Graph, batch: number, scope: 'all' | 'biases'): Promise<number> {
  const { name: input, shape } = present(signatureOf(model).inputs[0], 'the input of the network');
  const dims = [batch, ...shape.slice(1).map((size) => size ?? 1)];
  const shapes = await observeShapes(model, { [input]: float32(new Float32Array(elementCount(dims)), dims) });
  const counts = countOperations(model, shapes);
  return 2 * (counts?.multiplyAdds ?? Number.NaN) * (scope === 'biases' ? 2 : 3);
}

/** Ours, as it came and migrated, and PyTorch, in turn; printed with the ratio and the share of the machine's peak. */
export async function compareSteps(title: string, task: StepTask): Promise<void> {
  const { network, batch } = task;
  const model = network.build();
  const product = await openMatrixProduct();
  const plain = await openStep(model, task, false);
  const migrated = await openStep(model, task, true);
  const peer = await openTrainingPeer({ ...task, network: network.name, threads });
  const [multiplying = Number.NaN, ours = Number.NaN, frelu = Number.NaN, theirs] = await inTurn([
    product,
    plain,
    migrated,
    ...(peer === null ? [] : [peer]),
  ]);
  for (const contestant of [product, plain, migrated]) await contestant.release();
  await peer?.close();

  const peak = productOperations / multiplying;
  const operations = await stepOperations(model, batch, task.scope);
  const row = (who: string, seconds: number): Row => [
    who,
    milliseconds(seconds),
    `${(batch / seconds).toFixed(0)} samples/s`,
    `${share(operations / seconds / peak)} of the peak`,
  ];
  const compared = (who: string, seconds: number): Row =>
    theirs === undefined ? row(who, seconds) : [...row(who, seconds), `${ratio(theirs / seconds)} its speed`];
  await section(
    `${title}: ${network.title}, batch ${batch}, ${threads} threads`,
    [
      compared('ours, ReLU', ours),
      compared('ours, FReLU', frelu),
      ...(peer === null || theirs === undefined ? [] : [row(peer.name, theirs)]),
      ['matrix product of 2048', milliseconds(multiplying), '', `${(peak / 1e9).toFixed(0)} GFLOP/s`],
    ],
    peer === null ? noPeer('PyTorch') : undefined,
  );
}
