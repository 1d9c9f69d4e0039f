import type { Graph } from '../../src/model/graph.js';
import { makeNode } from '../../src/model/graph.js';
import type { Head } from '../../src/model/head.js';
import { parseGraph, valueInfo } from '../transforms/notation.js';

/** A network x [N, 4] -> z, three logits (or one, or four maps), and a way in which models go on from there to y. */
export interface HeadForm {
  readonly name: string;
  readonly opsets: readonly number[];
  /** the lines from z on, in the notation of test/transforms/notation.ts */
  readonly lines: (opset: number) => string;
  /** the shape of z */
  readonly logits?: 'one' | 'three' | 'map' | 'column map';
  /** the shape of y as the file declares it */
  readonly declared?: readonly string[];
  /** the value that enters the activation, where it is not z */
  readonly entering?: string;
  readonly activation: Head['activation'];
  readonly meaning: Head['meaning'];
  readonly axis?: number | null;
  readonly scale?: number;
  /** the form itself changes the probabilities, by less than 1e-3 */
  readonly rounded?: boolean;
  /** operators of the head's tail */
  readonly tail?: readonly string[];
}

const everyOpset = [9, 11, 13, 17];

/** A node over axes, which are an attribute in older op sets (Squeeze, Unsqueeze, ReduceSum: before 13; other reductions: before 18). */
const over = (output: string, op: string, input: string, opset: number, axes: number, more = ''): string =>
  opset < 13 || (op.startsWith('Reduce') && op !== 'ReduceSum')
    ? `${output} = ${op}(${input}) axes=[${axes}] ${more}`
    : `${output}_axes = int64[1] ${axes}\n${output} = ${op}(${input}, ${output}_axes) ${more}`;

const clip = (output: string, input: string, opset: number, low: number, high: number): string =>
  opset < 11
    ? `${output} = Clip(${input}) min=${low === 0 ? '0e0' : low} max=${high === 1 ? '1.0' : high}`
    : `${output}_low = float[] ${low}\n${output}_high = float[] ${high}\n${output} = Clip(${input}, ${output}_low, ${output}_high)`;

const softmax = { activation: 'softmax', meaning: 'probabilities' } as const;
const logSoftmax = { activation: 'log-softmax', meaning: 'log-probabilities' } as const;
const sigmoid = { activation: 'sigmoid', meaning: 'probabilities', logits: 'one' } as const;
const logSigmoid = { activation: 'sigmoid', meaning: 'log-probabilities', logits: 'one' } as const;
const ones = 'one = float[] 1\ntwo = float[] 2\nhalf = float[] 0.5\nminus = float[] -1';

