import { describe, expect, it } from 'vitest';
import { exposeLogits } from '../../../src/autodiff/lower/expose-logits.js';
import { toFloat32 } from '../../../src/autodiff/lower/float16.js';
import { raiseOpset } from '../../../src/autodiff/opset.js';
import { makeAttribute } from '../../../src/model/attributes.js';
import type { Graph } from '../../../src/model/graph.js';
import { type Head, headsOf } from '../../../src/model/head.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { addMlNode, graphOfForm, headForms } from '../../model/head-forms.js';
import { parseGraph, valueInfo } from '../../transforms/notation.js';
import { random } from '../check-gradient.js';
import { operators } from './model.js';

const next = random(11);
const x = float32(
  Float32Array.from({ length: 5 * 4 }, () => 6 * next() - 3),
  [5, 4],
);

function headOf(graph: Graph, output = 'y'): Head {
  const head = headsOf(graph).find((each) => each.output === output);
  if (head === undefined) throw new Error(`no output '${output}'`);
  return head;
}

function canonical(graph: Graph): Graph {
  const copy = graph.copy();
  toFloat32(copy);
  raiseOpset(copy, 'test.onnx');
  return copy;
}

async function outputOf(graph: Graph, output: string) {
  const tensor = (await runOnce(graph.model, { x }))[output];
  if (tensor === undefined) throw new Error(`no output '${output}'`);
  return { dims: [...tensor.dims], values: Array.from(tensor.data, Number) };
}

/** Applies what a head says to exposed logits [5, ...]: over one axis, or over all that a sample has. */
function activated(logits: readonly number[], dims: readonly number[], head: Head): number[] {
  const log = head.meaning === 'log-probabilities';
  if (head.activation === 'sigmoid') {
    return logits.map((z) => (log ? -Math.log1p(Math.exp(-z)) : 1 / (1 + Math.exp(-z))));
  }
  const axis = head.axis ?? 1;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const size = dims[axis] ?? 1;
  const sums = new Map<number, number>();
  const group = (i: number) => Math.floor(i / (inner * size)) * inner + (i % inner);
  logits.forEach((z, i) => {
    sums.set(group(i), (sums.get(group(i)) ?? 0) + Math.exp(z));
  });
  return logits.map((z, i) => (log ? z - Math.log(sums.get(group(i)) ?? 0) : Math.exp(z) / (sums.get(group(i)) ?? 0)));
}

describe.each(headForms)('$name', (form) => {
  it.each(form.opsets.map((opset) => ({ opset })))('gives its logits in op set $opset', async ({ opset }) => {
    const graph = graphOfForm(form, opset);
    const head = headOf(graph);
    const original = await outputOf(graph, 'y');
    const copy = canonical(graph);
    const loss = exposeLogits(copy, head);
    expect(loss).toBe(form.activation === 'sigmoid' ? 'binary-cross-entropy-on-logits' : 'cross-entropy-on-logits');
    const [output, ...others] = copy.proto.output;
    expect(others).toEqual([]);
    const exposed = await outputOf(copy, output?.name ?? '');
    expect(exposed.dims).toEqual(original.dims);
    activated(exposed.values, exposed.dims, head).forEach((value, i) => {
      expect(Math.abs(value - (original.values[i] ?? Number.NaN))).toBeLessThan(form.rounded ? 1e-3 : 1e-6);
    });
    // nothing of the activation is left
    expect(operators(copy)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/Softmax|Sigmoid|Exp|Tanh|Softplus/)]),
    );
  });
});

describe('the other outputs', () => {
  const classifier = () => {
    const graph = parseGraph(`
      opset 11
      x: float[N,4]
      w = float[4,1]
      v = float[4,2]
      one = float[] 1
      classes = int64[2] 3 7
      z = MatMul(x, w)
      features = MatMul(x, v)
      p = Sigmoid(z)
      q = Sub(one, p)
      probabilities = Concat(q, p) axis=1
      top = ArgMax(probabilities) axis=1
    `);
    addMlNode(graph, 'ArrayFeatureExtractor', ['classes', 'top'], ['label']);
    addMlNode(graph, 'ZipMap', ['probabilities'], ['map'], { classlabels_int64s: { ints: [3, 7] } });
    graph.proto.output = [
      valueInfo('label', 'int64', ['1', 'N']),
      valueInfo('map'),
      valueInfo('features', 'float', ['N', '2']),
      valueInfo('probabilities', 'float', ['N', '2']),
    ];
    return graph;
  };

  it.each(['map', 'probabilities'])('go, with what only they need, where %s is read', async (output) => {
    const copy = canonical(classifier());
    expect(exposeLogits(copy, { output })).toBe('cross-entropy-on-logits');
    expect(operators(copy)).toEqual(['MatMul', 'Sub', 'Concat']);
    expect(copy.proto.initializer.map(({ name }) => name)).toEqual(['w']);
    const { dims, values } = await outputOf(copy, copy.proto.output[0]?.name ?? '');
    expect(dims).toEqual([5, 2]);
    expect(values.filter((_, i) => i % 2 === 0)).toEqual([0, 0, 0, 0, 0]);
  });

  it('go where the output has no activation, which stays as it is', async () => {
    const graph = classifier();
    const copy = canonical(graph);
    expect(exposeLogits(copy, { output: 'features' })).toBe('as-it-is');
    expect(operators(copy)).toEqual(['MatMul']);
    expect(copy.proto.output.map(({ name }) => name)).toEqual(['features']);
  });

  it('keep what a body reads from outside', () => {
    const graph = parseGraph('x: float[N,4]\nn = Neg(x)\nunused = Exp(x)\ny = If(x)\n-> y, unused');
    const branch = parseGraph('n2 = Identity(n)\n-> n2').proto;
    const [node] = graph.nodes.filter(({ opType }) => opType === 'If');
    node?.attribute.push(makeAttribute('then_branch', { graph: branch }));
    const indexed = graph.copy();
    exposeLogits(indexed, { output: 'y' });
    expect(operators(indexed)).toEqual(['Neg', 'If']);
  });
});

it('refuses an output that is not there', () => {
  expect(() => exposeLogits(parseGraph('x: float[N,4]\ny = Neg(x)\n-> y'), { output: 'z' })).toThrow("no output 'z'");
});
