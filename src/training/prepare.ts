import type { Provider } from '../autodiff/gradients/rule.js';
import type { LossKind } from '../autodiff/losses.js';
import { foldBatchNormalization } from '../autodiff/lower/fold-batch-normalization.js';
import { freeBatch } from '../autodiff/lower/free-batch.js';
import type { OptimiserSettings } from '../autodiff/optimisers.js';
import { appendBackward, type Backward, buildStep, type TrainingStep } from '../autodiff/step.js';
import { type TrainScope, trainableParameters } from '../autodiff/trainable.js';
import type { Graph } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { signatureOf } from '../runtime/predictor.js';
import { observeShapes } from '../runtime/shapes.js';
import { tensorOf } from '../runtime/tensors.js';

/** `--batch-norm`: keep the running statistics; train with the batch's and update them; keep them, then estimate them anew. */
export type BatchNormMode = 'frozen' | 'batch' | 'recalibrate';

/** A graph made ready for training: canonical op set, batch size free. It is copied for every step that is built from it. */
export interface Trainable {
  readonly path: string;
  readonly graph: Graph;
  /** initializers that the scope trains, by name */
  readonly parameters: readonly string[];
  /** the shift and offset initializers that the plan put in; empty for the control arm */
  readonly siteParameters: readonly string[];
}

export interface StepSettings {
  readonly provider: Provider;
  readonly loss: LossKind;
  readonly optimiser: OptimiserSettings;
  readonly batchNorm: BatchNormMode;
  readonly clipNorm: number | null;
  /** the shape of one sample as the model takes it */
  readonly sampleShape: readonly number[];
}

/**
 * Raises a copy of a graph to the canonical op set and frees its batch size.
 * `parameters` are chosen on the original model, so that both trained arms change the same ones.
 */
export function makeTrainable(
  path: string,
  graph: Graph,
  scope: TrainScope,
  siteParameters: readonly string[] = [],
): Trainable {
  const canonical = graph.copy();
  freeBatch(canonical);
  const parameters = trainableParameters(canonical, scope).filter((name) => !siteParameters.includes(name));
  return { path, graph: canonical, parameters, siteParameters };
}

/** The forward graph at one batch size, lowered, with the shape of every value. */
async function forwardAt(trainable: Trainable, batchSize: number, settings: StepSettings) {
  const graph = trainable.graph.copy();
  const signature = signatureOf(graph);
  const dims = [batchSize, ...settings.sampleShape];
  const zeros = new Float32Array(elementCount(dims));
  const feeds = { [signature.input]: tensorOf(signature.elementType, zeros, dims) };
  if (settings.batchNorm !== 'batch') foldBatchNormalization(graph);
  const shapes = await observeShapes(graph, feeds);
  return { graph, shapes, output: signature.output };
}

/**
 * Builds one training step of a trainable graph at a batch size.
 * @throws Failure('input') where an operator on the way to a trained parameter has no gradient rule
 */
export async function prepareStep(
  trainable: Trainable,
  batchSize: number,
  settings: StepSettings,
): Promise<TrainingStep> {
  const { graph, shapes, output } = await forwardAt(trainable, batchSize, settings);
  const { optimiser, provider, loss, clipNorm } = settings;
  return buildStep(graph, {
    path: trainable.path,
    provider,
    shapes,
    output,
    loss,
    clipNorm,
    running: new Map(),
    groups: [
      { name: 'weights', parameters: trainable.parameters, optimiser },
      { name: 'sites', parameters: trainable.siteParameters, optimiser },
    ],
  });
}

/** The gradients alone, without an optimiser: for checks and attribution. The graph's outputs are the loss and the gradients. */
export async function prepareBackward(
  trainable: Trainable,
  batchSize: number,
  settings: StepSettings,
): Promise<Backward & { readonly graph: Graph }> {
  const { graph, shapes, output } = await forwardAt(trainable, batchSize, settings);
  const parameters = [...trainable.parameters, ...trainable.siteParameters];
  const backward = appendBackward(graph, parameters, { ...settings, path: trainable.path, shapes, output });
  return { ...backward, graph };
}
