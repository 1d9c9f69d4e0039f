import { describe, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { DataType, int64Tensor, type TensorProto } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

const ints = (name: string, values: readonly number[]): TensorProto => int64Tensor(name, [values.length], values);

/** One node of `op` over x and integer constants, in the order given ('' for one that is left out). */
async function check(
  op: string,
  shape: readonly number[],
  constants: readonly TensorProto[] = [],
  attributes: Attributes = {},
): Promise<void> {
  const inputs = constants.map(({ name }) => name);
  await checkGradient({
    inputs: { x: { shape } },
    constants: constants.filter(({ name }) => name !== ''),
    nodes: [node(op, ['x', ...inputs], ['y'], attributes)],
  });
}

const none = int64Tensor('', [0], []);

describe('views', () => {
  it('Reshape, also with 0 (copied) and -1 (inferred)', () => check('Reshape', [2, 3, 4], [ints('s', [0, -1])]));
  it('Flatten', () => check('Flatten', [2, 3, 4], [], { axis: { int: 2 } }));
  it('Squeeze', () => check('Squeeze', [1, 3, 1, 2], [ints('axes', [-2])]));
  it('Unsqueeze', () => check('Unsqueeze', [3, 2], [ints('axes', [0, -1])]));
  it('Identity', () => check('Identity', [3, 2]));
  it('Transpose, reversed and by a permutation that is not its own inverse', async () => {
    await check('Transpose', [2, 3, 4]);
    await check('Transpose', [2, 3, 4], [], { perm: { ints: [1, 2, 0] } });
  });
});

describe('repetition', () => {
  it('Expand, with and without new axes', async () => {
    await check('Expand', [3, 1], [ints('s', [2, 1, 4])]);
    await check('Expand', [3, 2], [ints('s', [3, 1])]);
  });
  it('Tile', async () => {
    await check('Tile', [2, 3], [ints('r', [2, 3])]);
    await check('Tile', [2, 3], [ints('r', [1, 2])]);
    await check('Tile', [2, 3], [ints('r', [1, 1])]);
  });
});

describe('Concat and Split', () => {
  it('Concat of unequal parts along a negative axis', async () => {
    await checkGradient({
      inputs: { a: { shape: [2, 1, 2] }, b: { shape: [2, 3, 2] } },
      nodes: [node('Concat', ['a', 'b', 'a'], ['y'], { axis: { int: -2 } })],
    });
  });
  it('Concat where one part is differentiated', async () => {
    await checkGradient({
      inputs: { a: { shape: [2, 1], differentiable: false }, b: { shape: [2, 3] } },
      nodes: [node('Concat', ['a', 'b'], ['y'], { axis: { int: 1 } })],
    });
  });
  it('Split in unequal parts, one of which is not read', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 6] } },
      constants: [ints('parts', [1, 3, 2])],
      nodes: [node('Split', ['x', 'parts'], ['a', 'b', 'c'], { axis: { int: -1 } })],
      outputs: ['a', 'c'],
    });
  });
  it('Split in so many outputs, the last one smaller', async () => {
    await checkGradient({
      inputs: { x: { shape: [5, 2] } },
      nodes: [node('Split', ['x'], ['a', 'b'], { num_outputs: { int: 2 } })],
      outputs: ['a', 'b'],
    });
  });
});

describe('Slice', () => {
  it.each([
    ['a range', [1], [4], [1], [1]],
    ['a range that ends beyond the end', [2], [1000], [1], [1]],
    ['a negative start and end', [-3], [-1], [-1], [1]],
    ['step 2', [0], [7], [1], [2]],
    ['step 3 from 1, whose last block is cut', [1], [7], [1], [3]],
    ['backwards', [-1], [-1000], [1], [-1]],
    ['backwards by 2', [5], [0], [1], [-2]],
    ['a start before the beginning', [-1000], [3], [1], [1]],
    ['a start beyond the end, backwards', [1000], [2], [1], [-3]],
    ['one element backwards', [3], [2], [1], [-2]],
    ['two axes', [1, 4], [3, 0], [0, 1], [1, -3]],
  ])('%s', (_, starts, ends, axes, steps) =>
    check('Slice', [3, 7], [ints('s', starts), ints('e', ends), ints('a', axes), ints('t', steps)]),
  );
  it('without axes and steps', () => check('Slice', [3, 4], [ints('s', [1, 0]), ints('e', [3, 2])]));
});

describe('Pad', () => {
  it('with zeros, cutting and growing', async () => {
    await check('Pad', [2, 3], [ints('p', [1, 0, 0, 2])]);
    await check('Pad', [3, 4], [ints('p', [-1, 2, 1, -1])]);
  });
  it('over some axes', () => check('Pad', [2, 3, 4], [ints('p', [1, 2]), none, ints('axes', [-1])]));
  it.each(['reflect', 'edge', 'wrap'])('mode %s, asymmetric, over two axes', (mode) =>
    check('Pad', [2, 3, 4], [ints('p', [0, 1, 3, 0, 2, 2])], { mode: { string: mode } }),
  );
  it('the padding value itself', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3, 4] }, value: { shape: [] } },
      constants: [ints('p', [0, 1, 2, 0, 0, 1])],
      nodes: [node('Pad', ['x', 'p', 'value'], ['y'])],
    });
  });
});

describe('positions', () => {
  it('DepthToSpace in both modes, SpaceToDepth', async () => {
    await check('DepthToSpace', [2, 8, 2, 3], [], { blocksize: { int: 2 } });
    await check('DepthToSpace', [2, 8, 2, 3], [], { blocksize: { int: 2 }, mode: { string: 'CRD' } });
    await check('SpaceToDepth', [2, 3, 4, 2], [], { blocksize: { int: 2 } });
  });
  it('Trilu, above and below a diagonal', async () => {
    await check('Trilu', [2, 3, 4]);
    await check('Trilu', [3, 4], [int64Tensor('k', [], [1])], { upper: { int: 0 } });
  });
  it.each([
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ])('CumSum, exclusive %d, reverse %d', (exclusive, reverse) =>
    check('CumSum', [2, 4], [int64Tensor('axis', [], [-1])], {
      exclusive: { int: exclusive },
      reverse: { int: reverse },
    }),
  );
  it('ReverseSequence', () =>
    check('ReverseSequence', [2, 4, 2], [ints('lengths', [3, 1])], { batch_axis: { int: 0 }, time_axis: { int: 1 } }));
});

describe('Cast', () => {
  it('to double and back', async () => {
    await checkGradient({
      inputs: { x: { shape: [3] } },
      nodes: [
        node('Cast', ['x'], ['d'], { to: { int: DataType.DOUBLE } }),
        node('Mul', ['d', 'd'], ['s']),
        node('Cast', ['s'], ['y'], { to: { int: DataType.FLOAT } }),
      ],
    });
  });
  it('to an integer lets nothing through', async () => {
    await checkGradient({
      inputs: { x: { shape: [3] } },
      nodes: [
        node('Cast', ['x'], ['i'], { to: { int: DataType.INT64 } }),
        node('Abs', ['i'], ['j']),
        node('Cast', ['j'], ['steps'], { to: { int: DataType.FLOAT } }),
        node('Add', ['x', 'steps'], ['y']),
      ],
    });
  });
});
