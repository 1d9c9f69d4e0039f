import { describe, expect, it } from 'vitest';
import { type Head, headsOf } from '../../src/model/head.js';
import { parseGraph, valueInfo } from '../transforms/notation.js';
import { addMlNode, graphOfForm, headForms } from './head-forms.js';

const operators = ({ tail }: Head) => tail.map(({ opType }) => opType);

function headOf(text: string): Head {
  const [head] = headsOf(parseGraph(text));
  if (head === undefined) throw new Error('no output');
  return head;
}

describe.each(headForms)('$name', (form) => {
  it.each(form.opsets.map((opset) => ({ opset })))('is recognised in op set $opset', ({ opset }) => {
    const graph = graphOfForm(form, opset);
    const before = structuredClone(graph.proto);
    const [head] = headsOf(graph);
    expect(head).toMatchObject({
      output: 'y',
      value: 'y',
      logits: form.entering ?? 'z',
      activation: form.activation,
      meaning: form.meaning,
      ...(form.axis === undefined ? {} : { axis: form.axis }),
      ...(form.scale === undefined ? {} : { scale: form.scale }),
    });
    if (head !== undefined && form.tail !== undefined) expect(operators(head)).toEqual(form.tail);
    expect(graph.proto).toEqual(before);
  });
});

describe('the label, and what stands beside it', () => {
  it('sets the label of scikit-learn apart from its probabilities', () => {
    const graph = parseGraph(`
      opset 11
      x: float[N,4]
      w = float[4,1]
      one = float[] 1
      classes = int64[2] 3 7
      z = MatMul(x, w)
      p = Sigmoid(z)
      q = Sub(one, p)
      probabilities = Concat(q, p) axis=1
      top = ArgMax(probabilities) axis=1
    `);
    addMlNode(graph, 'ArrayFeatureExtractor', ['classes', 'top'], ['name']);
    addMlNode(graph, 'ZipMap', ['probabilities'], ['map'], { classlabels_int64s: { ints: [3, 7] } });
    graph.proto.output = [
      valueInfo('name', 'int64', ['1', 'N']),
      valueInfo('map'),
      valueInfo('probabilities', 'float', ['N', '2']),
    ];
    const [name, map, probabilities] = headsOf(graph);
    expect(name).toMatchObject({ meaning: 'label', dtype: 'int64', activation: 'none', logits: 'name' });
    expect(map).toMatchObject({
      meaning: 'map',
      dtype: 'sequence',
      value: 'probabilities',
      valueMeaning: 'probabilities',
      logits: 'z',
    });
    expect(map?.evidence).toBe("Sigmoid 'p', then Concat 'probabilities' with 1 - p, then ZipMap 'map'");
    expect(probabilities).toMatchObject({ meaning: 'probabilities', activation: 'softmax', logits: 'z', axis: 1 });
    expect(probabilities?.columns?.opType).toBe('Concat');
  });

  it('knows a label that is kept as a float', () => {
    expect(headOf('x: float[N,4]\ni = ArgMax(x) axis=1\ny = Cast(i) to=1\n-> y')).toMatchObject({ meaning: 'label' });
    const graph = parseGraph(
      'x: float[N,4]\nhalf = float[] 0.5\np = Sigmoid(x)\ng = Greater(p, half)\ny = Cast(g) to=1',
    );
    graph.proto.output = [valueInfo('y', 'float', ['N', '4'])];
    expect(headsOf(graph)).toMatchObject([{ meaning: 'label', dtype: 'float' }]);
  });

  it('takes whole numbers for a label, whatever they were made of', () => {
    const graph = parseGraph('x: float[N,4]\np = Softmax(x)\ny = Cast(p) to=7');
    graph.proto.output = [valueInfo('y', 'int64', ['N', '4'])];
    expect(headsOf(graph)).toMatchObject([{ meaning: 'label', evidence: 'its elements are int64' }]);
  });

  it.each([
    { transform: 'LOGISTIC', meaning: 'probabilities' },
    { transform: 'SOFTMAX', meaning: 'probabilities' },
    { transform: 'NONE', meaning: 'logits-or-values' },
  ])('reads the scores of a LinearClassifier with $transform', ({ transform, meaning }) => {
    const graph = parseGraph('opset 11\nx: float[N,4]');
    addMlNode(graph, 'LinearClassifier', ['x'], ['label', 'scores'], { post_transform: { string: transform } });
    addMlNode(graph, 'Normalizer', ['scores'], ['normalised'], { norm: { string: 'L1' } });
    graph.proto.output = ['label', 'scores', 'normalised'].map((name) => valueInfo(name));
    expect(headsOf(graph)).toMatchObject([
      { meaning: 'label', dtype: 'int64' },
      { meaning, activation: 'none', logits: 'scores' },
      { meaning, activation: 'none', logits: 'normalised' },
    ]);
  });

  it('keeps the logits where an L1 norm divides a softmax by 1', () => {
    const graph = parseGraph('x: float[N,4]\np = Softmax(x)');
    addMlNode(graph, 'Normalizer', ['p'], ['y'], { norm: { string: 'L1' } });
    graph.proto.output = [valueInfo('y')];
    expect(headsOf(graph)).toMatchObject([{ meaning: 'probabilities', activation: 'softmax', logits: 'x', tail: [] }]);
  });
});

