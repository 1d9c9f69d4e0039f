import { normalCdf } from '../evaluation/distributions.js';

/** P(X <= k) for X ~ Binomial(n, p), term by term: for n in the thousands. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n || p <= 0) return 1;
  if (p >= 1) return 0;
  let logFactorial = 0;
  const logFactorials = Float64Array.from({ length: n + 1 }, (_, i) => {
    if (i > 0) logFactorial += Math.log(i);
    return logFactorial;
  });
  const at = (i: number): number => logFactorials[i] ?? 0;
  let sum = 0;
  for (let i = 0; i <= k; i++) sum += Math.exp(at(n) - at(i) - at(n - i) + i * Math.log(p) + (n - i) * Math.log1p(-p));
  return Math.min(1, sum);
}

/** The two means, and how surely they differ: the paired z-test, two-sided. Exact enough from 20 samples on. */
export function meanTest(
  a: Float64Array,
  b: Float64Array,
): { readonly p: number; readonly first: number; readonly second: number } {
  const count = a.length;
  const mean = (of: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += of(i);
    return sum / count;
  };
  const difference = (i: number) => (a[i] ?? 0) - (b[i] ?? 0);
  const centre = mean(difference);
  const error = Math.sqrt(mean((i) => (difference(i) - centre) ** 2) / (count - 1));
  const p = error > 0 ? 2 * normalCdf(-Math.abs(centre) / error) : centre === 0 ? 1 : 0;
  return { p: Number.isFinite(p) ? p : 1, first: mean((i) => a[i] ?? 0), second: mean((i) => b[i] ?? 0) };
}
