import { describe, it } from 'vitest';
import { int64Tensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

const positive = Array.from({ length: 24 }, (_, i) => 0.4 + ((i * 11) % 24) / 16);
/** no two equal, so that Max and Min have a derivative; both signs for the norms */
const distinct = Array.from({ length: 24 }, (_, i) => ((((i * 11) % 24) + 0.5) / 24) * 3 - 1.5);

const operators: readonly (readonly [string, readonly number[]])[] = [
  ['ReduceSum', distinct],
  ['ReduceMean', distinct],
  ['ReduceMax', distinct],
  ['ReduceMin', distinct],
  ['ReduceProd', positive],
  ['ReduceL1', distinct],
  ['ReduceL2', distinct],
  ['ReduceLogSum', positive],
  ['ReduceLogSumExp', distinct],
  ['ReduceSumSquare', distinct],
];

describe.each(operators)('%s', (op, values) => {
  const x = { shape: [2, 3, 4], values };

  it.each([
    ['the middle axis, kept', [1], 1],
    ['the middle axis, dropped', [1], 0],
    ['two axes, one counted from the end', [-1, 0], 0],
  ])('over %s', async (_, axes, keepdims) => {
    await checkGradient({
      inputs: { x },
      constants: [int64Tensor('axes', [axes.length], axes)],
      nodes: [node(op, ['x', 'axes'], ['y'], { keepdims: { int: keepdims } })],
    });
  });

  it('over all axes, where none are named', async () => {
    await checkGradient({ inputs: { x }, nodes: [node(op, ['x'], ['y'], { keepdims: { int: 0 } })] });
  });

  it('for WebGPU', async () => {
    await checkGradient({
      inputs: { x },
      constants: [int64Tensor('axes', [1], [2])],
      nodes: [node(op, ['x', 'axes'], ['y'], { keepdims: { int: 0 } })],
      provider: 'webgpu',
    });
  });

  it('of nothing, where it is told to leave the input alone', async () => {
    await checkGradient({
      inputs: { x },
      nodes: [node(op, ['x'], ['y'], { noop_with_empty_axes: { int: 1 } })],
    });
  });
});

describe('reductions at their awkward points', () => {
  it('ReduceMax: two that tie share the gradient, as the central difference does', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3], values: [1, 1, 0, -1, 0.5, 0.5] } },
      constants: [int64Tensor('axes', [1], [1])],
      nodes: [node('ReduceMax', ['x', 'axes'], ['y'])],
    });
  });

  it('ReduceProd with no zero, one and two', async () => {
    await checkGradient({
      inputs: { x: { shape: [3, 3], values: [0.5, -2, 1.5, 0.5, 0, 1.5, 0, 2, 0] } },
      constants: [int64Tensor('axes', [1], [1])],
      nodes: [node('ReduceProd', ['x', 'axes'], ['y'])],
    });
  });

  it('ReduceL1 and ReduceL2 of zeros have the gradient 0', async () => {
    for (const op of ['ReduceL1', 'ReduceL2']) {
      await checkGradient({
        inputs: { x: { shape: [1, 2], values: [0, 0] } },
        constants: [int64Tensor('axes', [1], [1])],
        nodes: [node(op, ['x', 'axes'], ['y'])],
      });
    }
  });

  it('ReduceLogSumExp of large numbers does not overflow', async () => {
    await checkGradient({
      inputs: { x: { shape: [3], values: [100.5, 100, 99] } },
      nodes: [node('ReduceLogSumExp', ['x'], ['y'])],
      tolerance: 5e-3,
    });
  });
});
