import type { Random } from './random.js';

/** A number in [0, 1] of the distribution Beta(alpha, alpha), alpha > 0: the share of one of two Gamma(alpha) in their sum. */
export function symmetricBeta(random: Random, alpha: number): number {
  const [first, second] = [logGamma(random, alpha), logGamma(random, alpha)];
  // of the logarithms, since at a small alpha both numbers are below the smallest float
  return 1 / (1 + Math.exp(second - first));
}

/**
 * The logarithm of a number of the distribution Gamma(alpha, 1): Marsaglia and Tsang, "A simple method for generating gamma
 * variables", ACM Trans. Math. Softw. 26, 2000; below 1, Gamma(alpha) is Gamma(alpha + 1) times U^(1 / alpha).
 */
function logGamma(random: Random, alpha: number): number {
  // 1 - u is in (0, 1], so that its logarithm is finite
  if (alpha < 1) return logGamma(random, alpha + 1) + Math.log(1 - random.uniform()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const accepted = 0.5 * x * x + d - d * v + d * Math.log(v);
    if (Math.log(1 - random.uniform()) < accepted) return Math.log(d * v);
  }
}
