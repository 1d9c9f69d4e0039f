import type { Schedule } from '../contract/settings.js';

/** The factor of each schedule at progress p in [0, 1]. */
const factors: Readonly<Record<Schedule, (p: number) => number>> = {
  /** Loshchilov and Hutter, SGDR (arXiv 1608.03983), without restarts */
  cosine: (p) => (1 + Math.cos(Math.PI * p)) / 2,
  /** divided by ten at 1/2 and at 3/4 */
  step: (p) => (p < 0.5 ? 1 : p < 0.75 ? 0.1 : 0.01),
  constant: () => 1,
};

/** The learning rate's factor at `progress` of the training: 0 at its start, 1 at its end; beyond, as at the nearer one. */
export function scheduleFactor(schedule: Schedule, progress: number): number {
  return factors[schedule](Math.min(1, Math.max(0, progress)));
}
