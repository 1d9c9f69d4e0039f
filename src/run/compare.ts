import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { ClassDelta, ComparedOutput, CompareResult } from '../contract/result.js';
import { classDeltas, maskClassDeltas, pairedDelta } from '../evaluation/compare.js';
import { evaluateMetrics, masksOf, rowsOf } from '../evaluation/metrics.js';
import { sliceDeltas } from '../evaluation/slices.js';
import { inferenceCost } from '../judge/inference-cost.js';
import { compareLatency, type TimedModel, timedRuns } from '../judge/latency.js';
import { describeModel } from '../model/describe.js';
import { readSource } from '../model/source.js';
import { sampleShapesOf } from '../reading/data.js';
import { type Evaluated, evaluateSubject } from '../reading/evaluation.js';
import { maxAbsDifference } from '../reading/predictions.js';
import { type ChosenDevice, withDevice } from '../runtime/open-device.js';
import { blamingModels } from './blame.js';
import { describeData, type EvaluateOptions, evaluationOf, outputsOf } from './evaluate.js';

export interface CompareOptions extends Omit<EvaluateOptions, 'model'> {
  readonly a: string;
  readonly b: string;
  /** of the bootstrap */
  readonly seed?: number;
}

/**
 * Compares two models on the same samples, b - a, paired: any two, as long as they answer the same question.
 * @throws Failure('input') when they do not
 */
export function compareModels(options: CompareOptions): Promise<CompareResult> {
  return blamingModels([options.a, options.b], () =>
    withDevice(options.device ?? 'auto', (device) => compareOn(device, options)),
  );
}

async function compareOn(
  opening: Promise<ChosenDevice>,
  { a, b, seed = 0, ...rest }: CompareOptions,
): Promise<CompareResult> {
  const first = await evaluateSubject(evaluationOf({ ...rest, model: a }), opening);
  const second = await evaluateSubject(evaluationOf({ ...rest, model: b }), opening);
  const device = await opening;
  const [width, other] = [first, second].map(({ predictions }) => predictions.width);
  if (width !== other || first.truth.kind !== second.truth.kind) {
    throw new Failure('input', {
      what: `${a} gives ${width} outputs per sample, ${b} ${other}: they cannot be compared.`,
      cure: 'Name two models that answer the same question.',
      written: 'nothing',
    });
  }
  const { truth, part, task } = first;
  const { operations } = await inferenceCost(first.model.graph, first.signature, sampleShapesOf(part));
  return {
    a: { model: describeModel(first.model), reading: first.reading, metrics: evaluateMetrics(first.scores, truth) },
    b: { model: describeModel(second.model), reading: second.reading, metrics: evaluateMetrics(second.scores, truth) },
    data: describeData(part),
    device: device.description,
    delta: pairedDelta(task.metric, first.scores, second.scores, truth, { seed }),
    outputs: comparedOutputs(first, second, seed),
    perClass: perClassOf(first, second, seed),
    slices: sliceDeltas(
      task.metric,
      first.slices,
      { before: first.scores, control: null, frelu: second.scores },
      truth,
      { seed },
    ),
    maxAbsDiff: maxAbsDifference(first.predictions.values, second.predictions.values),
    latency: await compareLatency(timed(first), timed(second), {
      runs: timedRuns(operations?.multiplyAdds ?? null, device.provider),
      session: device.session,
    }),
  };
}

/** Every output that was named, by its name, which the first of the two may have under another one in the other model. */
function comparedOutputs(first: Evaluated, second: Evaluated, seed: number): readonly ComparedOutput[] {
  const others = outputsOf(second);
  return outputsOf(first).map(({ name, task, scores, truth }, i) => {
    const other = present(others[i], `the output '${name}' of the second model`);
    return {
      name,
      task: task.task,
      a: evaluateMetrics(scores, truth),
      b: evaluateMetrics(other.scores, truth),
      delta: pairedDelta(task.metric, scores, other.scores, truth, { seed }),
    };
  });
}

function perClassOf(first: Evaluated, second: Evaluated, seed: number): readonly ClassDelta[] {
  const { truth } = first;
  if (truth.kind === 'mask') {
    const arms = { before: masksOf(first.scores), control: null, frelu: masksOf(second.scores) };
    return maskClassDeltas(namesOf(first, truth.classes), arms, { seed });
  }
  if (truth.kind !== 'class') return [];
  const arms = { before: rowsOf(first.scores), control: null, frelu: rowsOf(second.scores) };
  return classDeltas(namesOf(first, truth.classes), truth.labels, arms);
}

function timed({ model, signature, part }: Evaluated): TimedModel {
  return { source: readSource(model, signature), signature, sampleShapes: sampleShapesOf(part) };
}

function namesOf({ classNames }: Evaluated, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => classNames?.[i] ?? String(i));
}
