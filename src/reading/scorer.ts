import { Failure, messageOf } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { gatherTargets } from '../data/batches.js';
import type { Targets } from '../data/dataset.js';
import type { OtherTargets } from '../data/samples.js';
import { dtypeName, elementCount } from '../model/tensor.js';
import type { Feed, Feeds } from '../runtime/predictor.js';
import { openSession, type Tensor } from '../runtime/session.js';
import { floatsOf, tensorOf } from '../runtime/tensors.js';
import type { OwnGraph, OwnInput } from './own-graphs.js';

/** A graph of the user's, open to be run on what a model said of some samples. */
export interface Scorer {
  /** @throws Failure('input') where it cannot be run */
  run(samples: ScoredSamples): Promise<{ readonly values: Float32Array; readonly dims: readonly number[] }>;
  release(): Promise<void>;
}

export interface ScoredSamples {
  readonly count: number;
  /** the model's outputs, by their names */
  readonly outputs: Feeds;
  /** what it reads beside them, by the names of its inputs */
  readonly targets: Feeds;
}

/** Opens a graph of the user's, on the CPU: it is small, and its inputs are in the host's memory. */
export async function openScorer(own: OwnGraph): Promise<Scorer> {
  const session = await openSession(own.graph.model).catch((cause: unknown) => {
    throw failure(own, `ONNX Runtime does not load it (${firstLine(cause)})`, 'Export it again.', cause);
  });
  return {
    async run(samples) {
      let outputs: Record<string, Tensor>;
      try {
        const feeds = own.inputs.map((input) => [input.name, tensorFor(input, samples)] as const);
        outputs = await session.run(Object.fromEntries(feeds));
      } catch (cause) {
        const shapes = own.inputs.map((input) => shapeIn(input, samples)).join(', ');
        const what = `it cannot be run on ${samples.count} sample${samples.count === 1 ? '' : 's'}, ${shapes} (${firstLine(cause)})`;
        throw failure(own, what, 'Export it for values of these shapes, with a dynamic batch size.', cause);
      }
      const output = present(outputs[own.output], `the output of ${own.path}`);
      return { values: floatsOf(output), dims: output.dims };
    },
    release: () => session.release(),
  };
}

const firstLine = (cause: unknown): string => messageOf(cause).split('\n')[0] ?? '';

function failure({ path, setting }: OwnGraph, what: string, cure: string, cause?: unknown): Failure {
  return new Failure(
    'input',
    { what: `${path}: ${what}.`, cure, settings: [setting], written: 'model-untouched' },
    { cause },
  );
}

function feedFor({ name, output }: OwnInput, { outputs, targets }: ScoredSamples): Feed {
  return present(output === null ? targets[name] : outputs[output], `what the input '${name}' reads`);
}

function tensorFor(input: OwnInput, samples: ScoredSamples): Tensor {
  const { values, shape } = feedFor(input, samples);
  return tensorOf(input.elementType, values, [samples.count, ...shape]);
}

/** 'keypoints' float [64, 17, 2] */
function shapeIn(input: OwnInput, samples: ScoredSamples): string {
  const { shape } = feedFor(input, samples);
  return `'${input.name}' ${dtypeName(input.elementType)} [${[samples.count, ...shape].join(', ')}]`;
}

/**
 * The targets of some samples as an input takes them: classes by their numbers; values in the shape that the file has for a sample, or where
 * the input declares another of as many elements, in that one (a column for [N, 1], 34 columns for [N, 17, 2]).
 * @param targets by the names of inputs
 */
function targetFeed({ name, shape }: OwnInput, targets: OtherTargets, indices: Int32Array): Feed {
  const own = present(targets.get(name), `the targets '${name}'`);
  return { values: targetValues(own, indices), shape: sampleShape(own, shape) };
}

function targetValues(targets: Targets, indices: Int32Array): Float32Array {
  if (targets.kind === 'none') throw new Error('there are no targets');
  if (targets.kind === 'mask') throw new Error('masks that are files are no input of a graph');
  if (targets.kind === 'class') return Float32Array.from(indices, (i) => targets.labels[i] ?? Number.NaN);
  return gatherTargets(targets, indices, targets.width).targets;
}

/** The shape of one sample. */
export function sampleShape(targets: Targets, declared: OwnInput['shape']): readonly number[] {
  const width = targets.kind === 'values' ? targets.width : 1;
  const given = (targets.kind === 'values' ? targets.shape : undefined) ?? (width === 1 ? [] : [width]);
  if (declared.length === 0 || declared.length === given.length + 1) return given;
  if (width === 1) return declared.slice(1).map(() => 1);
  const wanted = declared.slice(1).flatMap((dim) => dim ?? []);
  return wanted.length === declared.length - 1 && elementCount(wanted) === width ? wanted : given;
}

