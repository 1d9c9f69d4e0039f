import type { BatchPart } from '../autodiff/step.js';
import { present } from '../contract/present.js';
import type { MetricName } from '../contract/result.js';
import type { LossKind } from '../contract/settings.js';
import {
  type Batch,
  type BatchOptions,
  batches,
  gatherTargets,
  preprocessed,
  type StoredValues,
  storedBatches,
} from '../data/batches.js';
import type { Targets } from '../data/dataset.js';
import { keepThreadsBusy } from '../data/inputs.js';
import { wantedTargets } from '../data/samples.js';
import { evaluateMetrics, type Truth } from '../evaluation/metrics.js';
import { rowsAt } from '../math/rows.js';
import type { Graph } from '../model/graph.js';
import type { DataPart } from '../reading/data.js';
import { pixelPrologues } from '../reading/fed-predictor.js';
import type { OwnLoss } from '../reading/own-graphs.js';
import { type Predictions, predict, predictWithLoss } from '../reading/predictions.js';
import { targetFeeds } from '../reading/scorer.js';
import { lossTargets, type RunTask, scoresOf } from '../reading/task.js';
import { type Feeds, type Signature, signatureOf, tensorsFor } from '../runtime/predictor.js';
import type { ArmSubject, TrainingBatches } from '../training/arm.js';
import type { Validation } from '../training/criterion.js';
import { drawMasks } from '../training/dropout.js';
import type { ArmNetwork } from '../training/networks.js';
import { prepareStep, type Trainable } from '../training/prepare.js';
import { recalibrate } from '../training/recalibrate.js';
import { type StepFeed, Stepper } from '../training/stepper.js';
import { type KeepingContext, withKeptPrefix } from './kept-prefix.js';
import { staysStored, type VariationSettings, variationOf } from './variation.js';

/** An output that is trained beside the one that is judged. */
export interface LearnedOutput {
  readonly signature: Signature;
  readonly task: RunTask;
  readonly loss: LossKind;
  /** of the training data */
  readonly targets: Targets;
  /** what validation predictions are compared with */
  readonly validationTruth: Truth;
  /** of mse: the spread of the training targets, by column */
  readonly targetScale?: readonly number[];
  /** what its loss counts beside the others (1) */
  readonly weight?: number;
}

/** What both trained arms of a run share: data, order, task, device. */
export interface ArmContext extends KeepingContext {
  readonly validation: DataPart;
  readonly signature: Signature;
  readonly task: RunTask;
  readonly labelSmoothing: number;
  /** of what last layers read; left out: none */
  readonly dropout?: number;
  /** the teacher's soft targets on the training split, in its order, [samples, width]; null without a teacher */
  readonly taught: Float32Array | null;
  /** what validation predictions are compared with */
  readonly validationTruth: Truth;
  /** the user's own, by which both arms are trained instead of ours; null or left out: there is none */
  readonly ownLoss?: OwnLoss | null;
  /** the loss is the sum over the judged output and these */
  readonly others?: readonly LearnedOutput[];
  readonly seed: number;
  /** of the device: what it keeps beyond open sessions */
  freeMemory?(): Promise<void>;
  warn?(message: string): void;
}

/** How long an arm is trained. */
interface ArmCourse {
  /** that its samples are gone through */
  readonly epochs: number;
  /** that the arm was trained for before (0): its samples come in other orders than then */
  readonly earlier?: number;
  /** what the network says of the validation split as it is; null or left out: that is not known */
  readonly untrained?: Predictions | null;
}

/** What is computed alike in each of several epochs is computed here, once (`withKeptPrefix`). */
export async function armSubject(
  whole: ArmContext,
  network: ArmNetwork,
  { epochs, earlier = 0, untrained = null }: ArmCourse,
): Promise<ArmSubject> {
  const { context: kept, trainable } = await withKeptPrefix(whole, network.trainable, epochs);
  const context = fedAsStored(kept, trainable);
  const { settings } = context;
  const options = {
    provider: settings.provider,
    warn: (message: string) => context.warn?.(message),
    freeMemory: async () => context.freeMemory?.(),
    session: { besideThreads: keepThreadsBusy(context.train.inputs) },
  };
  const build = (size: number, part: BatchPart) => prepareStep(trainable, size, settings, part);
  return {
    stepper: new Stepper(build, trainable.graph, options),
    // a float16 model is trained in float32
    batches: trainingBatches(context, trainable, earlier),
    ...(settings.batchNorm === 'batch' && {
      settle: async (parameters: ReadonlyMap<string, Float32Array>) =>
        new Map([...parameters, ...(await statisticsFor(whole, network.trainable, parameters))]),
    }),
    bake: network.bake,
    validate: async (graph) => (await validate(whole, graph)).validation,
    ...(untrained !== null &&
      isJudgedAlone(whole) && { untrained: validationOf(whole.task, untrained, whole.validationTruth) }),
  };
}

