import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema } from 'onnx-buf';
import { makeNode, type NodeProto } from '../../src/model/graph.js';
import { DataType, int64Tensor, rawTensor, type TensorProto } from '../../src/model/tensor.js';
import { node, valueInfo } from './check-gradient.js';

export const sequenceLoopConstants: readonly TensorProto[] = [
  int64Tensor('first', [], [0]),
  int64Tensor('next', [], [1]),
  int64Tensor('bags', [], [3]),
  rawTensor('go', DataType.BOOL, [], Uint8Array.of(1)),
];

/** torch.onnx's EmbeddingBag, in short: row by row of `x`, as long as there are bags (their number is the value `bags`), twice it is put into a sequence, which is then joined to `y`. */
export function sequenceLoop(x: string, y: string, bags = 'bags'): NodeProto[] {
  const body = create(GraphProtoSchema, {
    name: 'bags',
    input: [
      valueInfo('i', [], DataType.INT64),
      valueInfo('given', [], DataType.BOOL),
      valueInfo('at'),
      valueInfo('so'),
    ],
    output: ['further', 'after', 'with'].map((name) => valueInfo(name)),
    node: [
      node('Gather', [x, 'at'], ['row']),
      node('Add', ['row', 'row'], ['twice']),
      node('SequenceInsert', ['so', 'twice'], ['with']),
      node('Add', ['at', 'next'], ['after']),
      node('Less', ['after', bags], ['further']),
    ],
  });
  return [
    node('SequenceEmpty', [], ['empty']),
    makeNode('Loop', ['', 'go', 'first', 'empty'], ['end', 'rows'], { body: { graph: body } }),
    node('ConcatFromSequence', ['rows'], [y], { axis: { int: 0 }, new_axis: { int: 1 } }),
  ];
}