export const headForms: readonly HeadForm[] = [
  {
    name: 'Softmax',
    opsets: everyOpset,
    lines: () => 'y = Softmax(z) axis=1',
    declared: ['N', '3'],
    axis: 1,
    ...softmax,
  },
  {
    name: 'Softmax of the default axis',
    opsets: everyOpset,
    lines: () => 'y = Softmax(z)',
    declared: ['N', '3'],
    axis: 1,
    ...softmax,
  },
  {
    name: 'Softmax, Identity',
    opsets: everyOpset,
    lines: () => 'p = Softmax(z)\ny = Identity(p)',
    tail: ['Identity'],
    ...softmax,
  },
  {
    name: 'Softmax, Flatten',
    opsets: everyOpset,
    lines: () => 'p = Softmax(z) axis=1\ny = Flatten(p)',
    tail: ['Flatten'],
    ...softmax,
  },
  {
    name: 'Softmax, Reshape',
    opsets: everyOpset,
    lines: () => 'p = Softmax(z)\ns = int64[2] -1 3\ny = Reshape(p, s)',
    tail: ['Reshape'],
    ...softmax,
  },
  { name: 'Softmax, Dropout', opsets: everyOpset, lines: () => 'p = Softmax(z)\ny = Dropout(p)', ...softmax },
  {
    name: 'Softmax through float16',
    opsets: everyOpset,
    lines: () => 'p = Softmax(z)\nh = Cast(p) to=10\ny = Cast(h) to=1',
    tail: ['Cast', 'Cast'],
    rounded: true,
    ...softmax,
  },
  {
    name: 'Softmax, Clip',
    opsets: everyOpset,
    lines: (v) => `p = Softmax(z)\n${clip('y', 'p', v, 1e-7, 0.9999999)}`,
    tail: [],
    ...softmax,
  },
  {
    name: 'Softmax, Clip to [0, 1]',
    opsets: everyOpset,
    lines: (v) => `p = Softmax(z)\n${clip('y', 'p', v, 0, 1)}`,
    tail: [],
    ...softmax,
  },
  {
    name: 'Softmax, Max and Min',
    opsets: everyOpset,
    lines: () => 'low = float[] 1e-7\nhigh = float[] 0.9999999\np = Softmax(z)\nm = Max(p, low)\ny = Min(high, m)',
    tail: [],
    ...softmax,
  },
  {
    name: 'Softmax, Concat of one, times 1, plus 0',
    opsets: everyOpset,
    lines: () =>
      'one = float[] 1\nnone = float[] 0\np = Softmax(z)\nc = Concat(p) axis=1\nt = Mul(c, one)\ny = Add(none, t)',
    tail: [],
    ...softmax,
  },
  {
    name: 'Softmax, Slice of everything',
    opsets: [11, 13, 17],
    lines: () =>
      'p = Softmax(z)\nfrom = int64[1] 0\nto = int64[1] 2147483647\nat = int64[1] 1\ny = Slice(p, from, to, at)',
    tail: [],
    ...softmax,
  },
  {
    name: 'Softmax of maps [N, 3, 2, 2]',
    opsets: [13, 17],
    lines: () => 'y = Softmax(z) axis=1',
    logits: 'map',
    axis: 1,
    ...softmax,
  },
  {
    name: 'Softmax of [N, 3, 1, 1], Squeeze',
    opsets: everyOpset,
    lines: (v) => `p = Softmax(z) axis=1\n${over('q', 'Squeeze', 'p', v, 3)}\n${over('y', 'Squeeze', 'q', v, 2)}`,
    logits: 'column map',
    tail: ['Squeeze', 'Squeeze'],
    ...softmax,
  },
  {
    name: 'Softmax over all that follows',
    opsets: [9, 11],
    lines: () => 'p = Softmax(z) axis=1\ny = Flatten(p)',
    logits: 'map',
    axis: null,
    tail: ['Flatten'],
    ...softmax,
  },
  {
    name: 'Softmax of channels last, Transpose to channels first',
    entering: 't',
    opsets: everyOpset,
    lines: () => 't = Transpose(z) perm=[0,2,3,1]\np = Softmax(t) axis=-1\ny = Transpose(p) perm=[0,3,1,2]',
    logits: 'map',
    axis: 1,
    tail: ['Transpose'],
    ...softmax,
  },
  {
    name: 'Softmax of [N, 1, 3], Squeeze',
    entering: 'u',
    opsets: everyOpset,
    lines: (v) => `${over('u', 'Unsqueeze', 'z', v, 1)}\np = Softmax(u) axis=-1\n${over('y', 'Squeeze', 'p', v, 1)}`,
    declared: ['N', '3'],
    axis: 1,
    tail: ['Squeeze'],
    ...softmax,
  },
  {
    name: 'Softmax, Unsqueeze',
    opsets: everyOpset,
    lines: (v) => `p = Softmax(z) axis=1\n${over('y', 'Unsqueeze', 'p', v, 1)}`,
    declared: ['N', '1', '3'],
    axis: 2,
    tail: ['Unsqueeze'],
    ...softmax,
  },
  {
    name: 'e^z / sum e^z',
    opsets: everyOpset,
    lines: (v) => `e = Exp(z)\n${over('s', 'ReduceSum', 'e', v, 1, 'keepdims=1')}\ny = Div(e, s)`,
    axis: 1,
    ...softmax,
  },
  {
    name: 'e^(z - max z) / sum',
    opsets: everyOpset,
    lines: (v) =>
      `${over('m', 'ReduceMax', 'z', v, -1 + (v < 11 ? 2 : 0))}\nd = Sub(z, m)\ne = Exp(d)\n${over('s', 'ReduceSum', 'e', v, 1)}\ny = Div(e, s)`,
    axis: 1,
    ...softmax,
  },
  {
    name: 'e^(z - max z) times the reciprocal of its sum',
    opsets: everyOpset,
    lines: (v) =>
      `${over('m', 'ReduceMax', 'z', v, 1)}\nd = Sub(z, m)\ne = Exp(d)\n${over('s', 'ReduceSum', 'e', v, 1)}\nr = Reciprocal(s)\ny = Mul(r, e)`,
    axis: 1,
    ...softmax,
  },
  {
    name: 'e^z / sum e^z, the axis dropped and brought back',
    opsets: everyOpset,
    lines: (v) =>
      `e = Exp(z)\n${over('s', 'ReduceSum', 'e', v, 1, 'keepdims=0')}\n${over('u', 'Unsqueeze', 's', v, 1)}\ny = Div(e, u)`,
    axis: 1,
    ...softmax,
  },
  {
    name: 'e^z / ReduceL1 e^z, with Identities',
    opsets: everyOpset,
    lines: (v) => `e = Exp(z)\ni = Identity(e)\n${over('s', 'ReduceL1', 'i', v, 1)}\nj = Identity(e)\ny = Div(j, s)`,
    axis: 1,
    ...softmax,
  },
  {
    name: 'LogSoftmax',
    opsets: everyOpset,
    lines: () => 'y = LogSoftmax(z) axis=1',
    declared: ['N', '3'],
    axis: 1,
    ...logSoftmax,
  },
  {
    name: 'LogSoftmax, Squeeze',
    entering: 'u',
    opsets: everyOpset,
    lines: (v) => `${over('u', 'Unsqueeze', 'z', v, 2)}\np = LogSoftmax(u) axis=1\n${over('y', 'Squeeze', 'p', v, 2)}`,
    tail: ['Squeeze'],
    ...logSoftmax,
  },
  { name: 'Log of Softmax', opsets: everyOpset, lines: () => 'p = Softmax(z)\ny = Log(p)', ...logSoftmax },
  {
    name: 'Log of Softmax + 1e-8',
    opsets: everyOpset,
    lines: () => 'tiny = float[] 1e-8\np = Softmax(z)\nq = Add(p, tiny)\ny = Log(q)',
    tail: [],
    ...logSoftmax,
  },
  { name: 'Exp of LogSoftmax', opsets: everyOpset, lines: () => 'p = LogSoftmax(z)\ny = Exp(p)', ...softmax },
  {
    name: 'z - log sum e^z',
    opsets: everyOpset,
    lines: (v) => `e = Exp(z)\n${over('s', 'ReduceSum', 'e', v, 1)}\nl = Log(s)\ny = Sub(z, l)`,
    axis: 1,
    ...logSoftmax,
  },
  {
    name: 'z - ReduceLogSumExp(z)',
    opsets: everyOpset,
    lines: (v) => `${over('l', 'ReduceLogSumExp', 'z', v, 1)}\ny = Sub(z, l)`,
    axis: 1,
    ...logSoftmax,
  },
  {
    name: 'z - ReduceLogSum(e^z)',
    opsets: everyOpset,
    lines: (v) => `e = Exp(z)\n${over('l', 'ReduceLogSum', 'e', v, 1)}\ny = Sub(z, l)`,
    axis: 1,
    ...logSoftmax,
  },
  {
    name: '(z - max z) - log sum e^(z - max z)',
    opsets: everyOpset,
    lines: (v) =>
      `${over('m', 'ReduceMax', 'z', v, 1)}\nd = Sub(z, m)\ne = Exp(d)\n${over('s', 'ReduceSum', 'e', v, 1)}\nl = Log(s)\ny = Sub(d, l)`,
    axis: 1,
    ...logSoftmax,
  },
  {
    name: 'z - (max z + log sum e^(z - max z))',
    opsets: everyOpset,
    lines: (v) =>
      `${over('m', 'ReduceMax', 'z', v, 1)}\nd = Sub(z, m)\ne = Exp(d)\n${over('s', 'ReduceSum', 'e', v, 1)}\nl = Log(s)\nn = Add(l, m)\ny = Sub(z, n)`,
    axis: 1,
    ...logSoftmax,
  },
  {
    name: 'e^(z - log sum e^z)',
    opsets: everyOpset,
    lines: (v) => `${over('l', 'ReduceLogSumExp', 'z', v, 1)}\nd = Sub(z, l)\ny = Exp(d)`,
    axis: 1,
    ...softmax,
  },
  { name: 'Sigmoid', opsets: everyOpset, lines: () => 'y = Sigmoid(z)', ...sigmoid },
  { name: 'Sigmoid of three labels', opsets: everyOpset, lines: () => 'y = Sigmoid(z)', ...sigmoid, logits: 'three' },
  {
    name: 'Sigmoid, Squeeze',
    opsets: everyOpset,
    lines: (v) => `p = Sigmoid(z)\n${over('y', 'Squeeze', 'p', v, 1)}`,
    tail: ['Squeeze'],
    ...sigmoid,
  },
  {
    name: '1 / (1 + e^-z)',
    opsets: everyOpset,
    lines: () => `${ones}\nn = Neg(z)\ne = Exp(n)\nd = Add(one, e)\ny = Div(one, d)`,
    scale: 1,
    ...sigmoid,
  },
  {
    name: 'Reciprocal(1 + Exp(-1 * z))',
    opsets: everyOpset,
    lines: () => `${ones}\nn = Mul(z, minus)\ne = Exp(n)\nd = Add(e, one)\ny = Reciprocal(d)`,
    scale: 1,
    ...sigmoid,
  },
  {
    name: '(1 + e^-z)^-1',
    opsets: everyOpset,
    lines: () => `${ones}\nn = Neg(z)\ne = Exp(n)\nd = Add(e, one)\ny = Pow(d, minus)`,
    scale: 1,
    ...sigmoid,
  },
  {
    name: '1 / (1 + e^z)',
    opsets: everyOpset,
    lines: () => `${ones}\ne = Exp(z)\nd = Add(e, one)\ny = Div(one, d)`,
    scale: -1,
    ...sigmoid,
  },
  {
    name: 'e^z / (1 + e^z)',
    opsets: everyOpset,
    lines: () => `${ones}\ne = Exp(z)\nd = Add(e, one)\ny = Div(e, d)`,
    scale: 1,
    ...sigmoid,
  },
  {
    name: '0.5 * tanh(0.5 z) + 0.5',
    opsets: everyOpset,
    lines: () => `${ones}\nh = Mul(half, z)\nt = Tanh(h)\nu = Mul(t, half)\ny = Add(u, half)`,
    scale: 1,
    ...sigmoid,
  },
  {
    name: '(1 + tanh(z / 2)) / 2',
    opsets: everyOpset,
    lines: () => `${ones}\nh = Div(z, two)\nt = Tanh(h)\nu = Add(one, t)\ny = Div(u, two)`,
    scale: 1,
    ...sigmoid,
  },
  {
    name: '(1 + tanh z) / 2',
    opsets: everyOpset,
    lines: () => `${ones}\nt = Tanh(z)\nu = Add(t, one)\ny = Mul(u, half)`,
    scale: 2,
    ...sigmoid,
  },
  {
    name: '1 - Sigmoid',
    opsets: everyOpset,
    lines: () => `${ones}\np = Sigmoid(z)\ny = Sub(one, p)`,
    scale: -1,
    ...sigmoid,
  },
  {
    name: '-softplus(-z)',
    opsets: everyOpset,
    lines: () => 'n = Neg(z)\ns = Softplus(n)\ny = Neg(s)',
    scale: 1,
    ...logSigmoid,
  },
  {
    name: 'z - softplus(z)',
    opsets: everyOpset,
    lines: () => 's = Softplus(z)\ny = Sub(z, s)',
    scale: 1,
    ...logSigmoid,
  },
  {
    name: '-log(1 + e^-z)',
    opsets: everyOpset,
    lines: () => `${ones}\nn = Neg(z)\ne = Exp(n)\na = Add(one, e)\nl = Log(a)\ny = Mul(l, minus)`,
    scale: 1,
    ...logSigmoid,
  },
  { name: 'Log of Sigmoid', opsets: everyOpset, lines: () => 'p = Sigmoid(z)\ny = Log(p)', ...logSigmoid },
  {
    name: 'e^-softplus(-z)',
    opsets: everyOpset,
    lines: () => 'n = Neg(z)\ns = Softplus(n)\nl = Neg(s)\ny = Exp(l)',
    scale: 1,
    ...sigmoid,
  },
  {
    name: '[1 - p, p]',
    opsets: everyOpset,
    lines: () => `${ones}\np = Sigmoid(z)\nq = Sub(one, p)\ny = Concat(q, p) axis=1`,
    axis: 1,
    tail: ['Concat'],
    logits: 'one',
    ...softmax,
  },
  {
    name: '[p, 1 - p]',
    opsets: everyOpset,
    lines: () => `${ones}\np = Sigmoid(z)\nn = Neg(p)\nq = Add(n, one)\ny = Concat(p, q) axis=-1`,
    scale: -1,
    tail: ['Concat'],
    logits: 'one',
    ...softmax,
  },
  {
    name: '[1 - p, p] of a sigmoid written out, then Identity',
    opsets: everyOpset,
    lines: () =>
      `${ones}\ne = Exp(z)\nd = Add(e, one)\np = Div(one, d)\nq = Sub(one, p)\nc = Concat(q, p) axis=1\ny = Identity(c)`,
    axis: 1,
    scale: -1,
    tail: ['Concat', 'Identity'],
    logits: 'one',
    ...softmax,
  },
  {
    name: '[sigmoid(-z), sigmoid(z)]',
    opsets: everyOpset,
    lines: () => `${ones}\ne = Exp(z)\nd = Add(e, one)\nq = Div(one, d)\np = Sigmoid(z)\ny = Concat(q, p) axis=1`,
    axis: 1,
    tail: ['Concat'],
    logits: 'one',
    ...softmax,
  },
];

