/** A statistic of the samples at `indices`, which may repeat; NaN where it has no value. */
export type Statistic = (indices: Int32Array) => number;

export const noValue: Statistic = () => Number.NaN;

/** A probability below this counts as this in the log loss: float32's epsilon, as scikit-learn's log_loss has it. */
const smallestProbability = 2 ** -23;

export function meanOf(values: ArrayLike<number>): Statistic {
  return (indices) => {
    let sum = 0;
    for (let k = 0; k < indices.length; k++) sum += values[indices[k] ?? Number.NaN] ?? Number.NaN;
    return sum / indices.length;
  };
}

/** The log loss of an outcome that was given this probability. */
export function clippedLogLoss(probability: number): number {
  return -Math.log(Math.min(Math.max(probability, smallestProbability), 1));
}

/**
 * The area under the ROC curve as the Mann-Whitney statistic: the share of (positive, negative) pairs in which the
 * positive scores higher, a tie counting one half (Hanley & McNeil, Radiology 143, 1982). NaN with one class only.
 * The scores are ranked once; every set of indices is then one pass over them and one over the ranks.
 */
export function areaUnderRoc(scores: ArrayLike<number>, positive: (i: number) => boolean): Statistic {
  const order = everyIndex(scores.length).sort((a, b) => (scores[a] ?? Number.NaN) - (scores[b] ?? Number.NaN));
  const rank = new Int32Array(scores.length);
  let ranks = 0;
  order.forEach((i, k) => {
    if (k > 0 && scores[i] !== scores[order[k - 1] ?? Number.NaN]) ranks++;
    rank[i] = ranks;
  });
  return (indices) => {
    const positives = new Float64Array(ranks + 1);
    const negatives = new Float64Array(ranks + 1);
    for (const i of indices) {
      const side = positive(i) ? positives : negatives;
      const at = rank[i] ?? Number.NaN;
      side[at] = (side[at] ?? 0) + 1;
    }
    let below = 0;
    let won = 0;
    let positiveCount = 0;
    for (let r = 0; r <= ranks; r++) {
      const [ofPositives, ofNegatives] = [positives[r] ?? Number.NaN, negatives[r] ?? Number.NaN];
      won += ofPositives * (below + ofNegatives / 2);
      below += ofNegatives;
      positiveCount += ofPositives;
    }
    return won / (positiveCount * below);
  };
}

export function everyIndex(count: number): Int32Array {
  const indices = new Int32Array(count);
  for (let i = 0; i < count; i++) indices[i] = i;
  return indices;
}
