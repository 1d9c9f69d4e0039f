import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import type { WeightOrder } from '../autodiff/blocked.js';
import { differentiate } from '../autodiff/differentiate.js';
import { Emitter } from '../autodiff/emitter.js';
import { headScales, type ParameterScale } from '../autodiff/head-scale.js';
import { type Distillation, lossInput, type MaskLoss } from '../autodiff/losses.js';
import { type RunningStatistics, useBatchStatistics } from '../autodiff/lower/batch-statistics.js';
import { blockLayout } from '../autodiff/lower/block-layout.js';
import { clipByExtrema } from '../autodiff/lower/clip-by-extrema.js';
import { inlineConstantIf } from '../autodiff/lower/constant-if.js';
import { exposeLosses, type JudgedOutput } from '../autodiff/lower/expose-loss.js';
import { fillBlocks } from '../autodiff/lower/fill-block.js';
import { takeFloats } from '../autodiff/lower/float-input.js';
import { foldBatchNormalization } from '../autodiff/lower/fold-batch-normalization.js';
import { freezeShapes } from '../autodiff/lower/freeze-shapes.js';
import { nestConcats } from '../autodiff/lower/nest-concats.js';
import { poolBeforeActivation } from '../autodiff/lower/pool-before-activation.js';
import { lowerRecurrent } from '../autodiff/lower/recurrent.js';
import { writeOutScalers } from '../autodiff/lower/scaler.js';
import { lowerSequences } from '../autodiff/lower/sequences.js';
import { nameBodiesApart } from '../autodiff/lower/unique-names.js';
import { unrollLoops } from '../autodiff/lower/unroll-loops.js';
import {
  appendBackward,
  type Backward,
  type BatchPart,
  buildStep,
  type LossHead,
  type StepOptions,
  type TrainingStep,
} from '../autodiff/step.js';
import { trainedParameters } from '../autodiff/trainable.js';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { BatchNormMode, LossKind, Provider, TrainScope } from '../contract/settings.js';
import { floatValue, Graph } from '../model/graph.js';
import { countOperations } from '../model/operation-counts.js';
import { evaluateConstants } from '../runtime/evaluate-constants.js';
import { type PixelPrologue, pixelInputName, withPixelInputs } from '../runtime/pixel-prologue.js';
import { filledFeeds, type SampleShapes, signatureOf, tensorsFor } from '../runtime/predictor.js';
import { observeShapes } from '../runtime/shapes.js';
import { wholeRange } from '../runtime/tensors.js';
import { findBlockSize } from './block-size.js';
import { canonicalCopy } from './canonical.js';
import { type AttachedLoss, attachLoss, type OwnLoss } from './own-loss.js';
import { type GroupOptions, noRoles, type ParameterRoles, parameterGroups } from './parameter-groups.js';

/** What running statistics keep per step while training by batches: Keras's 0.99 is slow for a brief fine-tune, PyTorch's 0.9 is not. */
const runningMomentum = 0.9;

/** An input of a training graph, float32 [samples, ...shape], that multiplies a value: dropout. */
export interface DropoutMask {
  readonly input: string;
  /** of one sample */
  readonly shape: readonly number[];
}

/** A graph made ready for training: canonical op set, float32, batch size free. Every step is built from a copy of it. */
export interface Trainable {
  readonly path: string;
  readonly graph: Graph;
  /** initializers that the scope trains, by name */
  readonly parameters: readonly string[];
  /** the shift and offset initializers that the plan put in; empty for the control arm */
  readonly siteParameters: readonly string[];
  /** which of them are offsets; left out: nothing bounds any */
  readonly offsets?: ReadonlySet<string>;
  /** what of `parameters` is more than a weight */
  readonly roles: ParameterRoles;
  /** what is trained for: the values that the loss reads */
  readonly outputs: readonly string[];
  /** inputs that multiply what last layers read; left out: there are none */
  readonly masks?: readonly DropoutMask[];
  /** a loss of the user's, which stands behind the model in `graph`; left out: the loss is one of ours */
  readonly ownLoss?: AttachedLoss;
}

