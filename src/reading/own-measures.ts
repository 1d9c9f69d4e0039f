import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { Model } from '../model/model.js';
import { readSource } from '../model/source.js';
import type { Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import type { DataPart } from './data.js';
import type { Measure } from './measures.js';
import { type OwnGraph, type OwnGraphs, outputsRead } from './own-graphs.js';
import { samplesFor } from './predictions.js';
import { checkLoss, checkMetric, type LossForm, probedIndices } from './scorer.js';

/** A metric of the user's, or the loss of the user's of each sample alone, as a run judges by it. Plain JSON. */
export interface OwnMeasure {
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly by: 'metric' | 'loss';
}

/** A model on samples, as far as graphs of the user's are held against it. */
export interface OwnQuestion {
  readonly model: Model;
  readonly signature: Signature;
  readonly part: DataPart;
  readonly own: OwnGraphs;
  readonly session: InferenceSession.SessionOptions;
}

export interface CheckedGraphs {
  readonly measures: readonly OwnMeasure[];
  /** why the loss is no measure of a sample; null where it is, or there is none */
  readonly lossAside: string | null;
  /** how far the loss of single samples is from that of all; null where they are one number, or there is none */
  readonly apart: LossForm['apart'];
}

/**
 * Runs the graphs of the user's on a few samples: whether they fit the model and the data, and what they measure of a sample.
 * @throws Failure('input') where they do not fit
 */
export async function checkOwnGraphs(question: OwnQuestion): Promise<CheckedGraphs> {
  const { loss, metric } = question.own;
  const measures: OwnMeasure[] = [];
  if (metric !== null) {
    await checkMetric(metric, await probe(question, metric));
    measures.push({ name: metric.name, higherIsBetter: metric.higherIsBetter, by: 'metric' });
  }
  if (loss === null) return { measures, lossAside: null, apart: null };
  const form: LossForm = await checkLoss(loss, await probe(question, loss));
  // the same file may be both, or two of one name
  if (form.eachAlone && measures.every(({ name }) => name !== loss.name)) {
    measures.push({ name: loss.name, higherIsBetter: false, by: 'loss' });
  }
  return { measures, lossAside: form.why, apart: form.apart };
}

/**
 * What graphs of the user's measure of a sample, where there are any.
 * @throws Failure('input') where they do not fit the model and the data
 */
export async function ownMeasures({
  own = null,
  ...question
}: Omit<OwnQuestion, 'own'> & { readonly own?: OwnGraphs | null }): Promise<readonly OwnMeasure[]> {
  return own === null ? [] : (await checkOwnGraphs({ ...question, own })).measures;
}

function probe({ model, signature, part, session }: OwnQuestion, graph: OwnGraph) {
  const read = { ...signature, output: present(outputsRead([graph])[0], `an output that ${graph.path} reads`) };
  return samplesFor(readSource(model, read), read, part, session, graph, probedIndices(part.split.indices));
}

/** How what a run is judged by is measured. */
export function measuresOf(own: OwnGraphs | null, measures: readonly OwnMeasure[]): readonly Measure[] {
  return measures.map(({ name, by }): Measure => {
    const graph = present(own?.[by], `the ${by} of the user`);
    return { kind: 'graph', name, graph, eachAlone: by === 'loss' };
  });
}

/** @throws Failure('input') where nothing measures a sample */
export function requireMeasure({ measures, lossAside }: CheckedGraphs, { loss }: OwnGraphs): OwnMeasure {
  const [first] = measures;
  if (first !== undefined) return first;
  throw new Failure('input', {
    what: `${loss?.path}: by this loss alone two models cannot be compared sample by sample: ${lossAside}.`,
    cure: 'Give a metric too: a graph whose output is a number for each sample.',
    settings: [['metric', 'METRIC.onnx:higher']],
    written: 'model-untouched',
  });
}
