import { describe, expect, it } from 'vitest';
import { isBetter } from '../../src/training/criterion.js';

describe('which epoch is kept', () => {
  const before = { loss: 0.5, metric: 0.8 };

  it('by default the one with the lower validation loss, whatever the metric says', () => {
    expect(isBetter({ by: 'loss' }, { loss: 0.4, metric: 0.7 }, before)).toBe(true);
    expect(isBetter({ by: 'loss' }, { loss: 0.6, metric: 0.9 }, before)).toBe(false);
  });

  it('by a metric that was named, in its own direction; the loss decides a tie, and where the metric has no value', () => {
    const accuracy = { by: 'metric', higherIsBetter: true } as const;
    expect(isBetter(accuracy, { loss: 0.6, metric: 0.9 }, before)).toBe(true);
    expect(isBetter({ by: 'metric', higherIsBetter: false }, { loss: 0.4, metric: 0.9 }, before)).toBe(false);
    expect(isBetter(accuracy, { loss: 0.4, metric: 0.8 }, before)).toBe(true);
    expect(isBetter(accuracy, { loss: 0.6, metric: null }, before)).toBe(false);
  });

  it('any whose loss is a number, over one whose loss is none', () => {
    const lost = { loss: Number.NaN, metric: null };
    expect(isBetter({ by: 'loss' }, before, lost)).toBe(true);
    expect(isBetter({ by: 'loss' }, lost, before)).toBe(false);
    expect(isBetter({ by: 'loss' }, lost, lost)).toBe(false);
  });
});