export interface StepSettings extends GroupOptions {
  readonly provider: Provider;
  readonly loss: LossKind;
  readonly batchNorm: BatchNormMode;
  readonly clipNorm: number | null;
  /** what a step keeps of the running average of the parameters; null or left out: there is none */
  readonly averageDecay?: number | null;
  /** what a step leaves no offset above; null or left out: nothing */
  readonly maxOffset?: number | null;
  /** the shape of one sample of each input, as the model takes it */
  readonly sampleShapes: SampleShapes;
  /** of the inputs that are fed with 8-bit pixels, on the CPU; left out: all are fed with numbers */
  readonly pixels?: readonly PixelPrologue[];
  /** the shape of one sample of each target of a loss of the user's, by the names of its inputs */
  readonly lossShapes?: SampleShapes;
  /**
   * of `mse`: the standard deviation of the training targets, one number, or one per output column; all positive. The
   * loss is then in units of it, squared, and the training independent of the unit that the targets are given in (`headScales`).
   */
  readonly targetScale?: readonly number[];
  /** of masks: how the loss is held against them */
  readonly mask?: MaskLoss;
  /** what is learned from a teacher; null or left out: nothing */
  readonly distillation?: Distillation | null;
  /** the losses of the outputs behind the first, which are trained beside it; the same unit for each */
  readonly others?: readonly Pick<LossHead, 'loss' | 'targetScale' | 'weight'>[];
  /** what the loss of the judged output counts beside theirs (1) */
  readonly weight?: number;
}

/**
 * Brings a copy of a graph to the form that is trained. `siteParameters` are kept apart from what the scope trains;
 * which initializers those are is decided on the model as it came, so that both trained arms change the same ones.
 * @param judged what the loss reads, the sum over these; none: the graph's first output
 * @param loss of the user's, instead of ours
 * @throws Failure('input') naming a node that has no equivalent in the canonical op set
 */
export function makeTrainable(
  path: string,
  graph: Graph,
  scope: TrainScope,
  siteParameters: readonly string[] = [],
  judged: readonly JudgedOutput[] = [],
  loss: OwnLoss | null = null,
): Trainable {
  const canonical = canonicalCopy(path, graph);
  if (loss === null && judged.length > 0) exposeLosses(canonical, judged);
  const sites = new Set(siteParameters);
  // what the canonical form alone has cannot go back into the model
  const isOwn = (name: string): boolean => !sites.has(name) && graph.initializer(name) !== undefined;
  const outputs =
    loss === null
      ? canonical.proto.output.slice(0, Math.max(1, judged.length)).map(({ name }) => name)
      : [...loss.reads.values()];
  const found = outputs.map((name) => trainedParameters(canonical, name));
  const trained = new Set(scope === 'offsets' ? [] : found.flatMap((each) => each[scope]));
  const roles: ParameterRoles = {
    biases: new Set(found.flatMap(({ biases }) => biases)),
    head: new Set(found.flatMap(({ head }) => head)),
    besideSites: new Set(),
  };
  const trainable = { path, graph: canonical, parameters: [...trained].filter(isOwn), siteParameters, roles, outputs };
  return loss === null ? trainable : { ...trainable, ownLoss: attachLoss(canonical, loss) };
}

/** skl2onnx writes the several targets of an MLPRegressor below each other: [N * K, 1]. */
function checkRows(shape: readonly number[] | undefined, samples: number, output: string): void {
  if (shape === undefined || shape[0] === samples) return;
  throw new Failure('input', {
    what: `The output '${output}' is [${shape.join(', ')}] for ${samples} samples: its first axis is not that of the samples.`,
    cure: 'Export the model with what it says of a sample in a row of its own.',
    written: 'model-untouched',
  });
}

/** The shape of one sample of everything that the graph is fed with: the model's inputs, the targets of a loss of the user's, masks. */
export function feedShapes(
  { ownLoss, masks = [] }: Trainable,
  { sampleShapes, lossShapes = {} }: Pick<StepSettings, 'sampleShapes' | 'lossShapes'>,
): SampleShapes {
  const targets = [...(ownLoss?.targets ?? [])].map(([name, input]) => {
    return [input, present(lossShapes[name], `the shape of the target '${name}'`)] as const;
  });
  const ofMasks = masks.map(({ input, shape }) => [input, shape] as const);
  return { ...sampleShapes, ...Object.fromEntries([...targets, ...ofMasks]) };
}

interface Forward {
  readonly graph: Graph;
  /** of every value, at the batch size */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly output: string;
  readonly others: readonly LossHead[];
  readonly blockSize?: number;
  readonly reordered?: ReadonlyMap<string, WeightOrder>;
  /** running statistics, by the initializer, with the value that replaces it after a step */
  readonly running: ReadonlyMap<string, string>;
  readonly multiplyAdds: number | null;
  /** of the last layer's parameters, where targets have one */
  readonly scales: ReadonlyMap<string, ParameterScale>;
}

