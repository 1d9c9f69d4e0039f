import { expect, test } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { floatTensor, int64Tensor } from '../../../src/model/tensor.js';
import { node, runGradient } from '../check-gradient.js';

/** dL/dx for L = sum(y), with x a vector [1, 1, n]. */
async function gradientAt(
  x: readonly number[],
  opType: string,
  more: readonly string[] = [],
  attributes: Attributes = {},
): Promise<number[]> {
  const found = await runGradient({
    inputs: { x: { shape: [1, 1, x.length], values: x } },
    constants: [
      floatTensor('zero', [], [0]),
      floatTensor('six', [], [6]),
      floatTensor('slope', [1], [0.25]),
      int64Tensor('axis', [1], [2]),
      int64Tensor('two', [1], [2]),
    ],
    nodes: [node(opType, ['x', ...more], opType === 'TopK' ? ['y', 'places'] : ['y'], attributes)],
    outputs: ['y'],
  });
  return [...(found.get('x') ?? [])];
}

const keep: Attributes = { keepdims: { int: 0 } };

/** The table "Equal values and kinks" of docs/architecture.md. */
test.each<[string, readonly string[], Attributes, readonly number[], readonly number[]]>([
  ['Relu', [], {}, [0], [0]],
  ['Clip', ['zero', 'six'], {}, [0, 6], [0, 0]],
  ['Max', ['zero'], {}, [0], [0]],
  ['Max', ['x'], {}, [1], [1]],
  ['ReduceMax', ['axis'], keep, [1, 1, 0, 1], [1 / 3, 1 / 3, 0, 1 / 3]],
  ['ReduceMin', ['axis'], keep, [1, 1, 2], [0.5, 0.5, 0]],
  ['MaxPool', [], { kernel_shape: { ints: [3] } }, [1, 1, 1], [1, 0, 0]],
  ['GlobalMaxPool', [], {}, [1, 0, 1], [0.5, 0, 0.5]],
  ['TopK', ['two'], {}, [1, 1, 1], [1, 1, 0]],
  ['Abs', [], {}, [0], [0]],
  ['ReduceL1', ['axis'], keep, [0, 1], [0, 1]],
  ['ReduceL2', ['axis'], keep, [0, 0], [0, 0]],
  ['LeakyRelu', [], { alpha: { float: 0.25 } }, [0], [0.25]],
  ['PRelu', ['slope'], {}, [0], [0.25]],
  ['Elu', [], {}, [0], [1]],
  ['HardSigmoid', [], { alpha: { float: 0.5 }, beta: { float: 0.5 } }, [-1, 1], [0, 0]],
  ['HardSwish', [], {}, [-3, 3], [0, 1]],
  ['ThresholdedRelu', [], {}, [1], [0]],
  ['Shrink', [], {}, [-0.5, 0.5], [0, 0]],
])('%s %j %j at %j: %j', async (opType, more, attributes, x, expected) => {
  const gradient = await gradientAt(x, opType, more, attributes);
  expect(gradient).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(gradient[i]).toBeCloseTo(value, 6);
});
