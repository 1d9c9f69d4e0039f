import { createRandom, shuffle } from '../math/random.js';
import { bestAssignment } from './assignment.js';

/** More classes than this are not put into another order: a thousand samples do not say enough about each. */
const mostClasses = 200;

/** Samples per class that an order is found from; with fewer it would be made up. */
const enoughPerClass = 4;

/** An order of the classes that was found from one half of the samples, for the other half to confirm. */
export interface ClassOrder {
  /** output i stands for the class `order[i]` of the data */
  readonly order: Int32Array;
  /** the samples that took no part in finding it */
  readonly heldOut: Int32Array;
}

/**
 * Looks for the order of classes in which the predictions fit best, on one half of the samples, drawn per class. A class
 * keeps its place unless another fits better by more than one sample. Null where there are too few samples or
 * too many classes (or two, whose other order needs no search), or the classes stay in their order.
 * @param predicted the output that each sample is predicted as; below 0 for none
 */
export function findClassOrder(
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
  seed = 1,
): ClassOrder | null {
  const present = new Set(labels).size;
  if (classes < 3 || classes > mostClasses || present < 2 || labels.length < 2 * enoughPerClass * present) return null;
  const { fitted, heldOut } = halves(labels, seed);
  const profit = Array.from({ length: classes }, () => new Float64Array(classes));
  for (const i of fitted) {
    const row = profit[predicted[i] ?? -1];
    const label = labels[i] ?? 0;
    if (row !== undefined) row[label] = (row[label] ?? 0) + 1;
  }
  profit.forEach((row, c) => {
    row[c] = (row[c] ?? 0) + 1;
  });
  const order = bestAssignment(profit);
  return order.every((label, c) => label === c) ? null : { order, heldOut };
}

/** Two halves in which each class has as many samples, or one more. */
function halves(labels: Int32Array, seed: number): { readonly fitted: Int32Array; readonly heldOut: Int32Array } {
  const byClass = new Map<number, number[]>();
  labels.forEach((label, i) => {
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [i]);
    else members.push(i);
  });
  const random = createRandom(seed);
  const [fitted, heldOut]: [number[], number[]] = [[], []];
  for (const members of byClass.values()) {
    shuffle(members, random).forEach((i, at) => {
      (at % 2 === 0 ? fitted : heldOut).push(i);
    });
  }
  return { fitted: Int32Array.from(fitted), heldOut: Int32Array.from(heldOut) };
}

/**
 * Whether another order does more than trade some classes for others: of the classes that it moves, each counted alike, half of
 * the samples are right at least, and twice as many as before (of two classes, 15 in 100 more: one's gain is the other's
 * loss). A weak model that predicts a few classes only would else gain by calling them by their most frequent victims.
 */
export function isAnotherOrder(
  predicted: Int32Array,
  labels: Int32Array,
  order: Int32Array,
  samples: Int32Array,
): boolean {
  const classes = new Map<number, { count: number; before: number; after: number }>();
  for (const i of samples) {
    const label = labels[i] ?? 0;
    const own = classes.get(label) ?? { count: 0, before: 0, after: 0 };
    const output = predicted[i] ?? -1;
    own.count++;
    own.before += Number(output === label);
    own.after += Number(output >= 0 && order[output] === label);
    classes.set(label, own);
  }
  const moved = [...classes].filter(([label]) => order[label] !== label).map(([, recall]) => recall);
  if (moved.length < 2) return false;
  const mean = (of: (recall: (typeof moved)[number]) => number) =>
    moved.reduce((sum, recall) => sum + of(recall), 0) / moved.length;
  const [before, after] = [mean(({ before, count }) => before / count), mean(({ after, count }) => after / count)];
  return after >= 0.5 && (order.length === 2 ? after - before >= 0.15 : after >= 2 * before);
}
