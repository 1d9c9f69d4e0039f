import { describe, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { floatTensor, int64Tensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

const weights = floatTensor('weights', [3], [1, 0.25, 2]);
const cases: readonly (readonly [string, Attributes, readonly string[]])[] = [
  ['the mean', {}, []],
  ['the sum', { reduction: { string: 'sum' } }, []],
  ['each position', { reduction: { string: 'none' } }, []],
  ['a weighted mean', { reduction: { string: 'mean' } }, ['weights']],
  ['a weighted mean without a class', { ignore_index: { int: 1 } }, ['weights']],
  ['the mean without a class that is none', { ignore_index: { int: -100 } }, []],
];

describe.each(['SoftmaxCrossEntropyLoss', 'NegativeLogLikelihoodLoss'])('%s', (op) => {
  it.each(cases)('%s', async (_, attributes, weighted) => {
    const ignored = 'ignore_index' in attributes && JSON.stringify(attributes).includes('-100');
    await checkGradient({
      inputs: { x: { shape: [4, 3] } },
      constants: [int64Tensor('labels', [4], [2, 0, ignored ? -100 : 1, 1]), weights],
      nodes: [node(op, ['x', 'labels', ...weighted], ['y'], attributes)],
    });
  });

  it('of maps', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3, 2, 2] } },
      constants: [int64Tensor('labels', [2, 2, 2], [0, 1, 2, 1, 2, 2, 0, 1]), weights],
      nodes: [node(op, ['x', 'labels', 'weights'], ['y'], { ignore_index: { int: 0 } })],
    });
  });
});