/** The forward graph at one batch size: shapes frozen, normalizations in the form that the mode asks for. */
async function forwardAt(
  trainable: Trainable,
  batchSize: number,
  settings: Pick<StepSettings, 'provider' | 'batchNorm' | 'sampleShapes' | 'lossShapes' | 'targetScale' | 'others'>,
  {
    momentum = runningMomentum,
    keepWeights = true,
    trainedInState = false,
  }: { momentum?: number; keepWeights?: boolean; trainedInState?: boolean } = {},
): Promise<Forward> {
  const graph = trainable.graph.copy();
  const signature = signatureOf(graph);
  const feeds = tensorsFor(signature, filledFeeds(feedShapes(trainable, settings), batchSize), batchSize);
  let observed = await observeShapes(graph, feeds);
  if (trainable.ownLoss === undefined) checkRows(observed.get(signature.output), batchSize, signature.output);
  const multiplyAdds = countOperations(graph, observed)?.multiplyAdds ?? null;
  const trained = new Set([...trainable.parameters, ...trainable.siteParameters]);
  const others = (settings.others ?? []).map((other, i): LossHead => {
    return { ...other, output: present(graph.proto.output[i + 1], `the output ${i + 2} of the training graph`).name };
  });
  const own = { shapes: observed, trained: new Set(trainable.parameters) };
  const scaled = [...others, { output: signature.output, targetScale: settings.targetScale }];
  const scales = new Map(
    scaled.flatMap(({ output, targetScale: scale }) =>
      scale === undefined ? [] : [...headScales(graph, { ...own, output, scale })],
    ),
  );
  await freezeShapes(graph, observed, trained, evaluateConstants);
  for (let count = await unrollLoops(graph, evaluateConstants); ; count = 0) {
    count += inlineConstantIf(graph);
    if (count === 0) break;
    observed = await observeShapes(graph, feeds);
    await freezeShapes(graph, observed, trained, evaluateConstants);
  }
  if (lowerSequences(graph, observed) > 0) observed = await observeShapes(graph, feeds);
  // WebGPU has no Scan: its rounds would go to the host and back
  lowerRecurrent(graph, observed, settings.provider === 'webgpu' ? Number.POSITIVE_INFINITY : undefined);
  nameBodiesApart(graph);
  poolBeforeActivation(graph);
  nestConcats(graph);
  if (settings.provider === 'webgpu') clipByExtrema(graph, trained);
  let running: ReadonlyMap<string, string> = new Map();
  let centres: ReadonlyMap<string, string> = new Map();
  if (settings.batchNorm === 'batch') {
    const options = { provider: settings.provider, shapes: observed, momentum };
    const statistics = useBatchStatistics(graph, options);
    running = carryRunning(graph, statistics, momentum);
    refuseTrained(trainable.path, running, trained);
    centres = new Map(statistics.map(({ output, mean }) => [output, mean]));
  } else foldBatchNormalization(graph, { shapes: observed, trained });
  const blockSize = settings.provider === 'cpu' ? await findBlockSize() : null;
  let shapes = await observeShapes(graph, feeds);
  if (blockSize !== null && fillBlocks(graph, shapes, blockSize) > 0) shapes = await observeShapes(graph, feeds);
  const forward = { graph, shapes, output: signature.output, others, running, multiplyAdds, scales };
  if (blockSize === null) return forward;
  const inState = trainedInState ? trained : new Set<string>();
  const { convolutions, reordered } = blockLayout(graph, {
    blockSize,
    shapes,
    centres,
    trained,
    keepWeights,
    inState,
  });
  if (convolutions === 0) return forward;
  return { ...forward, shapes: await observeShapes(graph, feeds), blockSize, reordered };
}

/**
 * The initializers that hold running statistics, with their new values. An offset that was folded into a running mean
 * stands between the two: mean' = mean - k b. The initializer then takes what its mean' would, plus what was taken off it.
 *
 * A normalization that is applied several times (a head that two inputs share) updates its statistics at every use, one after
 * the other, as PyTorch does: with u the update of one use from the value r before the step,
 *   s = u, then s' = u' + momentum (s - r),
 * since u' is momentum r + (1 - momentum) times the batch's. Without momentum, where the statistics are estimated anew, every use counts alike.
 */
