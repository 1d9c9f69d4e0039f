import { phrase } from '../contract/phrases.js';
import type { Head } from '../model/head.js';

/** What can be said of an output's numbers by looking at them. NaN is in none of the statements but `anyNaN`. */
export interface DescribedValues {
  readonly samples: number;
  readonly width: number;
  /** NaN where there is no number */
  readonly min: number;
  readonly max: number;
  /** all in [0, 1], but for what rounding adds */
  readonly inUnit: boolean;
  /** every sample's row sums to 1; false for rows of one number */
  readonly rowsSumToOne: boolean;
  /** e to the power of every row's numbers sums to 1; false for rows of one number */
  readonly expRowsSumToOne: boolean;
  /** what every row sums to, where all sum to the same; null for rows of one number */
  readonly rowSum: number | null;
  readonly wholeNumbers: boolean;
  readonly anyNaN: boolean;
}

/** How far a sum of float16 probabilities, and of quantised ones, may be off. */
const sumTolerance = 2e-3;

/** Below this many samples, numbers that look like probabilities may do so by chance. */
const enoughSamples = 8;

/** @param values [samples, width], row-major: what the model says about each sample, flattened */
export function describeValues(values: Float32Array, width: number): DescribedValues {
  const samples = width > 0 ? Math.floor(values.length / width) : 0;
  let [min, max, wholeNumbers, anyNaN] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true, false];
  let [lowestSum, highestSum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let expRowsSumToOne = width > 1 && samples > 0;
  for (let at = 0; at < samples * width; at += width) {
    let sum = 0;
    let expSum = 0;
    // an iterator over every number takes ten times as long
    for (let i = at; i < at + width; i++) {
      const value = values[i] ?? Number.NaN;
      anyNaN ||= Number.isNaN(value);
      wholeNumbers &&= Number.isInteger(value);
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      if (expRowsSumToOne) expSum += Math.exp(value);
    }
    lowestSum = Math.min(lowestSum, sum);
    highestSum = Math.max(highestSum, sum);
    expRowsSumToOne &&= Math.abs(expSum - 1) <= sumTolerance;
  }
  const some = samples > 0 && min <= max;
  const middle = (lowestSum + highestSum) / 2;
  const isOneSum = some && width > 1 && highestSum - lowestSum <= 2 * sumTolerance * Math.max(1, Math.abs(middle));
  return {
    samples,
    width,
    min: some ? min : Number.NaN,
    max: some ? max : Number.NaN,
    inUnit: some && !anyNaN && min >= -1e-6 && max <= 1 + sumTolerance,
    rowsSumToOne:
      some && width > 1 && Math.abs(lowestSum - 1) <= sumTolerance && Math.abs(highestSum - 1) <= sumTolerance,
    expRowsSumToOne: some && expRowsSumToOne,
    rowSum: isOneSum ? middle : null,
    wholeNumbers: some && wholeNumbers,
    anyNaN,
  };
}

export type ValueMeaning =
  /** before a softmax or a sigmoid, where the targets are classes */
  | 'logits'
  | 'probabilities'
  | 'log-probabilities'
  /** themselves: of a regression, counts, percentages, features */
  | 'values';

/** What an output's numbers are, by the graph and by themselves. */
export interface Agreement {
  readonly meaning: ValueMeaning;
  /** false: they may be something else, and somebody has to say it */
  readonly certain: boolean;
  /** what says so, for people */
  readonly evidence: string;
}

/**
 * Holds what the graph says of an output against its numbers. Where the graph says nothing, rows that sum to 1 over many
 * samples are probabilities; a single column within [0, 1] may be a probability or a value, which is not certain. Numbers
 * outside all that are logits, or values where the targets are values: the task tells, and nothing is uncertain about it.
 */
export function agree(
  head: Pick<Head, 'valueMeaning' | 'activation' | 'evidence'>,
  described: DescribedValues,
): Agreement {
  const said = (meaning: ValueMeaning, certain: boolean, evidence: string): Agreement => ({
    meaning,
    certain,
    evidence,
  });
  const { min, max, inUnit, anyNaN } = described;
  const ends = { low: shown(min), high: shown(max) };
  const unlike = () =>
    anyNaN
      ? phrase('output.someNaN', { Head: head.evidence })
      : phrase('output.outside', { Head: head.evidence, ...ends });
  if (described.samples === 0) return said('values', false, phrase('output.noNumbers'));
  switch (head.valueMeaning) {
    case 'label':
      return said('values', false, phrase('output.label', { Head: head.evidence }));
    case 'probabilities': {
      if (anyNaN || !inUnit) return said('probabilities', false, unlike());
      const isSoftmax = head.activation === 'softmax';
      if (!isSoftmax) return said('probabilities', true, head.evidence);
      return sumsToPositions(described)
        ? said('probabilities', true, phrase('output.sumToOne', { Head: head.evidence }))
        : said('probabilities', false, phrase('output.notSumToOne', { Head: head.evidence }));
    }
    case 'log-probabilities':
      return anyNaN || max > sumTolerance
        ? said('log-probabilities', false, unlike())
        : said('log-probabilities', true, head.evidence);
    case 'logits-or-values':
      return byNumbers(described, ends, said);
  }
}

function byNumbers(
  { samples, width, min, inUnit, rowsSumToOne, expRowsSumToOne, rowSum, wholeNumbers, anyNaN }: DescribedValues,
  ends: { readonly low: string; readonly high: string },
  said: (meaning: ValueMeaning, certain: boolean, evidence: string) => Agreement,
): Agreement {
  if (anyNaN) return said('values', false, phrase('output.nan'));
  const many = samples >= enoughSamples;
  if (wholeNumbers) return said('values', false, phrase('output.whole', ends));
  if (inUnit && rowsSumToOne) {
    return said('probabilities', many, phrase('output.distribution', { Samples: count(samples) }));
  }
  if (expRowsSumToOne)
    return said('log-probabilities', many, phrase('output.logDistribution', { Samples: count(samples) }));
  if (inUnit && samples * width >= enoughSamples) {
    return said('probabilities', false, phrase(width === 1 ? 'output.inUnit' : 'output.inUnitRows'));
  }
  if (rowSum !== null && min >= 0 && rowSum > 1 && many) {
    return said('values', false, phrase('output.rowSum', { sum: shown(rowSum) }));
  }
  return said('logits', true, phrase('output.between', ends));
}

/** A row of a map holds one distribution for each position: its sum is the number of positions. */
function sumsToPositions({ rowsSumToOne, rowSum, width }: DescribedValues): boolean {
  if (rowsSumToOne) return true;
  const positions = Math.round(rowSum ?? 0);
  return positions > 1 && width % positions === 0 && Math.abs((rowSum ?? 0) - positions) <= sumTolerance * positions;
}

const shown = (value: number): string => `${Number(value.toPrecision(4))}`;
const count = (samples: number): string =>
  samples === 1 ? phrase('samples.one') : phrase('samples.all', { count: samples });