/** Whether what the judged output says of the validation split is all that an epoch is judged by. */
function isJudgedAlone({ validation, others = [], ownLoss = null }: ArmContext): boolean {
  return ownLoss === null && others.length === 0 && (validation.measures ?? []).length === 0;
}

/** Running statistics estimated anew for trained parameters, over the training split, by the initializers that hold them. */
export function statisticsFor(
  context: ArmContext,
  trainable: Trainable,
  parameters: ReadonlyMap<string, Float32Array>,
): Promise<Map<string, Float32Array>> {
  // what inference sees is not varied, and nothing is left out
  const { variation: _, ...unvaried } = context;
  const plain = fedAsStored({ ...unvaried, dropout: 0 }, trainable);
  return recalibrate(trainable, parameters, trainingBatches(plain, trainable), plain.settings, context.session);
}

/**
 * On the CPU 8-bit samples are fed as they are stored, where they are not mixed, and the step makes of them what the network takes: a quarter of the
 * bytes, and no arithmetic on the thread that starts the steps.
 */
function fedAsStored(context: ArmContext, { graph }: Trainable): ArmContext {
  const { settings, task, train, variation = unvaried } = context;
  // what an anomaly is told by is held against what was fed
  if (settings.provider !== 'cpu' || task.task === 'anomaly' || !staysStored(variation)) return context;
  const pixels = pixelPrologues(graph.model, train.inputs);
  return pixels.length === 0 ? context : { ...context, settings: { ...settings, pixels } };
}

/** The training split, shuffled by seed and epoch: the same order for every arm. */
function trainingBatches(context: ArmContext, trainable: Trainable, earlier = 0): TrainingBatches {
  const { train, batchSize, task, seed, settings, ownLoss = null } = context;
  const signature = signatureOf(trainable.graph);
  const read = (options: BatchOptions): AsyncIterable<Batch<StoredValues>> =>
    settings.pixels === undefined ? batches(train, options) : storedBatches(train, options);
  const { samples, split } = train;
  const targetsOf = batchTargets(context);
  const vary = variationOf(train.inputs, context.variation ?? unvaried);

  async function* epoch(number: number, from: number): AsyncIterable<StepFeed> {
    const options = { indices: split.indices, batchSize, shuffle: { seed, epoch: earlier + number }, skip: from };
    const classes = task.width > 1 && samples.targets.kind === 'class' ? { classes: task.width } : {};
    const varied = vary(seed, earlier + number);
    let at = from;
    for await (const batch of read({ ...options, ...classes })) {
      const { count } = batch;
      const others = (context.others ?? []).map((other) => {
        const own = gatherTargets(other.targets, batch.indices, other.task.width);
        return lossTargets(other.task, own, context.labelSmoothing);
      });
      const plain = { inputs: batch.inputs, targets: [targetsOf(batch), ...others] };
      const draw = { seed, epoch: earlier + number, batch: at };
      const { inputs, targets } = varied(plain, batch.indices, at++);
      const [judged = new Float32Array(), ...further] = targets;
      const masks = drawMasks(trainable.masks ?? [], context.dropout ?? 0, count, draw);
      const feeds = { ...inputs, ...lossFeeds(context, trainable, batch), ...masks };
      const isOfMasks = ownLoss === null && samples.targets.kind === 'mask';
      const weights = isOfMasks ? { weights: countedPixels(judged, count) } : {};
      yield { inputs: tensorsFor(signature, feeds, count), targets: judged, others: further, count, ...weights };
    }
  }
  return { count: split.count, batchSize, epoch };
}

const unvaried: VariationSettings = { mixup: null, augment: [] };

