import { describe, it } from 'vitest';
import { expectRoundTrip, randomFeeds, randomValues } from '../graph-model.js';

const anywhere = [
  'Abs',
  'Acos',
  'Asin',
  'Asinh',
  'Atan',
  'Ceil',
  'Cos',
  'Cosh',
  'Erf',
  'Exp',
  'Expm1',
  'Floor',
  'Neg',
  'Round',
  'Sign',
  'Sin',
  'Sinh',
  'Square',
  'Tan',
];
const positive = ['Log', 'Log1p', 'Reciprocal', 'Rsqrt', 'Sqrt'];

describe('functions of one operand', () => {
  it.each(anywhere)('%s', async (op) => {
    await expectRoundTrip(randomFeeds({ x: [3, 7] }), (model) => {
      model.node(op, 'y', [model.input('x', [-1, 7])]);
    });
  });

  it.each(positive)('%s of positive numbers', async (op) => {
    const values = randomValues([3, 7], op).map((value) => Math.abs(value) + 0.1);
    await expectRoundTrip({ x: { shape: [3, 7], values } }, (model) => {
      model.node(op, 'y', [model.input('x', [-1, 7])]);
    });
  });

  it('ClipByValue', async () => {
    await expectRoundTrip(randomFeeds({ x: [3, 7] }), (model) => {
      const bounds = [model.constant('low', [], [-0.25]), model.constant('high', [], [0.5])];
      model.node('ClipByValue', 'y', [model.input('x', [-1, 7]), ...bounds]);
    });
  });
});
