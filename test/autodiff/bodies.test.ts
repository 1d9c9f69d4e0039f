import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, AttributeProto_AttributeType as AttributeType, GraphProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import type { Attributes, NodeProto } from '../../src/model/graph.js';
import { DataType, floatTensor, int64Tensor, rawTensor, type TensorProto } from '../../src/model/tensor.js';
import { checkGradient, node, valueInfo } from './check-gradient.js';

interface Body {
  readonly inputs?: readonly string[];
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly string[];
  readonly constants?: readonly TensorProto[];
}

/** ONNX Runtime asks for the types of these. */
const loopInputs: Readonly<Record<string, DataType | undefined>> = { i: DataType.INT64, given: DataType.BOOL };

function withBody(of: NodeProto, name: string, { inputs = [], nodes, outputs, constants = [] }: Body): NodeProto {
  const g = create(GraphProtoSchema, {
    name,
    input: inputs.map((input) =>
      loopInputs[input] === undefined ? valueInfo(input) : valueInfo(input, [], loopInputs[input]),
    ),
    output: outputs.map((output) => valueInfo(output)),
    node: [...nodes],
    initializer: [...constants],
  });
  of.attribute.push(create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g }));
  return of;
}

const scan = (
  inputs: readonly string[],
  outputs: readonly string[],
  count: number,
  body: Body,
  more: Attributes = {},
) => withBody(node('Scan', inputs, outputs, { num_scan_inputs: { int: count }, ...more }), 'body', body);
const yes = rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1));

describe('Scan', () => {
  it('one state, one sequence, weights from outside', () =>
    checkGradient({
      inputs: { h: { shape: [2, 3] }, x: { shape: [4, 2, 3] }, w: { shape: [3, 3] }, b: { shape: [3] } },
      nodes: [
        scan(['h', 'x'], ['end', 'all'], 1, {
          inputs: ['s', 'xt'],
          nodes: [
            node('Gemm', ['s', 'w', 'b'], ['g'], { transB: { int: 1 } }),
            node('Add', ['g', 'xt'], ['a']),
            node('Tanh', ['a'], ['t']),
            node('Identity', ['t'], ['y']),
          ],
          outputs: ['t', 'y'],
        }),
      ],
      outputs: ['end', 'all'],
    }));

  it('several states and sequences, in either direction, along other axes', () =>
    checkGradient({
      inputs: {
        h: { shape: [2, 3] },
        c: { shape: [3] },
        x: { shape: [2, 4, 3] },
        z: { shape: [4, 2] },
        w: { shape: [3, 3] },
        k: { shape: [1, 3] },
      },
      nodes: [
        scan(
          ['h', 'c', 'x', 'z'],
          ['h1', 'c1', 'p', 'q'],
          2,
          {
            inputs: ['s', 'v', 'xt', 'zt'],
            nodes: [
              node('MatMul', ['s', 'w'], ['m']),
              node('Mul', ['m', 'k'], ['mk']),
              node('Add', ['mk', 'xt'], ['a']),
              node('Sigmoid', ['a'], ['t']),
              node('Unsqueeze', ['zt', 'one'], ['zc']),
              node('Mul', ['t', 'zc'], ['p1']),
              node('ReduceSum', ['p1', 'zero'], ['r'], { keepdims: { int: 0 } }),
              node('Add', ['v', 'r'], ['v1']),
              node('Mul', ['v1', 'k'], ['q1']),
            ],
            outputs: ['t', 'v1', 'p1', 'q1'],
            constants: [int64Tensor('one', [1], [1]), int64Tensor('zero', [1], [0])],
          },
          {
            scan_input_axes: { ints: [1, 0] },
            scan_input_directions: { ints: [1, 0] },
            scan_output_axes: { ints: [-1, 0] },
            scan_output_directions: { ints: [0, 1] },
          },
        ),
      ],
      outputs: ['h1', 'c1', 'p', 'q'],
    }));

  it('a state that begins from nothing trained, one that is handed on, and a value that is given twice', () =>
    checkGradient({
      inputs: { x: { shape: [3, 2] }, e: { shape: [2], differentiable: false }, w: { shape: [2] }, u: { shape: [2] } },
      nodes: [
        scan(['e', 'u', 'x'], ['end', 'kept', 'all'], 1, {
          inputs: ['s', 'k', 'xt'],
          nodes: [
            node('Mul', ['xt', 'w'], ['a']),
            node('Mul', ['a', 'k'], ['b']),
            node('Add', ['s', 'b'], ['t']),
            node('Mul', ['t', 't'], ['y']),
            node('Identity', ['k'], ['k1']),
          ],
          outputs: ['t', 'k1', 'y'],
        }),
      ],
      outputs: ['end', 'kept', 'all'],
    }));

  it('only what is given is asked for; the weights are read twice', () =>
    checkGradient({
      inputs: { x: { shape: [3, 2, 2] }, w: { shape: [2, 2] }, h: { shape: [2, 2] } },
      nodes: [
        scan(['h', 'x'], ['end', 'all'], 1, {
          inputs: ['s', 'xt'],
          nodes: [
            node('MatMul', ['xt', 'w'], ['a']),
            node('Tanh', ['a'], ['b']),
            node('MatMul', ['b', 'w'], ['d']),
            node('Add', ['d', 's'], ['t']),
            node('Sin', ['t'], ['y']),
          ],
          outputs: ['t', 'y'],
        }),
      ],
      outputs: ['all'],
    }));

  it('a choice by what no gradient flows through, and a constant that every round makes anew', () =>
    checkGradient({
      inputs: {
        h: { shape: [2, 3] },
        x: { shape: [4, 2, 3] },
        m: { shape: [4, 2, 1], differentiable: false },
        w: { shape: [3] },
      },
      nodes: [
        scan(['h', 'x', 'm'], ['end', 'all'], 2, {
          inputs: ['s', 'xt', 'mt'],
          nodes: [
            node('Constant', [], ['half'], { value: { tensor: floatTensor('', [], [0.5]) } }),
            node('Greater', ['mt', 'zero'], ['counts']),
            node('Exp', ['w'], ['grown']),
            node('Mul', ['s', 'grown'], ['sw']),
            node('Mul', ['sw', 'half'], ['sh']),
            node('Add', ['sh', 'xt'], ['n']),
            node('Where', ['counts', 'n', 's'], ['t']),
            node('Identity', ['t'], ['y']),
          ],
          outputs: ['t', 'y'],
          constants: [floatTensor('zero', [], [0])],
        }),
      ],
      outputs: ['end', 'all'],
    }));

  it('within a Scan', () =>
    checkGradient({
      inputs: { h: { shape: [2] }, x: { shape: [3, 2, 2] }, w: { shape: [2] } },
      nodes: [
        scan(['h', 'x'], ['end', 'all'], 1, {
          inputs: ['s', 'xt'],
          nodes: [
            scan(['s', 'xt'], ['e', 'rows'], 1, {
              inputs: ['r', 'row'],
              nodes: [node('Mul', ['row', 'w'], ['rw']), node('Add', ['r', 'rw'], ['q']), node('Tanh', ['q'], ['v'])],
              outputs: ['q', 'v'],
            }),
            node('Sin', ['e'], ['t']),
          ],
          outputs: ['t', 'rows'],
        }),
      ],
      outputs: ['end', 'all'],
    }));
});

