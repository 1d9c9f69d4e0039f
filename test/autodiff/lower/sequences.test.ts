import { describe, expect, it } from 'vitest';
import { lowerSequences } from '../../../src/autodiff/lower/sequences.js';
import { makeNode, type NodeProto } from '../../../src/model/graph.js';
import { DataType, int64Tensor, rawTensor, type TensorProto } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { observeShapes } from '../../../src/runtime/shapes.js';
import { random } from '../check-gradient.js';
import { graphOf, operators } from './model.js';

const scalar = (name: string, value: number): TensorProto => int64Tensor(name, [], [value]);
const split = (inputs: readonly string[], attributes: Parameters<typeof makeNode>[3]): NodeProto =>
  makeNode('SplitToSequence', inputs, ['s'], attributes);
const at = (index: string, output = 'y', sequence = 's'): NodeProto =>
  makeNode('SequenceAt', [sequence, index], [output]);
const axis1 = { axis: { int: 1 } };

interface Case {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly constants?: readonly TensorProto[];
  /** whether the lengths of axes must be known */
  readonly needsShapes?: boolean;
  /** what is left of it */
  readonly expected?: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'a part of chunk',
    nodes: [split(['x', 'two'], axis1), at('one')],
    constants: [scalar('two', 2), scalar('one', 1)],
    expected: ['Slice'],
  },
  {
    name: 'the last part, which is smaller',
    nodes: [split(['x', 'two'], axis1), at('last')],
    constants: [scalar('two', 2), scalar('last', -1)],
    needsShapes: true,
  },
  {
    name: 'a part of split with sizes, counted from the end',
    nodes: [split(['x', 'sizes'], { axis: { int: -2 } }), at('last')],
    constants: [int64Tensor('sizes', [3], [1, 3, 1]), scalar('last', -2)],
  },
  {
    name: 'an element of unbind',
    nodes: [split(['x'], { axis: { int: 1 }, keepdims: { int: 0 } }), at('last')],
    constants: [scalar('last', -2)],
    expected: ['Gather'],
  },
  {
    name: 'an element with its axis',
    nodes: [split(['x'], axis1), at('one')],
    constants: [scalar('one', 1)],
    expected: ['Gather', 'Unsqueeze'],
  },
  {
    name: 'stacked again along another axis',
    nodes: [
      split(['x'], { axis: { int: 1 }, keepdims: { int: 0 } }),
      makeNode('ConcatFromSequence', ['s'], ['y'], { axis: { int: -1 }, new_axis: { int: 1 } }),
    ],
    needsShapes: true,
  },
  {
    name: 'put together, changed and put side by side',
    nodes: [
      makeNode('SequenceConstruct', ['x', 'x'], ['s0']),
      makeNode('Neg', ['x'], ['n']),
      makeNode('SequenceInsert', ['s0', 'n', 'one'], ['s1']),
      makeNode('SequenceErase', ['s1', 'first'], ['s2']),
      makeNode('Identity', ['s2'], ['s3']),
      makeNode('ConcatFromSequence', ['s3'], ['y'], axis1),
    ],
    constants: [scalar('one', 1), scalar('first', -3)],
    expected: ['Neg', 'Concat'],
  },
  {
    name: 'begun empty; inserted and erased at the end',
    nodes: [
      makeNode('SequenceEmpty', [], ['s0']),
      makeNode('SequenceInsert', ['s0', 'x'], ['s1']),
      makeNode('Neg', ['x'], ['n']),
      makeNode('SequenceInsert', ['s1', 'n'], ['s2']),
      makeNode('SequenceErase', ['s2'], ['s3']),
      makeNode('ConcatFromSequence', ['s3'], ['y'], axis1),
    ],
  },
  {
    name: 'counted',
    nodes: [
      split(['x', 'two'], axis1),
      makeNode('SequenceLength', ['s'], ['l']),
      makeNode('Cast', ['l'], ['y'], { to: { int: DataType.FLOAT } }),
    ],
    constants: [scalar('two', 2)],
    needsShapes: true,
  },
];

describe('lowerSequences', () => {
  it.each(cases)('$name', async ({ nodes, constants = [], needsShapes = false, expected }) => {
    const graph = graphOf({ inputs: { x: [2, 5, 3] }, constants, nodes });
    const next = random(5);
    const feeds = { x: float32(Float32Array.from({ length: 30 }, next), [2, 5, 3]) };
    const { y: before } = await runOnce(graph.model, feeds);
    if (needsShapes) expect(lowerSequences(graph)).toBe(0);
    const shapes = needsShapes ? await observeShapes(graph, feeds) : undefined;
    expect(lowerSequences(graph, shapes)).toBe(1);
    expect(operators(graph).filter((opType) => opType.includes('Sequence'))).toEqual([]);
    if (expected !== undefined) expect(operators(graph)).toEqual(expected);
    const { y: after } = await runOnce(graph.model, feeds);
    expect(after?.dims).toEqual(before?.dims);
    expect(after?.data).toEqual(before?.data);
  });

  it('leaves alone what the graph does not tell', () => {
    const graph = graphOf({
      inputs: { x: [2, 5, 3] },
      constants: [scalar('two', 2)],
      nodes: [
        makeNode('ReduceSum', ['x'], ['total'], { keepdims: { int: 0 } }),
        makeNode('Cast', ['total'], ['which'], { to: { int: DataType.INT64 } }),
        split(['x', 'two'], axis1),
        at('which'),
      ],
    });
    expect(lowerSequences(graph)).toBe(0);
    expect(operators(graph)).toContain('SplitToSequence');
  });

  it('follows a position that is computed, where parts are single elements', async () => {
    const graph = graphOf({
      inputs: { x: [2, 5, 3] },
      constants: [rawTensor('axes', DataType.INT64, [3], BigInt64Array.of(0n, 1n, 2n))],
      nodes: [
        makeNode('ReduceMax', ['x', 'axes'], ['m'], { keepdims: { int: 0 } }),
        makeNode('Cast', ['m'], ['which'], { to: { int: DataType.INT64 } }),
        split(['x'], axis1),
        at('which'),
      ],
    });
    const feeds = {
      x: float32(
        Float32Array.from({ length: 30 }, (_, i) => (i % 15) / 4),
        [2, 5, 3],
      ),
    };
    const { y: before } = await runOnce(graph.model, feeds);
    expect(lowerSequences(graph)).toBe(1);
    expect((await runOnce(graph.model, feeds)).y?.data).toEqual(before?.data);
  });
});
