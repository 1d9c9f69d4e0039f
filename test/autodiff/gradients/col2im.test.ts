import { describe, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { int64Tensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

async function check(
  shape: readonly number[],
  image: readonly number[],
  block: readonly number[],
  attributes: Attributes,
) {
  await checkGradient({
    inputs: { x: { shape } },
    constants: [int64Tensor('image', [image.length], image), int64Tensor('block', [block.length], block)],
    nodes: [node('Col2Im', ['x', 'image', 'block'], ['y'], attributes)],
  });
}

describe('Col2Im', () => {
  it('blocks side by side', () => check([2, 18, 4], [4, 6], [2, 3], { strides: { ints: [2, 3] } }));
  it('blocks that overlap', () => check([1, 12, 16], [4, 5], [2, 3], { pads: { ints: [0, 0, 1, 1] } }));
  it('blocks with holes, steps and uneven borders', () =>
    check([2, 12, 8], [5, 6], [3, 2], {
      strides: { ints: [1, 2] },
      dilations: { ints: [2, 1] },
      pads: { ints: [0, 2, 1, 0] },
    }));
  it('rows at the end that no block reaches', () => check([1, 4, 4], [5, 5], [2, 2], { strides: { ints: [2, 2] } }));
});