describe('Loop', () => {
  it('of a number of rounds that is known; the number of the round is used', () =>
    checkGradient({
      inputs: { x: { shape: [2, 3] }, w: { shape: [3, 3] } },
      constants: [int64Tensor('rounds', [], [4]), yes],
      nodes: [
        withBody(node('Loop', ['rounds', 'yes', 'x'], ['end', 'all']), 'body', {
          inputs: ['i', 'given', 's'],
          nodes: [
            node('Identity', ['given'], ['go']),
            node('Cast', ['i'], ['f'], { to: { int: DataType.FLOAT } }),
            node('MatMul', ['s', 'w'], ['m']),
            node('Mul', ['m', 'f'], ['mf']),
            node('Tanh', ['mf'], ['t']),
            node('Add', ['t', 's'], ['n']),
            node('Mul', ['t', 'f'], ['y']),
          ],
          outputs: ['go', 'n', 'y'],
        }),
      ],
      outputs: ['end', 'all'],
    }));

  it('of a number that only a run tells is refused', () =>
    expect(
      checkGradient({
        inputs: { x: { shape: [2] } },
        constants: [yes],
        nodes: [
          node('ReduceSum', ['x'], ['total'], { keepdims: { int: 0 } }),
          node('Cast', ['total'], ['rounds'], { to: { int: DataType.INT64 } }),
          withBody(node('Loop', ['rounds', 'yes', 'x'], ['end'], {}), 'body', {
            inputs: ['i', 'given', 's'],
            nodes: [node('Identity', ['given'], ['go']), node('Tanh', ['s'], ['n'])],
            outputs: ['go', 'n'],
          }),
        ],
      }),
    ).rejects.toThrow(/'end' \(Loop\) cannot be differentiated: only a run tells how many rounds it makes/));
});

describe('If', () => {
  const choice = (condition: string) => {
    const choose = node('If', [condition], ['y', 'z']);
    withBody(choose, 'then_branch', {
      nodes: [node('Mul', ['x', 'w'], ['a']), node('Tanh', ['a'], ['b']), node('Mul', ['b', 'b'], ['c'])],
      outputs: ['b', 'c'],
    });
    return withBody(choose, 'else_branch', {
      nodes: [node('Mul', ['x', 'two'], ['d']), node('Sin', ['v'], ['e'])],
      outputs: ['d', 'e'],
      constants: [floatTensor('two', [], [2])],
    });
  };

  it.each([2, -2])('by a condition that is computed: %d', (sign) =>
    checkGradient({
      inputs: {
        x: { shape: [3] },
        w: { shape: [3] },
        v: { shape: [3] },
        sign: { shape: [], values: [sign], differentiable: false },
      },
      constants: [floatTensor('zero', [], [0])],
      nodes: [node('Greater', ['sign', 'zero'], ['condition']), choice('condition')],
      outputs: ['y', 'z'],
    }),
  );

  it('within a Loop', () =>
    checkGradient({
      inputs: { x: { shape: [2] }, w: { shape: [2] } },
      constants: [int64Tensor('rounds', [], [3]), yes, int64Tensor('one', [], [1])],
      nodes: [
        withBody(node('Loop', ['rounds', 'yes', 'x'], ['end']), 'body', {
          inputs: ['i', 'given', 's'],
          nodes: [
            node('Identity', ['given'], ['go']),
            node('Equal', ['i', 'one'], ['odd']),
            node('Mul', ['s', 'w'], ['sw']),
            withBody(
              withBody(node('If', ['odd'], ['n']), 'then_branch', {
                nodes: [node('Tanh', ['sw'], ['t1'])],
                outputs: ['t1'],
              }),
              'else_branch',
              { nodes: [node('Mul', ['sw', 'w'], ['t2']), node('Sin', ['t2'], ['t3'])], outputs: ['t3'] },
            ),
          ],
          outputs: ['go', 'n'],
        }),
      ],
    }));
});
