/** The normal and the symmetric binomial distribution, as far as the paired statistics need them. */

/**
 * The standard normal distribution function, to about 1e-15 (absolute; in the lower tail relative).
 * Series of Marsaglia, "Evaluating the Normal Distribution", Journal of Statistical Software 11(4), 2004, near zero;
 * Laplace's continued fraction for the Mills ratio beyond.
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  const magnitude = Math.abs(x);
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (magnitude < 3) {
    let term = x;
    let sum = x;
    for (let odd = 3; Math.abs(term) > Math.abs(sum) * 1e-17; odd += 2) {
      term *= (x * x) / odd;
      sum += term;
    }
    return 0.5 + density * sum;
  }
  if (magnitude > 40) return x > 0 ? 1 : 0;
  let fraction = magnitude;
  for (let k = 120; k >= 1; k--) fraction = magnitude + k / fraction;
  const tail = density / fraction;
  return x > 0 ? 1 - tail : tail;
}

/**
 * The standard normal quantile of `p`: -Infinity at 0, Infinity at 1.
 * Abramowitz & Stegun 26.2.23 (error below 4.5e-4) starts Halley's iteration on `normalCdf`.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  // the lower half keeps relative precision: 1 - p would lose it
  if (p > 0.5) return -normalQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(p));
  let x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (let i = 0; i < 3; i++) {
    const step = (normalCdf(x) - p) * Math.sqrt(2 * Math.PI) * Math.exp(0.5 * x * x);
    x -= step / (1 + 0.5 * x * step);
  }
  return x;
}

/** ln(n!) - (n ln n - n + ln(2 pi n) / 2): the error of Stirling's formula, exact sums below 16 and its series from there. */
function stirlingError(n: number): number {
  if (n === 0) return 0;
  if (n < 16) {
    let logFactorial = 0;
    for (let i = 2; i <= n; i++) logFactorial += Math.log(i);
    return logFactorial - (n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n));
  }
  const square = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / n;
}

/** k ln(2k / n) - (k - n/2), without the cancellation where k is close to n/2. */
function halfDeviance(k: number, n: number): number {
  const mean = n / 2;
  if (k === 0) return mean;
  const u = (k - mean) / mean;
  return mean * ((1 + u) * Math.log1p(u) - u);
}

/**
 * P(X <= k) for X ~ Binomial(n, 1/2), 0 <= k <= n/2, without overflow or lost digits for counts in the millions:
 * Loader's saddle-point form of the largest term ("Fast and Accurate Computation of Binomial Probabilities", 2000),
 * then the falling terms below it, each from the one above.
 */
export function halfBinomialCdf(k: number, n: number): number {
  if (n === 0) return 1;
  const largest =
    k === 0
      ? 2 ** -n
      : Math.exp(
          stirlingError(n) - stirlingError(k) - stirlingError(n - k) - halfDeviance(k, n) - halfDeviance(n - k, n),
        ) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
  let term = 1;
  let sum = 1;
  for (let i = k; i > 0 && term > sum * 1e-17; i--) {
    term *= i / (n - i + 1);
    sum += term;
  }
  return Math.min(1, largest * sum);
}
