import { createRandom, type Random } from '../../src/math/random.js';

/** A classifier by how it confuses classes, and what it says of samples whose classes are drawn. */
export interface SimulatedModel {
  readonly classes: number;
  readonly labels: Int32Array;
  readonly predicted: Int32Array;
  /** the accuracy that it has on the average */
  readonly expected?: number;
}

export interface Simulation {
  readonly classes: number;
  readonly samples: number;
  /** the mean share of right predictions */
  readonly accuracy: number;
  /** 0: all classes are equally frequent; 1: frequencies are drawn evenly over all that are possible */
  readonly imbalance: number;
  /** 0: wrong predictions fall on all classes alike; 1: mostly on one for each class, and classes differ in how hard they are */
  readonly structure: number;
}

/** Draws a confusion matrix, and from it the predictions of labelled samples. */
export function simulate(
  random: Random,
  { classes, samples, accuracy, imbalance, structure }: Simulation,
): SimulatedModel {
  const frequency = shares(random, classes, imbalance);
  const confusion = Array.from({ length: classes }, (_, label) => {
    const recall = clamp(accuracy + structure * 0.5 * (1 - accuracy) * random.normal(), 0.02, 0.995);
    const others = shares(random, classes - 1, structure);
    return Array.from({ length: classes }, (_, c) =>
      c === label ? recall : (1 - recall) * (others[c < label ? c : c - 1] ?? 0),
    );
  });
  const labels = Int32Array.from({ length: samples }, () => draw(random, frequency));
  const expected = confusion.reduce((sum, row, label) => sum + (row[label] ?? 0) * (frequency[label] ?? 0), 0);
  return { classes, labels, predicted: labels.map((label) => draw(random, confusion[label] ?? [])), expected };
}

/** Predictions that agree with others on a share of the samples and are drawn at random elsewhere. */
export function disturbed(random: Random, { predicted, classes }: SimulatedModel, share: number): Int32Array {
  return predicted.map((own) => (random.uniform() < share ? random.below(classes) : own));
}

/** Scores [samples, classes] of which the predicted class has the largest, by a margin of about `sureness`. */
export function logitsOf(random: Random, predicted: Int32Array, classes: number, sureness: number): Float32Array {
  const values = new Float32Array(predicted.length * classes);
  predicted.forEach((own, i) => {
    let top = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) {
      const score = sureness * 0.5 * random.normal();
      values[i * classes + c] = score;
      if (score > top) top = score;
    }
    values[i * classes + own] = top + sureness * (0.1 + random.uniform());
  });
  return values;
}

function draw(random: Random, chances: readonly number[]): number {
  let left = random.uniform();
  for (const [c, chance] of chances.entries()) {
    left -= chance;
    if (left < 0) return c;
  }
  return chances.length - 1;
}

/** Shares that sum to 1: equal ones mixed with exponential ones. */
function shares(random: Random, count: number, unevenness: number): number[] {
  const drawn = Array.from({ length: count }, () => -Math.log(1 - random.uniform()));
  const sum = drawn.reduce((a, b) => a + b, 0);
  return drawn.map((each) => (1 - unevenness) / count + (unevenness * each) / sum);
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

export const stream = (seed: number): Random => createRandom(20_240_607, seed);