const networks = {
  one: ['w = float[4,1]', 'z = MatMul(x, w)'],
  three: ['w = float[4,3]', 'z = MatMul(x, w)'],
  map: ['w = float[4,12]', 'flat = MatMul(x, w)', 'to = int64[4] -1 3 2 2', 'z = Reshape(flat, to)'],
  'column map': ['w = float[4,3]', 'flat = MatMul(x, w)', 'to = int64[4] -1 3 1 1', 'z = Reshape(flat, to)'],
};

export function graphOfForm(
  { lines, logits = 'three', declared }: Pick<HeadForm, 'lines' | 'logits' | 'declared'>,
  opset: number,
): Graph {
  const graph = parseGraph(
    [`opset ${opset}`, 'x: float[N,4]', ...networks[logits], lines(opset), declared ? '' : '-> y'].join('\n'),
  );
  if (declared !== undefined) graph.proto.output = [valueInfo('y', 'float', declared)];
  return graph;
}

/** Appends a node of ai.onnx.ml to a graph, whose op set it then imports. */
export function addMlNode(graph: Graph, opType: string, ...[input, output, attributes]: MlNode): void {
  graph.insert([makeNode(opType, input, output, attributes, output[0], 'ai.onnx.ml')]);
  const imports = graph.model.opsetImport;
  const [own] = imports;
  if (own !== undefined && !imports.some(({ domain }) => domain === 'ai.onnx.ml')) {
    imports.push({ ...own, domain: 'ai.onnx.ml', version: 1n });
  }
}

type MlNode = readonly [
  input: readonly string[],
  output: readonly string[],
  attributes?: Parameters<typeof makeNode>[3],
];
