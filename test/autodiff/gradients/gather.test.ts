import { describe, expect, it } from 'vitest';
import { DataType, floatTensor, int64Tensor, rawTensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

describe('Gather', () => {
  it.each([
    ['rows, one of them twice', 0, [4], [2, 0, 2, -1]],
    ['a matrix of indices along the last axis', -1, [2, 2], [0, 3, 3, 1]],
    ['the middle axis', 1, [3], [1, 1, 0]],
    ['one element, its axis dropped', 1, [], [-1]],
    ['one element, its axis kept', 2, [1], [1]],
  ])('%s', async (_, axis, shape, indices) => {
    await checkGradient({
      inputs: { x: { shape: [3, 2, 4] } },
      constants: [int64Tensor('i', shape, indices)],
      nodes: [node('Gather', ['x', 'i'], ['y'], { axis: { int: axis } })],
    });
  });

  it('with int32 indices that are computed', async () => {
    await checkGradient({
      inputs: { x: { shape: [4, 2] } },
      constants: [rawTensor('j', DataType.INT32, [3], Int32Array.of(1, 3, 1))],
      nodes: [node('Identity', ['j'], ['i']), node('Gather', ['x', 'i'], ['y'])],
    });
  });
});

describe('GatherElements, GatherND', () => {
  it('GatherElements along a negative axis, an element read twice', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3] } },
      constants: [int64Tensor('i', [2, 4], [0, 2, 0, -1, 1, 1, 1, 0])],
      nodes: [node('GatherElements', ['x', 'i'], ['y'], { axis: { int: -1 } })],
    });
  });

  it('GatherND of elements and of slices, negative indices among them', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3, 2] } },
      constants: [int64Tensor('i', [3, 2], [0, 1, 1, -1, 0, 1])],
      nodes: [node('GatherND', ['x', 'i'], ['y'])],
    });
    await checkGradient({
      inputs: { x: { shape: [2, 3] } },
      constants: [int64Tensor('i', [2, 2], [0, 1, 1, 2])],
      nodes: [node('GatherND', ['x', 'i'], ['y'])],
    });
  });

  it('GatherND within batches', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3, 2, 2] } },
      constants: [int64Tensor('i', [2, 3, 2, 1], [0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, -1])],
      nodes: [node('GatherND', ['x', 'i'], ['y'], { batch_dims: { int: 2 } })],
    });
  });
});

describe('ScatterElements, ScatterND', () => {
  it.each(['none', 'add'])('ScatterElements, reduction %s', async (reduction) => {
    await checkGradient({
      inputs: { x: { shape: [3, 3] }, u: { shape: [2, 3] } },
      constants: [int64Tensor('i', [2, 3], [0, 2, -1, 1, 0, 0])],
      nodes: [node('ScatterElements', ['x', 'i', 'u'], ['y'], { reduction: { string: reduction } })],
    });
  });

  it.each(['none', 'add'])('ScatterND, reduction %s', async (reduction) => {
    await checkGradient({
      inputs: { x: { shape: [3, 2] }, u: { shape: [2, 2] } },
      constants: [int64Tensor('i', [2, 1], reduction === 'add' ? [1, 1] : [2, 0])],
      nodes: [node('ScatterND', ['x', 'i', 'u'], ['y'], { reduction: { string: reduction } })],
    });
  });

  it('refuses updates that are multiplied', async () => {
    const check = checkGradient({
      inputs: { x: { shape: [3] }, u: { shape: [1] } },
      constants: [int64Tensor('i', [1], [0])],
      nodes: [node('ScatterElements', ['x', 'i', 'u'], ['y'], { reduction: { string: 'mul' } })],
    });
    await expect(check).rejects.toThrow("node 'y' (ScatterElements) cannot be differentiated: it combines its updates");
  });
});

describe('TopK', () => {
  it.each([0, 1])('TopK along a middle axis, largest %d', async (largest) => {
    const values = Array.from({ length: 24 }, (_, i) => ((i * 7) % 24) / 8);
    await checkGradient({
      inputs: { x: { shape: [2, 4, 3], values } },
      constants: [int64Tensor('k', [1], [2])],
      nodes: [node('TopK', ['x', 'k'], ['y', 'where'], { axis: { int: 1 }, largest: { int: largest } })],
    });
  });
});

describe('Compress', () => {
  const keeps = (...values: number[]) => rawTensor('c', DataType.BOOL, [values.length], Uint8Array.from(values));

  it.each([
    ['rows', { axis: { int: 0 } }, keeps(1, 0, 1)],
    ['columns, by a shorter condition', { axis: { int: -1 } }, keeps(0, 1)],
    ['none along an axis but one', { axis: { int: 1 } }, keeps(0, 1)],
    ['elements', {}, keeps(1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1)],
  ])('%s', async (_, attributes, condition) => {
    await checkGradient({
      inputs: { x: { shape: [3, 2, 4] } },
      constants: [condition],
      nodes: [node('Compress', ['x', 'c'], ['y'], attributes)],
    });
  });

  it('refuses a condition that is computed', async () => {
    const check = checkGradient({
      inputs: { x: { shape: [4] } },
      constants: [floatTensor('zero', [], [0])],
      nodes: [node('Greater', ['x', 'zero'], ['c']), node('Compress', ['x', 'c'], ['y'], { axis: { int: 0 } })],
    });
    await expect(check).rejects.toThrow('how many elements it keeps depends on values');
  });
});
