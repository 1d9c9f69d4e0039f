import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema } from 'onnx-buf';
import { type Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import { DataType, floatTensor, int64Tensor, rawTensor } from '../../src/model/tensor.js';
import { node, random, valueInfo } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

const next = random(17);
const tensor = (name: string, ...dims: number[]) =>
  floatTensor(
    name,
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 2 * next() - 1),
  );

const scalars = { zero: 0, one: 1, two: 2 };
const vectors = { axis: [0], behind: [1], far: [2 ** 40], flat: [-1], first: [0] };

const body = (inputs: readonly [string, number][], nodes: readonly NodeProto[], outputs: readonly string[]) => ({
  graph: create(GraphProtoSchema, {
    name: 'bags',
    input: inputs.map(([name, type]) => (type === 0 ? valueInfo(name) : valueInfo(name, [], type))),
    node: [...nodes],
    output: outputs.map((name) => valueInfo(name)),
  }),
});

const round: [string, number][] = [
  ['i', DataType.INT64],
  ['given', DataType.BOOL],
];

/** x [N, 4] as one row, and where each bag begins in it, with its end: cuts [N + 1]. */
const offsets = [
  node('Shape', ['x'], ['shape']),
  node('Gather', ['shape', 'one'], ['width']),
  node('ReduceProd', ['shape'], ['total'], { keepdims: { int: 0 } }),
  node('Range', ['zero', 'total', 'width'], ['starts']),
  node('Reshape', ['x', 'flat'], ['row']),
  node('Shape', ['row'], ['length']),
  node('Concat', ['starts', 'length'], ['cuts'], { axis: { int: 0 } }),
];

/** As torch.onnx by TorchScript writes it: a Loop over the bags, each a slice of its own. */
const counted = [
  node('Slice', ['cuts', 'behind', 'far', 'axis'], ['ends']),
  node('Shape', ['ends'], ['bags']),
  node('Gather', ['bags', 'zero'], ['count']),
  makeNode('Loop', ['count', 'yes'], ['bagged'], {
    body: body(
      round,
      [
        node('Gather', ['cuts', 'i'], ['s']),
        node('Gather', ['ends', 'i'], ['e']),
        node('Unsqueeze', ['s', 'axis'], ['start']),
        node('Unsqueeze', ['e', 'axis'], ['end']),
        node('Slice', ['row', 'start', 'end', 'axis'], ['bag']),
        node('Gather', ['table', 'bag'], ['rows']),
        node('ReduceMean', ['rows', 'axis'], ['mean'], { keepdims: { int: 0 } }),
        node('Cast', ['yes'], ['go'], { to: { int: DataType.BOOL } }),
      ],
      ['go', 'mean'],
    ),
  }),
];

/** As torch.onnx by torch.export writes it: as long as there are bags, each put into a sequence; an empty one is zeros. */
const growing = [
  node('Gather', ['table', 'row'], ['looked']),
  node('Size', ['starts'], ['count']),
  node('SequenceEmpty', [], ['none']),
  node('Less', ['zero', 'count'], ['any']),
  makeNode('Loop', ['', 'any', 'zero', 'none'], ['last', 'bags'], {
    body: body(
      [...round, ['at', 0], ['so', 0]],
      [
        node('Reshape', ['at', 'flat'], ['from']),
        node('Add', ['from', 'one'], ['until']),
        node('Add', ['from', 'two'], ['beyond']),
        node('Slice', ['cuts', 'from', 'until'], ['start']),
        node('Slice', ['cuts', 'until', 'beyond'], ['end']),
        node('Equal', ['start', 'end'], ['isEmpty']),
        makeNode('If', ['isEmpty'], ['mean'], {
          then_branch: body([], [node('Identity', ['val_0'], ['zeros'])], ['zeros']),
          else_branch: body(
            [],
            [node('Slice', ['looked', 'start', 'end'], ['rows']), node('ReduceMean', ['rows', 'axis'], ['some'])],
            ['some'],
          ),
        }),
        node('SequenceInsert', ['so', 'mean'], ['with']),
        node('Add', ['at', 'one'], ['next']),
        node('Less', ['next', 'count'], ['go']),
      ],
      ['go', 'next', 'with'],
    ),
  }),
  node('ConcatFromSequence', ['bags'], ['bagged'], { axis: { int: 0 } }),
];

/** The mean of the rows of `table` [7, 3] for each sample's 4 indices, a hidden layer and a last one. */
export function embeddingBag(exporter: 'counted' | 'growing'): Graph {
  return graphOf({
    inputs: { x: [-1, 4] },
    dataType: DataType.INT64,
    constants: [
      ...Object.entries(scalars).map(([name, value]) => int64Tensor(name, [], [value])),
      ...Object.entries(vectors).map(([name, values]) => int64Tensor(name, [values.length], values)),
      rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1)),
      floatTensor('val_0', [1, 3], [0, 0, 0]),
      tensor('table', 7, 3),
      tensor('hidden.weight', 3, 5),
      tensor('hidden.bias', 5),
      tensor('last.weight', 5, 2),
      tensor('last.bias', 2),
    ],
    nodes: [
      ...offsets,
      ...(exporter === 'counted' ? counted : growing),
      node('Gemm', ['bagged', 'hidden.weight', 'hidden.bias'], ['h']),
      node('Relu', ['h'], ['r']),
      node('Gemm', ['r', 'last.weight', 'last.bias'], ['y']),
    ],
  });
}
