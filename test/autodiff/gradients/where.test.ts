import { describe, it } from 'vitest';
import { DataType, rawTensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

describe('Where', () => {
  it('sends each gradient to the operand that was selected, both broadcast', async () => {
    await checkGradient({
      inputs: { a: { shape: [3] }, b: { shape: [2, 1] } },
      constants: [rawTensor('c', DataType.BOOL, [2, 3], Uint8Array.of(1, 0, 1, 0, 0, 1))],
      nodes: [node('Where', ['c', 'a', 'b'], ['y'])],
    });
  });

  it('a condition that is broadcast itself', async () => {
    await checkGradient({
      inputs: { a: { shape: [2, 1] }, b: { shape: [] } },
      constants: [rawTensor('c', DataType.BOOL, [1, 3], Uint8Array.of(1, 0, 1))],
      nodes: [node('Where', ['c', 'a', 'b'], ['y'])],
    });
  });
});