function carryRunning(graph: Graph, statistics: readonly RunningStatistics[], momentum: number): Map<string, string> {
  const emit = new Emitter(graph, 'batch-norm');
  const updates = new Map<string, string[]>();
  for (const { mean, variance, newMean, newVariance } of statistics) {
    for (const [before, after] of [
      [mean, newMean],
      [variance, newVariance],
    ] as const) {
      const root = rootInitializer(graph, before);
      if (root === null) continue;
      const update = root === before ? after : emit.op('Add', [after, emit.op('Sub', [root, before])]);
      updates.set(root, [...(updates.get(root) ?? []), update]);
    }
  }
  const inSequence = (root: string, uses: readonly string[]): string =>
    uses.reduce((so, update) =>
      emit.op('Add', [update, emit.op('Mul', [emit.op('Sub', [so, root]), emit.float(momentum)])]),
    );
  const averaged = (uses: readonly string[]): string =>
    emit.op('Mul', [uses.reduce((sum, update) => emit.op('Add', [sum, update])), emit.float(1 / uses.length)]);
  const running = new Map(
    [...updates].map(([root, uses]) => {
      const [only] = uses;
      if (only !== undefined && uses.length === 1) return [root, only] as const;
      return [root, momentum === 0 ? averaged(uses) : inSequence(root, uses)] as const;
    }),
  );
  emit.flush();
  return running;
}

/** What is learned by its gradient cannot follow the batch: a file that has equal values once, of a network that was not trained, gives one tensor both roles. */
function refuseTrained(path: string, running: ReadonlyMap<string, string>, trained: ReadonlySet<string>): void {
  const shared = [...running.keys()].find((name) => trained.has(name));
  if (shared === undefined) return;
  throw new Failure('input', {
    what: `${path}: '${shared}' is a running statistic of a normalization and a parameter that is learned: equal values were written once.`,
    cure: 'Leave the statistics as they are, or save the model with a tensor for each.',
    settings: [['batchNorm', 'frozen']],
    written: 'model-untouched',
  });
}

/** The initializer that a chain of element-wise nodes began with, by their first operands. */
function rootInitializer(graph: Graph, value: string): string | null {
  for (let at = value; ; ) {
    if (graph.initializer(at) !== undefined) return at;
    const next = graph.producer(at)?.input[0];
    if (next === undefined) return null;
    at = next;
  }
}

/**
 * Builds one training step of a trainable graph at a batch size, or at the size of a part of a batch.
 * @throws Failure('input') where an operator on the way to a trained parameter has no gradient rule
 */
export async function prepareStep(
  trainable: Trainable,
  batchSize: number,
  settings: StepSettings,
  part: BatchPart = 'whole',
): Promise<TrainingStep> {
  const {
    provider,
    batchNorm,
    loss,
    clipNorm,
    sampleShapes,
    lossShapes = {},
    targetScale,
    mask,
    weight,
    others = [],
    distillation = null,
    averageDecay = null,
    maxOffset = null,
    pixels = [],
  } = settings;
  const { ownLoss, offsets = new Set<string>() } = trainable;
  const inUnits = ownLoss === undefined && loss === 'mse' && targetScale !== undefined ? { targetScale } : {};
  const { graph, running, ...forward } = await forwardAt(
    trainable,
    batchSize,
    { provider, batchNorm, sampleShapes, lossShapes, others, ...inUnits },
    { trainedInState: true },
  );
  const step = buildStep(graph, {
    ...forward,
    ...inUnits,
    ...(weight !== undefined && { weight }),
    ...headOf(trainable, loss),
    ...(mask !== undefined && { mask }),
    path: trainable.path,
    provider,
    distillation,
    clipNorm,
    part,
    running,
    averageDecay,
    groups: parameterGroups(trainable, settings),
    ...(maxOffset !== null && { upperBounds: new Map([...offsets].map((name) => [name, maxOffset] as const)) }),
  });
  return pixels.length === 0 ? step : { ...step, ...fedWithPixels(step, pixels) };
}

/** Once its gradients are written: what makes an input of pixels has none, and nothing that is trained. */
function fedWithPixels({ graph, inputs }: TrainingStep, pixels: readonly PixelPrologue[]) {
  const isPixels = (name: string): boolean => pixels.some(({ input }) => input === name);
  return {
    graph: new Graph(withPixelInputs(graph.model, pixels)),
    inputs: inputs.map((name) => (isPixels(name) ? pixelInputName(name) : name)),
  };
}

/** What stands at the end of a trainable graph: what a loss of ours reads, or a loss of the user's. */
function headOf({ ownLoss }: Trainable, loss: LossKind): Pick<StepOptions, 'loss' | 'lossFile'> {
  return ownLoss === undefined ? { loss } : { loss: 'given', lossFile: ownLoss };
}