/** What a loss of the user's reads beside the outputs, by the names of the inputs that it has behind the model. */
function lossFeeds(
  { ownLoss = null, train }: ArmContext,
  { ownLoss: attached }: Trainable,
  { indices }: Pick<Batch, 'indices'>,
): Feeds {
  if (ownLoss === null || attached === undefined) return {};
  const targets = targetFeeds(ownLoss.inputs, wantedTargets(train.samples), indices);
  const feeds = [...attached.targets].map(([name, input]) => {
    return [input, present(targets[name], `the target '${name}'`)] as const;
  });
  return Object.fromEntries(feeds);
}

/** Of each mask, the pixels that are of a class: what the loss's mean is over. */
function countedPixels(masks: Float32Array, count: number): number[] {
  const pixels = masks.length / count;
  return Array.from({ length: count }, (_, i) =>
    masks.subarray(i * pixels, (i + 1) * pixels).reduce((sum, label) => (label >= 0 ? sum + 1 : sum), 0),
  );
}

/** What the loss is held against: labels, the teacher's answers, or both side by side for each sample, as `Backward.targetShape` says. */
function batchTargets(context: ArmContext): (batch: Batch<StoredValues>) => Float32Array {
  const { taught, task, train, settings, labelSmoothing, ownLoss = null } = context;
  if (ownLoss !== null) return () => new Float32Array();
  if (task.task === 'anomaly')
    return ({ inputs }) => preprocessed(present(Object.values(inputs)[0], 'the input of the model').values);
  if (taught === null) return (batch) => lossTargets(task, batch, labelSmoothing);
  const { width } = task;
  const row = new Map(Array.from(train.split.indices, (index, i) => [index, i] as const));
  const answers = ({ indices }: Pick<Batch, 'indices'>): Float32Array => {
    const rows = indices.map((index) => present(row.get(index), `the teacher's answer to sample ${index}`));
    return rowsAt(taught, width, rows);
  };
  if (settings.distillation?.weight === 1) return answers;
  return (batch) => {
    const [hard, soft] = [lossTargets(task, batch, labelSmoothing), answers(batch)];
    const both = new Float32Array(2 * soft.length);
    for (let at = 0; at < soft.length; at += width) {
      both.set(hard.subarray(at, at + width), 2 * at);
      both.set(soft.subarray(at, at + width), 2 * at + width);
    }
    return both;
  };
}

/** The loss and the metric of a graph on the validation split, and what its judged output says there. */
export async function validate(
  context: ArmContext,
  graph: Graph,
): Promise<{ readonly validation: Validation; readonly predictions: Predictions }> {
  const { signature, task, validation, validationTruth, settings, session, others = [], ownLoss = null } = context;
  if (ownLoss !== null) {
    const loss = { graph: ownLoss, batchSize: context.batchSize };
    const said = await predictWithLoss(graph.model, signature, validation, session, loss);
    const { metric } = validationOf(task, said.predictions, validationTruth);
    return { validation: { loss: said.loss, metric }, predictions: said.predictions };
  }
  const predictions = await predict(graph.model, signature, validation, session);
  const judged = validationOf(task, predictions, validationTruth);
  if (others.length === 0) return { validation: judged, predictions };
  // losses that are added up are each in the unit of their own targets' spread, as in training
  let loss = inUnits(judged.loss, settings.targetScale) * (settings.weight ?? 1);
  for (const other of others) {
    const said = await predict(graph.model, other.signature, validation, session);
    const own = validationOf(other.task, said, other.validationTruth).loss;
    loss += inUnits(own, other.targetScale) * (other.weight ?? 1);
  }
  return { validation: { loss, metric: judged.metric }, predictions };
}

/** A mean squared error over the mean square of the targets' spread; other losses as they are. */
function inUnits(loss: number, targetScale: readonly number[] | undefined): number {
  if (targetScale === undefined) return loss;
  return loss / (targetScale.reduce((sum, scale) => sum + scale ** 2, 0) / targetScale.length);
}

function validationOf(task: RunTask, predictions: Predictions, truth: Truth): Validation {
  const metrics = evaluateMetrics(scoresOf(task, predictions), truth);
  const named = (name: MetricName): number | null => metrics[name]?.value ?? null;
  const rmse = named('rmse');
  const loss = named('logLoss') ?? named('reconstructionError') ?? (rmse === null ? Number.NaN : rmse ** 2);
  return { loss, metric: named(task.metric) };
}