/** The targets of some samples for all inputs of a graph that read any. */
export function targetFeeds(inputs: readonly OwnInput[], targets: OtherTargets, indices: Int32Array): Feeds {
  const feeds = inputs.flatMap((input) =>
    input.output === null ? [[input.name, targetFeed(input, targets, indices)] as const] : [],
  );
  return Object.fromEntries(feeds);
}

/** One of several samples. */
export function sampleOf({ outputs, targets }: ScoredSamples, at: number): ScoredSamples {
  const only = (feeds: Feeds): Feeds =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, { values, shape }]) => {
        const size = elementCount(shape);
        return [name, { values: values.subarray(at * size, (at + 1) * size), shape }] as const;
      }),
    );
  return { count: 1, outputs: only(outputs), targets: only(targets) };
}

const probed = 64;

/** How a loss can be measured. */
export interface LossForm {
  /** whether what it says of a sample alone is a measure of that sample */
  readonly eachAlone: boolean;
  /** why not; null where it is */
  readonly why: string | null;
  /** the mean over the samples that were looked at, and the loss of them together, where the two are far apart; null where they are not */
  readonly apart: { readonly samples: number; readonly mean: number; readonly together: number } | null;
}

/** A mean over samples that is further from the loss of all than this share of it is another number. */
const leastApart = 0.01;

/**
 * Holds a loss against some samples: one finite number for all of them, and whether it can be asked for each of them alone. It cannot
 * where a sample alone gives an error or no number, or where it says the same of every one but not of them together: then it
 * compares the samples of a batch with each other.
 * @throws Failure('input') for one that cannot be run, or gives anything else than one float
 */
export async function checkLoss(own: OwnGraph, samples: ScoredSamples): Promise<LossForm> {
  const scorer = await openScorer(own);
  try {
    const { values, dims } = await scorer.run(samples);
    const isOne = values.length === 1 && dims.length <= 1 && samples.count > 1;
    if (!isOne) {
      const what = `its output is [${dims.join(', ')}] for ${samples.count} samples, and not one number`;
      throw failure(own, what, 'Export it with the mean over the samples as its output.');
    }
    const [loss = Number.NaN] = values;
    if (!Number.isFinite(loss)) {
      const what = `it gives ${loss} for the first ${samples.count} samples`;
      throw failure(own, what, 'See that it has a value for what the model gives and for the targets of the data.');
    }
    return await alone(scorer, samples, loss);
  } finally {
    await scorer.release();
  }
}

const unfit = (why: string): LossForm => ({ eachAlone: false, why, apart: null });

async function alone(scorer: Scorer, samples: ScoredSamples, together: number): Promise<LossForm> {
  const each: number[] = [];
  for (let i = 0; i < samples.count; i++) {
    const said = await scorer.run(sampleOf(samples, i)).catch((cause: unknown) => {
      if (cause instanceof Failure) return null;
      throw cause;
    });
    const [value] = said?.values ?? [];
    if (value === undefined) return unfit('it cannot be run on one sample');
    each.push(value);
  }
  if (!each.every(Number.isFinite)) return unfit('it has no value for a sample alone');
  const [first = Number.NaN] = each;
  const isSame = each.every((value) => value === first) && Math.abs(first - together) > 1e-4 * Math.abs(together);
  if (isSame) return unfit(`it gives ${first} for every sample alone, and ${together} for them together`);
  const mean = each.reduce((sum, value) => sum + value, 0) / each.length;
  const isApart = Math.abs(mean - together) > leastApart * Math.abs(together);
  return { eachAlone: true, why: null, apart: isApart ? { samples: each.length, mean, together } : null };
}

/** @throws Failure('input') for a metric that cannot be run, or gives anything else than one number per sample */
export async function checkMetric(own: OwnGraph, samples: ScoredSamples): Promise<void> {
  const scorer = await openScorer(own);
  try {
    const { values, dims } = await scorer.run(samples);
    if (values.length === samples.count && dims[0] === samples.count) return;
    const what = `its output is [${dims.join(', ')}] for ${samples.count} samples, and not one number for each`;
    throw failure(own, what, 'Export it with an output [N], without a mean over the samples.');
  } finally {
    await scorer.release();
  }
}

/** The first samples, as many as a check looks at. */
export const probedIndices = (indices: Int32Array): Int32Array => indices.subarray(0, probed);
