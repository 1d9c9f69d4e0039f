import type { BatchPart } from '../autodiff/step.js';
import { type MetricName, metricTable } from '../contract/metrics.js';
import { batches } from '../data/batches.js';
import { evaluateMetrics, type Truth } from '../evaluation/metrics.js';
import type { Graph } from '../model/graph.js';
import type { Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import { type StepFeed, Stepper } from '../runtime/stepper.js';
import { tensorOf } from '../runtime/tensors.js';
import type { ArmSubject, TrainingBatches } from '../training/arm.js';
import type { Criterion, Validation } from '../training/criterion.js';
import { prepareStep, type StepSettings, type Trainable } from '../training/prepare.js';
import type { DataPart } from './data.js';
import type { MigrateOptions } from './options.js';
import { type Predictions, predict } from './predictions.js';
import { lossTargets, type RunTask, softTargets } from './task.js';

/** What both trained arms of a run share: data, order, task, device. */
export interface ArmContext {
  readonly train: DataPart;
  readonly validation: DataPart;
  readonly signature: Signature;
  readonly task: RunTask;
  readonly settings: StepSettings;
  readonly batchSize: number;
  readonly labelSmoothing: number;
  /** the original model's outputs on the training split, in its order; null unless distilled */
  readonly teacher: Predictions | null;
  /** what validation predictions are compared with */
  readonly validationTruth: Truth;
  readonly seed: number;
  readonly session: InferenceSession.SessionOptions;
  /** of the device: what it keeps beyond open sessions */
  freeMemory?(): Promise<void>;
  warn?(message: string): void;
}

/** An arm's network: what is trained, and how trained values go back into the model. */
export interface ArmNetwork {
  readonly trainable: Trainable;
  bake(parameters: ReadonlyMap<string, Float32Array>): Graph;
}

export function armSubject(context: ArmContext, network: ArmNetwork): ArmSubject {
  const { settings } = context;
  const options = {
    provider: settings.provider,
    warn: (message: string) => context.warn?.(message),
    freeMemory: async () => context.freeMemory?.(),
  };
  const build = (size: number, part: BatchPart) => prepareStep(network.trainable, size, settings, part);
  return {
    stepper: new Stepper(build, network.trainable.graph, options),
    batches: trainingBatches(context),
    bake: network.bake,
    validate: (graph) => validate(context, graph),
  };
}

/** The training split, shuffled by seed and epoch: the same order for every arm. */
function trainingBatches(context: ArmContext): TrainingBatches {
  const { train, batchSize, signature, task, seed } = context;
  const { inputs, split } = train;
  const row = new Map(context.teacher === null ? [] : Array.from(split.indices, (index, i) => [index, i] as const));
  const taught = context.teacher === null ? null : softTargets(task, context.teacher.values);

  async function* epoch(number: number, from: number): AsyncIterable<StepFeed> {
    let at = 0;
    const options = { indices: split.indices, batchSize, shuffle: { seed, epoch: number } };
    const classes = task.width > 1 && inputs.dataset.targets.kind === 'class' ? { classes: task.width } : {};
    for await (const batch of batches(inputs, { ...options, ...classes })) {
      if (at++ < from) continue;
      const targets =
        taught === null
          ? lossTargets(task, batch, context.labelSmoothing)
          : gatherRows(taught, task.width, batch.indices, row);
      const dims = [batch.count, ...inputs.shape];
      yield {
        inputs: { [signature.input]: tensorOf(signature.elementType, batch.inputs, dims) },
        targets,
        count: batch.count,
      };
    }
  }
  return { count: split.count, batchSize, epoch };
}

function gatherRows(
  values: Float32Array,
  width: number,
  indices: Int32Array,
  rows: ReadonlyMap<number, number>,
): Float32Array {
  const gathered = new Float32Array(indices.length * width);
  indices.forEach((index, i) => {
    const row = rows.get(index) ?? 0;
    gathered.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return gathered;
}

/** The loss and the metric of a graph on the validation split. */
async function validate(context: ArmContext, graph: Graph): Promise<Validation> {
  const predictions = await predict(graph.model, context.signature, context.validation, context.session);
  return validationOf(context.task, predictions, context.validationTruth);
}

function validationOf(task: RunTask, predictions: Predictions, truth: Truth): Validation {
  const scores = { values: predictions.values, width: predictions.width, kind: task.scores };
  const metrics = evaluateMetrics(scores, truth);
  const named = (name: MetricName): number | null => metrics[name]?.value ?? null;
  const rmse = named('rmse');
  const loss = named('logLoss') ?? (rmse === null ? Number.NaN : rmse ** 2);
  return { loss, metric: named(task.metric) };
}

/** The loss, unless the user names the metric that counts. */
export function criterionOf(options: Pick<MigrateOptions, 'task'>, { metric }: RunTask): Criterion {
  return options.task.metric === null
    ? { by: 'loss' }
    : { by: 'metric', higherIsBetter: metricTable[metric].higherIsBetter };
}