describe('probabilities without logits', () => {
  it.each([
    { name: 'HardSigmoid', lines: 'y = HardSigmoid(x)' },
    { name: 'one column of a softmax', lines: 'p = Softmax(x)\ni = int64[] 1\ny = Gather(p, i) axis=1' },
    {
      name: 'some columns of a softmax',
      lines: 'p = Softmax(x)\nf = int64[1] 1\nt = int64[1] 2\ny = Slice(p, f, t, f)',
    },
    {
      name: 'sigmoids divided by their sum',
      lines: 'p = Sigmoid(x)\na = int64[1] 1\ns = ReduceSum(p, a)\ny = Div(p, s)',
    },
    {
      name: '[1 - p, p] of two labels',
      lines:
        'w = float[4,2]\none = float[] 1\nz = MatMul(x, w)\np = Sigmoid(z)\nq = Sub(one, p)\ny = Concat(q, p) axis=1',
    },
    { name: 'two models side by side', lines: 'n = Neg(x)\np = Sigmoid(x)\nq = Softmax(n)\ny = Concat(q, p) axis=1' },
  ])('$name', ({ lines }) => {
    expect(headOf(`x: float[N,4]\n${lines}\n-> y`)).toMatchObject({
      meaning: 'probabilities',
      activation: 'none',
      logits: 'y',
      tail: [],
      columns: null,
    });
  });
});

describe('nothing is read into', () => {
  it.each([
    { name: 'a linear output', lines: 'w = float[4,3]\ny = MatMul(x, w)' },
    { name: 'a clipped output', lines: 'l = float[] 0\nh = float[] 1\ny = Clip(x, l, h)' },
    { name: 'a softmax over the samples', lines: 'y = Softmax(x) axis=0' },
    { name: 'a softmax that goes on', lines: 'w = float[4,3]\np = Softmax(x)\ny = MatMul(p, w)' },
    { name: 'a softmax cut off at a half', lines: 'h = float[] 0.5\nl = float[] 0\np = Softmax(x)\ny = Clip(p, l, h)' },
    { name: 'an exponential', lines: 'y = Exp(x)' },
    {
      name: 'exponentials over the sum of others',
      lines: 'n = Neg(x)\ne = Exp(x)\nf = Exp(n)\na = int64[1] 1\ns = ReduceSum(f, a)\ny = Div(e, s)',
    },
    { name: 'exponentials over the sum of the batch', lines: 'e = Exp(x)\ns = ReduceSum(e)\ny = Div(e, s)' },
    {
      name: '1 / (2 + e^-x)',
      lines: 'c = float[] 2\no = float[] 1\nn = Neg(x)\ne = Exp(n)\nd = Add(c, e)\ny = Div(o, d)',
    },
    { name: 'a tanh', lines: 'y = Tanh(x)' },
    { name: 'a scaled tanh that is no sigmoid', lines: 'h = float[] 0.5\nt = Tanh(x)\nu = Mul(t, h)\ny = Add(u, t)' },
    { name: '[-x, x]', lines: 'n = Neg(x)\ny = Concat(n, x) axis=1' },
    { name: 'Dropout in training', lines: 'r = float[] 0.5\nt = int64[] 1\np = Softmax(x)\ny = Dropout(p, r, t)' },
  ])('$name', ({ lines }) => {
    expect(headOf(`x: float[N,4]\n${lines}\n-> y`)).toMatchObject({
      meaning: 'logits-or-values',
      activation: 'none',
      logits: 'y',
      evidence: 'no softmax or sigmoid before it',
    });
  });
});
