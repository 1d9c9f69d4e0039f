import { describe, expect, it } from 'vitest';
import { refuseEndless } from '../../src/model/endless.js';
import { Graph, makeNode } from '../../src/model/graph.js';
import { DataType, int64Tensor, rawTensor } from '../../src/model/tensor.js';
import { parseGraph } from '../transforms/notation.js';

const memory = 2 ** 34;

/** A graph of one input 'x' of 4 features, with nodes and constants of its own beside what computes its output. */
function graphWith(
  constants: Readonly<Record<string, readonly number[]>>,
  ...nodes: ReturnType<typeof makeNode>[]
): Graph {
  const graph = parseGraph('x: float[N,4]\nw = float[4,2]\nh = MatMul(x, w)\ny = Relu(h)\n-> y');
  for (const [name, values] of Object.entries(constants)) {
    graph.proto.initializer.push(int64Tensor(name, [values.length], values));
  }
  graph.proto.node.push(...nodes);
  return new Graph(graph.model);
}

/** A window over a constant of [1, 1, 3, 3]. */
const slidingOver = (op: string, attributes: Parameters<typeof makeNode>[3]): Graph =>
  graphWith(
    { s: [1, 1, 3, 3], t: [1, 1, 1, 1] },
    n('ConstantOfShape', ['s'], 'a'),
    n('ConstantOfShape', ['t'], 'k'),
    n(op, op === 'MaxPool' ? ['a'] : ['a', 'k'], 'big', attributes),
  );

const refused = (graph: Graph) => expect(() => refuseEndless('m.onnx', graph, memory));
const n = (op: string, inputs: string[], output: string, attributes = {}) =>
  makeNode(op, inputs, [output], attributes, output);

describe('a model that asks for more than the machine has', () => {
  it.each<[string, Graph]>([
    ['ConstantOfShape', graphWith({ s: [2 ** 20, 2 ** 20] }, n('ConstantOfShape', ['s'], 'big'))],
    ['Expand', graphWith({ s: [2 ** 40], one: [1] }, n('Expand', ['one', 's'], 'big'))],
    ['Expand of what a run gives', graphWith({ s: [2 ** 40, 1, 1] }, n('Expand', ['x', 's'], 'big'))],
    ['Tile', graphWith({ s: [2 ** 39, 2] }, n('Tile', ['w', 's'], 'big'))],
    ['Tile of what a run gives', graphWith({ s: [2 ** 39, 2] }, n('Tile', ['x', 's'], 'big'))],
    ['Range', graphWith({ a: [0], b: [2 ** 40], d: [1] }, n('Range', ['a', 'b', 'd'], 'big'))],
    ['Pad', graphWith({ p: [0, 0, 2 ** 40, 0] }, n('Pad', ['x', 'p'], 'big'))],
    ['RandomNormal', graphWith({}, n('RandomNormal', [], 'big', { shape: { ints: [2 ** 20, 2 ** 20] } }))],
    [
      'a shape that is computed',
      graphWith(
        { s: [2 ** 20] },
        n('Mul', ['s', 's'], 'm'),
        n('Concat', ['m', 's'], 'c', { axis: { int: 0 } }),
        n('ConstantOfShape', ['c'], 'big'),
      ),
    ],
    [
      'a shape that is read off',
      graphWith(
        { s: [2 ** 20], e: [2 ** 20] },
        n('ConstantOfShape', ['s'], 'a'),
        n('Shape', ['a'], 'd'),
        n('Concat', ['d', 'e'], 'f', { axis: { int: 0 } }),
        n('ConstantOfShape', ['f'], 'big'),
      ),
    ],
    [
      'an outer sum',
      graphWith(
        { s: [2 ** 20, 1], t: [1, 2 ** 20] },
        n('ConstantOfShape', ['s'], 'a'),
        n('ConstantOfShape', ['t'], 'b'),
        n('Add', ['a', 'b'], 'big'),
      ),
    ],
    [
      'an outer product',
      graphWith(
        { s: [2 ** 20, 1], t: [1, 2 ** 20] },
        n('ConstantOfShape', ['s'], 'a'),
        n('ConstantOfShape', ['t'], 'b'),
        n('MatMul', ['a', 'b'], 'big'),
      ),
    ],
    [
      'an outer product with a place for a bias',
      graphWith(
        { s: [2 ** 20, 1] },
        n('ConstantOfShape', ['s'], 'a'),
        n('Gemm', ['a', 'a'], 'big', { transB: { int: 1 } }),
      ),
    ],
    [
      'an Einsum',
      graphWith(
        { s: [2 ** 20, 1] },
        n('ConstantOfShape', ['s'], 'a'),
        n('Einsum', ['a', 'a'], 'big', { equation: { string: 'ij, kj -> ik' } }),
      ),
    ],
    [
      'rows that are taken again and again',
      graphWith(
        { s: [1, 2 ** 20], t: [2 ** 20] },
        n('ConstantOfShape', ['s'], 'a'),
        n('ConstantOfShape', ['t'], 'b'),
        n('Gather', ['a', 'b'], 'big'),
      ),
    ],
    ['the padding of a Conv', slidingOver('Conv', { pads: { ints: [0, 0, 2 ** 20, 2 ** 20] } })],
    [
      'the padding of a MaxPool',
      slidingOver('MaxPool', { kernel_shape: { ints: [1, 1] }, pads: { ints: [2 ** 20, 2 ** 20, 0, 0] } }),
    ],
    ['the steps of a ConvTranspose', slidingOver('ConvTranspose', { strides: { ints: [2 ** 20, 2 ** 20] } })],
    ['the shape of a ConvTranspose', slidingOver('ConvTranspose', { output_shape: { ints: [2 ** 20, 2 ** 20] } })],
    ['CenterCropPad', graphWith({ s: [2 ** 20, 2 ** 20] }, n('CenterCropPad', ['w', 's'], 'big'))],
    ['HannWindow', graphWith({ s: [2 ** 40] }, n('HannWindow', ['s'], 'big'))],
    ['a size within a branch', withBody('If', 'then_branch', ['flag'], n('ConstantOfShape', ['s'], 'big'))],
  ])('is refused for %s', (_, graph) => {
    refused(graph).toThrow(/m\.onnx: .*big.* GiB, where the machine has 16\.0 GiB/);
  });

  /** A node with one body, over a constant 's' of 2^40 outside of it. */
  function withBody(op: string, attribute: string, inputs: string[], ...nodes: ReturnType<typeof makeNode>[]): Graph {
    const body = parseGraph('b: float[1]\nc = Relu(b)\n-> c').proto;
    body.node.push(...nodes);
    const graph = graphWith({ s: [2 ** 40] }, makeNode(op, inputs, ['out'], { [attribute]: { graph: body } }, 'outer'));
    graph.proto.initializer.push(rawTensor('flag', DataType.BOOL, [], Uint8Array.of(1)));
    return new Graph(graph.model);
  }
});

