import { areaUnderRoc } from '../evaluation/metrics/statistic.js';
import type { Truth } from '../evaluation/metrics.js';
import { binomialCdf } from './statistics.js';

/*
 * A model is said to guess only where two things hold: what it reaches may well be chance, and the samples suffice to say
 * that it is not 5 points above it. A weak model fails the first, few samples the second.
 */

const above = 0.05;
/** One-sided, of either test, and the normal quantile that belongs to it. */
const level = 0.01;
const quantile = 2.326;

/**
 * Whether classes are predicted no better than one of `classes` drawn at random: neither of all samples, nor of each class alike.
 * The second is for classes of unequal size, of which a model may prefer the smaller.
 * @param predicted below 0 for none
 */
export function areGuessedClasses(predicted: Int32Array, labels: Int32Array, classes: number): boolean {
  const chance = 1 / classes;
  let right = 0;
  const byClass = new Map<number, { count: number; right: number }>();
  labels.forEach((label, i) => {
    const own = byClass.get(label) ?? { count: 0, right: 0 };
    own.count++;
    own.right += Number(predicted[i] === label);
    right += Number(predicted[i] === label);
    byClass.set(label, own);
  });
  // of one class alone, its recall is all that is known
  if (byClass.size < 2) return false;
  const asManyByChance = 1 - binomialCdf(right - 1, labels.length, chance);
  const soFewAbove = binomialCdf(right, labels.length, Math.min(1, chance + above));
  if (asManyByChance <= level || soFewAbove >= level) return false;
  const recalls = [...byClass.values()];
  const balanced = recalls.reduce((sum, own) => sum + own.right / own.count, 0) / recalls.length;
  const variance = recalls.reduce((sum, { count }) => sum + (chance * (1 - chance)) / count, 0) / recalls.length ** 2;
  return (balanced - chance) / Math.sqrt(variance) < quantile;
}

/**
 * Whether labels that may go together are told apart no better than by chance: by the area under the ROC curve, mean over
 * the labels that have both values, whose variance under chance is Mann and Whitney's.
 */
export function areGuessedLabels(
  scores: Float32Array,
  { values, width }: Extract<Truth, { kind: 'multilabel' }>,
): boolean {
  const count = values.length / width;
  const everything = Int32Array.from({ length: count }, (_, i) => i);
  let [area, variance, labels] = [0, 0, 0];
  for (let c = 0; c < width; c++) {
    const isPositive = (i: number) => (values[i * width + c] ?? 0) >= 0.5;
    const positives = everything.filter(isPositive).length;
    const negatives = count - positives;
    if (positives === 0 || negatives === 0) continue;
    area += areaUnderRoc(
      Float32Array.from(everything, (i) => scores[i * width + c] ?? 0),
      isPositive,
    )(everything);
    variance += (count + 1) / (12 * positives * negatives);
    labels++;
  }
  if (labels === 0) return false;
  const excess = area / labels - 0.5;
  const error = Math.sqrt(variance) / labels;
  return excess < quantile * error && excess + quantile * error < above;
}
