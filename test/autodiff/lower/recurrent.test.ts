import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, OperatorSetIdProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { lowerRecurrent } from '../../../src/autodiff/lower/recurrent.js';
import { recurrentRefusal } from '../../../src/autodiff/lower/recurrent-cells.js';
import { canonicalOpset } from '../../../src/autodiff/opset.js';
import { type Attributes, Graph } from '../../../src/model/graph.js';
import { DataType, elementCount, rawTensor, type TensorProto } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { checkGradient, node, random, valueInfo } from '../check-gradient.js';

const [T, B, I, H] = [4, 3, 2, 3];

interface Case {
  readonly op: 'LSTM' | 'GRU' | 'RNN';
  readonly attributes?: Attributes;
  readonly bias?: boolean;
  readonly initial?: boolean;
  readonly lengths?: readonly number[];
  readonly peepholes?: boolean;
  readonly steps?: number;
}

const bidirectional: Attributes = { direction: { string: 'bidirectional' } };
const reverse: Attributes = { direction: { string: 'reverse' } };

const cases: Record<string, Case> = {
  'LSTM, weights alone': { op: 'LSTM' },
  'LSTM, one step': { op: 'LSTM', steps: 1, bias: true },
  'LSTM, everything': {
    op: 'LSTM',
    attributes: bidirectional,
    bias: true,
    initial: true,
    lengths: [4, 1, 3],
    peepholes: true,
  },
  'LSTM, coupled gates': { op: 'LSTM', attributes: { input_forget: { int: 1 } }, bias: true },
  'LSTM, reverse, clipped': { op: 'LSTM', attributes: { ...reverse, clip: { float: 0.3 } }, bias: true, initial: true },
  'LSTM, other activations': {
    op: 'LSTM',
    attributes: {
      activations: { strings: ['HardSigmoid', 'Softsign', 'Relu'] },
      activation_alpha: { floats: [0.3] },
      activation_beta: { floats: [0.4] },
    },
    bias: true,
  },
  'GRU, weights alone': { op: 'GRU' },
  'GRU, both directions': { op: 'GRU', attributes: bidirectional, bias: true, initial: true, lengths: [2, 4, 1] },
  'GRU, linear before reset': { op: 'GRU', attributes: { linear_before_reset: { int: 1 } }, bias: true, initial: true },
  'GRU, linear before reset, no bias': { op: 'GRU', attributes: { ...reverse, linear_before_reset: { int: 1 } } },
  'GRU, clipped': { op: 'GRU', attributes: { clip: { float: 0.2 } }, bias: true },
  'RNN, weights alone': { op: 'RNN' },
  'RNN, both directions': { op: 'RNN', attributes: bidirectional, bias: true, initial: true, lengths: [1, 2, 4] },
  'RNN, activations with arguments': {
    op: 'RNN',
    attributes: {
      ...bidirectional,
      activations: { strings: ['LeakyRelu', 'ScaledTanh'] },
      activation_alpha: { floats: [0.2, 0.7] },
      activation_beta: { floats: [1.3] },
    },
  },
  'RNN, Affine and Elu': {
    op: 'RNN',
    attributes: {
      ...bidirectional,
      activations: { strings: ['Affine', 'Elu'] },
      activation_alpha: { floats: [0.5, 0.8] },
      activation_beta: { floats: [0.1] },
    },
  },
};

interface Network {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;
  readonly constants: readonly TensorProto[];
}

function network({ op, attributes = {}, bias, initial, lengths, peepholes, steps = T }: Case): Network {
  const next = random(11);
  const values = (shape: readonly number[]) => ({
    shape,
    values: Array.from({ length: elementCount(shape) }, () => 2 * next() - 1),
  });
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op];
  const directions = attributes.direction === bidirectional.direction ? 2 : 1;
  const inputs = {
    x: values([steps, B, I]),
    w: values([directions, gates * H, I]),
    r: values([directions, gates * H, H]),
    ...(bias ? { b: values([directions, 2 * gates * H]) } : {}),
    ...(initial ? { h: values([directions, B, H]) } : {}),
    ...(initial && op === 'LSTM' ? { c: values([directions, B, H]) } : {}),
    ...(peepholes ? { p: values([directions, 3 * H]) } : {}),
  };
  const names = ['x', 'w', 'r', 'b', 'lengths', 'h', 'c', 'p'];
  const given = names.map((name) => (name in inputs || (name === 'lengths' && lengths) ? name : ''));
  const outputs = op === 'LSTM' ? ['y', 'yh', 'yc'] : ['y', 'yh'];
  const constants = lengths ? [rawTensor('lengths', DataType.INT32, [B], Int32Array.from(lengths))] : [];
  const graph = new Graph(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(canonicalOpset) })],
      graph: create(GraphProtoSchema, {
        name: 'network',
        input: Object.entries(inputs).map(([name, { shape }]) => valueInfo(name, shape)),
        output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
        initializer: constants,
        node: [node(op, given.slice(0, op === 'LSTM' ? 8 : 6), outputs, { ...attributes, hidden_size: { int: H } })],
      }),
    }),
  );
  return { graph, inputs, constants };
}

async function run({ graph, inputs }: Network): Promise<Record<string, readonly number[]>> {
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, values }]) => [name, float32(Float32Array.from(values), shape)]),
  );
  const results = await runOnce(graph.model, feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, data instanceof Float32Array ? Array.from(data) : []]),
  );
}

function lowered(given: Case, most: number): Network {
  const made = network(given);
  const shapes = new Map(Object.entries(made.inputs).map(([name, { shape }]) => [name, shape]));
  expect(lowerRecurrent(made.graph, shapes, most)).toBe(1);
  return made;
}

describe.each([
  ['unrolled', T],
  ['as a Scan', 0],
] as const)('recurrent layers, %s', (_how, most) => {
  it.each(Object.entries(cases))('%s: the same outputs', async (_, given) => {
    const expected = await run(network(given));
    const actual = await run(lowered(given, most));
    for (const [name, values] of Object.entries(expected)) {
      for (const [i, value] of values.entries()) expect(actual[name]?.[i], `${name}[${i}]`).toBeCloseTo(value, 5);
    }
  });

  it.each(['LSTM, everything', 'GRU, both directions', 'GRU, linear before reset', 'RNN, both directions'])(
    '%s: the gradient flows',
    async (name) => {
      const { graph, inputs } = lowered(cases[name] ?? { op: 'RNN' }, most);
      expect(graph.nodes.some(({ opType }) => opType === 'Scan')).toBe(most === 0);
      await checkGradient({
        inputs,
        constants: graph.proto.initializer,
        nodes: graph.nodes,
        outputs: graph.proto.output.map((output) => output.name),
      });
    },
  );

  it('do not grow with their steps as Scans', () => {
    const count = (steps: number) => lowered({ op: 'LSTM', bias: true, steps }, most).graph.nodes.length;
    if (most === 0) expect(count(3)).toBe(count(2));
    else expect(count(3)).toBeGreaterThan(count(2));
  });

  it('says why a layer stays', () => {
    const { graph } = network({ op: 'RNN', attributes: { layout: { int: 1 } } });
    expect(lowerRecurrent(graph, new Map())).toBe(0);
    expect(graph.nodes.map(recurrentRefusal)).toEqual([expect.stringContaining('layout 1')]);
  });
});