/** A Loop around a Loop ...: each with these rounds, null where nothing counts them; its condition stays as it is, or is computed. */
function loops(rounds: readonly (number | null)[], computed = false): Graph {
  let inner: ReturnType<typeof makeNode>[] = [];
  for (const [depth, each] of rounds.entries()) {
    const condition = computed ? 'Not' : 'Identity';
    const body = parseGraph(`i: int64[]\nc${depth}: bool[]\nk${depth} = ${condition}(c${depth})\n-> k${depth}`).proto;
    body.node.push(...inner);
    const count = each === null ? '' : `r${depth}`;
    inner = [makeNode('Loop', [count, 'flag'], [], { body: { graph: body } }, `loop${depth}`)];
  }
  const graph = graphWith({}, ...inner);
  rounds.forEach((each, depth) => {
    if (each !== null) graph.proto.initializer.push(int64Tensor(`r${depth}`, [], [each]));
  });
  graph.proto.initializer.push(rawTensor('flag', DataType.BOOL, [], Uint8Array.of(1)));
  return new Graph(graph.model);
}

describe('a Loop', () => {
  it('of more rounds than anybody waits for is refused, alone and within others', () => {
    refused(loops([2 ** 60])).toThrow(/loop0.* makes 1152921504606847000 rounds/);
    refused(loops([2 ** 13, 2 ** 13])).toThrow(/loop0.* makes 67108864 rounds/);
    refused(loops([null])).toThrow(/loop0.* never ends/);
  });

  it('that ends, or whose end only a run tells, is not', () => {
    refused(loops([1000, 1000])).not.toThrow();
    refused(loops([2 ** 60], true)).not.toThrow();
    refused(loops([2 ** 60, 0])).not.toThrow();
  });
});

it('an integer division that ends the process is refused', () => {
  const by = (divisor: number) => graphWith({ a: [-(2 ** 63), 5], b: [divisor] }, n('Div', ['a', 'b'], 'q'));
  refused(by(-1)).toThrow(/'q' divides -9223372036854775808 by -1/);
  refused(by(-2)).not.toThrow();
});

it('says nothing against what a machine holds, and what is not known', () => {
  refused(
    graphWith({ s: [2 ** 10, 2 ** 10] }, n('ConstantOfShape', ['s'], 'a'), n('Expand', ['x', 'a'], 'b')),
  ).not.toThrow();
  refused(graphWith({ s: [-1, 0, 3] }, n('Reshape', ['x', 's'], 'a'), n('Tile', ['x', 'unknown'], 'b'))).not.toThrow();
});