/**
 * The forward pass alone, every BatchNormalization by the batch: its outputs are what the batch says of each running statistic,
 * by the initializer that holds it.
 */
export async function prepareStatistics(
  trainable: Trainable,
  batchSize: number,
  settings: Pick<StepSettings, 'provider' | 'sampleShapes' | 'lossShapes' | 'pixels'>,
): Promise<Pick<Forward, 'graph' | 'running'>> {
  const { graph, running } = await forwardAt(
    trainable,
    batchSize,
    { ...settings, batchNorm: 'batch' },
    { momentum: 0 },
  );
  graph.proto.output = [...running.values()].map((name) => create(ValueInfoProtoSchema, { name }));
  graph.proto.valueInfo = [];
  return { graph: new Graph(withPixelInputs(graph.model, settings.pixels ?? [])), running };
}

/** The gradients alone, without an optimizer: for checks. The graph's outputs are the loss and the gradients. */
export async function prepareBackward(
  trainable: Trainable,
  batchSize: number,
  settings: StepSettings,
): Promise<Backward & { readonly graph: Graph }> {
  // whoever reads a gradient expects it to lie as the weights do
  const { graph, running: _, ...forward } = await forwardAt(trainable, batchSize, settings, { keepWeights: false });
  const parameters = [...trainable.parameters, ...trainable.siteParameters];
  const head = headOf(trainable, settings.loss);
  const backward = appendBackward(graph, parameters, { ...settings, ...forward, ...head, path: trainable.path });
  const given = [backward.loss, ...backward.gradients.values()];
  graph.proto.output = given.map((name) => create(ValueInfoProtoSchema, { name }));
  return { ...backward, graph };
}

/** A graph that computes, for each sample of a batch, sum over k of seed_k * d logit_k / d input. */
export interface InputGradient {
  readonly graph: Graph;
  /** [batchSize, ...sample shape] of elements `elementType`, in and out */
  readonly input: string;
  readonly elementType: number;
  readonly gradient: string;
  /** float32, the logits' shape with the batch in front: a one-hot row asks for one class */
  readonly seeds: string;
  readonly seedShape: readonly number[];
}

/**
 * The gradient of a model's outputs with respect to its (first) input, statistics frozen: what attribution maps are made of. The
 * outputs are taken before a final Softmax or Sigmoid that the loss would take over. Where the model makes floats of whole numbers
 * first, as of 8-bit pixels, the input is one of floats. Null where no gradient arrives at the input, because it holds ids.
 * @throws Failure('input') where an operator on the way has no gradient rule, or none in the canonical op set
 */
export async function prepareInputGradient(
  path: string,
  model: Graph,
  batchSize: number,
  settings: Pick<StepSettings, 'provider' | 'loss' | 'sampleShapes'>,
  judged: readonly JudgedOutput[] = [],
): Promise<InputGradient | null> {
  const trainable = {
    path,
    graph: canonicalCopy(path, model),
    parameters: [],
    siteParameters: [],
    roles: noRoles,
    outputs: [],
  };
  if (judged.length > 0) exposeLosses(trainable.graph, judged.slice(0, 1));
  writeOutScalers(trainable.graph);
  const [taken] = signatureOf(trainable.graph).inputs;
  if (taken !== undefined && wholeRange(taken.elementType) !== null && !takeFloats(trainable.graph, taken.name))
    return null;
  const { graph, ...forward } = await forwardAt(trainable, batchSize, { ...settings, batchNorm: 'frozen' });
  const { name: input, elementType } = present(signatureOf(graph).inputs[0], 'the input of the model');
  const rank = forward.shapes.get(forward.output)?.length ?? 2;
  const logits = lossInput(graph, forward.output, settings.loss, rank).value;
  const seedShape = forward.shapes.get(logits);
  if (seedShape === undefined) throw new Error(`the shape of '${logits}' was not observed`);
  const seeds = graph.freshName('seeds');
  graph.proto.input.push(floatValue(seeds, seedShape));
  const gradients = differentiate(graph, new Map([[logits, seeds]]), new Set([input]), {
    ...forward,
    path,
    provider: settings.provider,
  });
  const gradient = gradients.get(input);
  if (gradient === undefined) return null;
  const sampleShape = present(settings.sampleShapes[input], `the shape of '${input}'`);
  graph.proto.output = [floatValue(gradient, [batchSize, ...sampleShape])];
  graph.proto.valueInfo = [];
  return { graph, input, elementType, gradient, seeds, seedShape };
}
