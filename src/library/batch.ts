import { Failure } from '../contract/failure.js';
import type { Feeds, SampleShapes, Signature } from '../runtime/predictor.js';

/** A tensor in the host's memory, row-major. */
export interface HostTensor {
  /** [samples, ...shape of one sample] */
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Samples, preprocessed, with what is wanted of them. */
export interface TrainingBatch {
  /** by the names of the model's inputs; numbers become the type that an input takes (whole numbers are rounded to) */
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /**
   * what the loss is held against: numbers of the output's shape, [samples, ...], row-major; or, for cross-entropy over [samples, classes], the
   * index of each sample's class, as an Int32Array [samples]
   */
  readonly targets: Float32Array | Int32Array;
}

/** A batch whose parts go together. */
export interface CheckedBatch {
  readonly count: number;
  readonly feeds: Feeds;
  readonly shapes: SampleShapes;
}

const refuse = (what: string, cure: string): Failure => new Failure('usage', { what, cure, written: 'nothing' });

/**
 * The inputs of a batch as a session is fed with them.
 * @param taken what the model takes
 * @throws Failure('usage') for an input that is missing or is none of the model's, data of another size than its dims say, and different
 * numbers of samples
 */
export function checkInputs({ inputs }: TrainingBatch, taken: Signature['inputs']): CheckedBatch {
  const names = taken.map(({ name }) => name);
  const stray = Object.keys(inputs).find((name) => !names.includes(name));
  const missing = names.find((name) => inputs[name] === undefined);
  const wrong = stray ?? missing;
  if (wrong !== undefined) {
    const what = stray === undefined ? `The batch has no input '${wrong}'.` : `The model has no input '${wrong}'.`;
    throw refuse(what, `Its inputs are ${names.join(', ')}.`);
  }
  let count: number | null = null;
  const feeds = Object.entries(inputs).map(([name, { dims, data }]) => {
    const [samples = 0, ...shape] = dims;
    if (samples < 1 || elementCount(dims) !== data.length) {
      throw refuse(
        `The input '${name}' has ${data.length} elements for the dims [${dims.join(', ')}].`,
        'Give the number of samples first, then the shape of one.',
      );
    }
    if (count !== null && count !== samples) {
      throw refuse(`The inputs hold ${count} and ${samples} samples.`, 'Give the same samples to all of them.');
    }
    count = samples;
    return [name, { values: data, shape }] as const;
  });
  const shapes = feeds.map(([name, { shape }]) => [name, shape] as const);
  return { count: count ?? 0, feeds: Object.fromEntries(feeds), shapes: Object.fromEntries(shapes) };
}

/**
 * Targets as the loss takes them: [samples, ...] numbers; of class indices, 1 at the class and 0 elsewhere.
 * @param shape of all targets of the batch
 * @throws Failure('usage') for another number of them, and for a class that the output has no column for
 */
export function checkTargets(targets: Float32Array | Int32Array, shape: readonly number[]): Float32Array {
  const [samples = 0, classes = 1] = shape;
  if (targets instanceof Float32Array) {
    if (targets.length === elementCount(shape)) return targets;
    const what = `The targets are ${targets.length} numbers, and the output is [${shape.join(', ')}].`;
    throw refuse(what, 'Give one number for each of its elements.');
  }
  if (shape.length !== 2 || classes < 2 || targets.length !== samples) {
    const what = `The targets are ${targets.length} indices of classes, and the output is [${shape.join(', ')}].`;
    throw refuse(what, 'Give an index for each sample of an output [samples, classes], or numbers of its shape.');
  }
  const rows = new Float32Array(samples * classes);
  targets.forEach((target, i) => {
    if (target < 0 || target >= classes) {
      throw refuse(`The target of sample ${i} is class ${target}.`, `The output has the classes 0 to ${classes - 1}.`);
    }
    rows[i * classes + target] = 1;
  });
  return rows;
}

/** By hand: what reads tensors is loaded with the first model, not with the package. */
const elementCount = (dims: readonly number[]): number => dims.reduce((count, dim) => count * dim, 1);
