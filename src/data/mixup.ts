import { symmetricBeta } from '../math/beta.js';
import { type Random, shuffle } from '../math/random.js';

/** How the samples of a batch are mixed in pairs: x'_i = share x_i + (1 - share) x_partners[i], and targets likewise. */
export interface Mixing {
  /** lambda, in [0, 1] */
  readonly share: number;
  /** a permutation of the batch's samples */
  readonly partners: Int32Array;
}

/**
 * Draws how a batch of `count` samples is mixed: one share for all of them, and partners among themselves, as the authors' code
 * does it (Zhang, Cissé, Dauphin, Lopez-Paz: "mixup: Beyond Empirical Risk Minimization", arXiv 1710.09412).
 * @param alpha of Beta(alpha, alpha), above 0
 */
export function drawMixing(random: Random, alpha: number, count: number): Mixing {
  const share = symmetricBeta(random, alpha);
  return {
    share,
    partners: shuffle(
      Int32Array.from({ length: count }, (_, i) => i),
      random,
    ),
  };
}

/** The mixed rows, [count, values of a sample], of as many rows one after another. */
export function mixRows(rows: Float32Array, { share, partners }: Mixing): Float32Array {
  const length = rows.length / partners.length;
  const mixed = new Float32Array(rows.length);
  for (const [i, partner] of partners.entries()) {
    const [own, other] = [i * length, partner * length];
    for (let k = 0; k < length; k += 1) {
      mixed[own + k] = share * (rows[own + k] ?? 0) + (1 - share) * (rows[other + k] ?? 0);
    }
  }
  return mixed;
}
