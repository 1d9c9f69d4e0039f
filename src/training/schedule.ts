import type { Schedule } from '../contract/settings.js';

/**
 * The learning rate's factor at `progress` in [0, 1] of the training.
 * cosine: (1 + cos(pi p)) / 2 (Loshchilov and Hutter, SGDR, without restarts); step: divided by ten at 1/2 and at 3/4.
 */
export function scheduleFactor(schedule: Schedule, progress: number): number {
  const p = Math.min(1, Math.max(0, progress));
  switch (schedule) {
    case 'cosine':
      return (1 + Math.cos(Math.PI * p)) / 2;
    case 'step':
      return p < 0.5 ? 1 : p < 0.75 ? 0.1 : 0.01;
    case 'constant':
      return 1;
  }
}
