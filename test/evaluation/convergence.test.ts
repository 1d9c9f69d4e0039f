import { describe, expect, it } from 'vitest';
import type { CurvePoint } from '../../src/contract/result.js';
import { convergenceOf } from '../../src/evaluation/convergence.js';

/** A curve of these validation losses, 1,000 samples an epoch. */
const curve = (...losses: readonly (number | null)[]): CurvePoint[] =>
  losses.map((validationLoss, epoch) => ({
    epoch,
    step: 10 * epoch,
    samples: 1000 * epoch,
    trainLoss: null,
    validationLoss,
    validationMetric: null,
  }));

describe('the training until the same loss', () => {
  const control = { curve: curve(1, 0.8, 0.5, 0.6), bestEpoch: 2 };

  it('is read off the line between two validations, against the epoch that the control arm kept', () => {
    expect(convergenceOf(3, control, { curve: curve(1, 0.6, 0.4), bestEpoch: 2 })).toEqual({
      seed: 3,
      validationLoss: 0.5,
      control: { samples: 2000, epochs: 2 },
      frelu: { samples: 1500, epochs: 1.5 },
      ratio: 0.75,
    });
  });

  it('is counted to the first time, though the loss rises again', () => {
    const { frelu } = convergenceOf(0, control, { curve: curve(1, 0.5, 0.9, 0.4), bestEpoch: 3 });
    expect(frelu).toEqual({ samples: 1000, epochs: 1 });
  });

  it('has none where an arm never comes down to it', () => {
    const never = convergenceOf(0, control, { curve: curve(1, 0.8, 0.51, 0.6), bestEpoch: 2 });
    expect(never).toMatchObject({ control: { samples: 2000 }, frelu: null, ratio: null });
  });

  it('passes over validations without a loss', () => {
    const { frelu } = convergenceOf(0, control, { curve: curve(1, null, 0.5), bestEpoch: 2 });
    expect(frelu).toEqual({ samples: 2000, epochs: 2 });
  });

  it('is nothing to compare where the control arm kept the model as it came', () => {
    const kept = { curve: curve(0.5, 0.7), bestEpoch: 0 };
    expect(convergenceOf(0, kept, { curve: curve(0.5, 0.4), bestEpoch: 1 })).toEqual({
      seed: 0,
      validationLoss: null,
      control: null,
      frelu: null,
      ratio: null,
    });
  });
});
