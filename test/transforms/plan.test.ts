import { create } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, AttributeProtoSchema, FunctionProtoSchema, GraphProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { matchesPattern } from '../../src/contract/pattern.js';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { type AttributeValue, makeAttribute } from '../../src/model/attributes.js';
import { type Graph, makeNode } from '../../src/model/graph.js';
import { type FormatLimits, unlimited } from '../../src/model/limits.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { parseGraph, valueInfo } from './notation.js';

function plan(text: string, options: Partial<PlanOptions> = {}) {
  return planMigration(parseGraph(text), { ...defaultPlanOptions, ...options });
}

function outline(graph: Graph): string[] {
  return planMigration(graph, defaultPlanOptions).sites.map(({ id, kind, status, reason }) => {
    return status === 'skip' ? `${id}: skip, ${reason}` : `${id}: ${kind}`;
  });
}

describe('what is a site', () => {
  test.each([
    ['Relu', 'y = Relu(x)', 'y: relu'],
    ['Clip with attributes', 'opset 9\ny = Clip(x) min=0.0 max=6.0', 'y: relu6'],
    ['Clip with the largest float for no limit', 'opset 9\ny = Clip(x) min=0.0 max=3.4028234663852886e38', 'y: relu'],
    ['Clip with inputs', 'zero = float[] 0\ny = Clip(x, zero)', 'y: relu'],
    ['Clip with inputs from Constant nodes', 'zero = float[] 0\nsix = float[] 6\ny = Clip(x, zero, six)', 'y: relu6'],
    ['Max with zero', 'zero = float[1] 0\ny = Max(zero, x)', 'y: relu'],
    ['Relu then Min', 'six = float[] 6\nr = Relu(x)\ny = Min(six, r)', 'r: relu6'],
    ['Min then Max', 'zero = float[] 0\nsix = float[] 6\nm = Min(six, x)\ny = Max(zero, m)', 'm: relu6'],
    ['Relu, Min, Max', 'zero = float[] 0\nsix = float[] 6\nr = Relu(x)\nm = Min(r, six)\ny = Max(m, zero)', 'r: relu6'],
    ['Relu, then a floor above 0', 'low = float[] 0.1\nr = Relu(x)\ny = Max(r, low)', 'r: relu'],
    ['LeakyRelu without a slope', 'y = LeakyRelu(x) alpha=0.0', 'y: relu'],
    ['ThresholdedRelu at 0', 'y = ThresholdedRelu(x) alpha=0.0', 'y: relu'],
    ['Where x > 0', 'zero = float[] 0\np = Greater(x, zero)\ny = Where(p, x, zero)', 'y: relu'],
    ['Where 0 <= x', 'zero = float[] 0\np = LessOrEqual(zero, x)\ny = Where(p, x, zero)', 'y: relu'],
    ['Where not x < 0', 'zero = float[] 0\np = Less(x, zero)\ny = Where(p, zero, x)', 'y: relu'],
    ['Max then Clip', 'opset 9\nzero = float[] 0\nr = Max(x, zero)\ny = Clip(r) max=6.0', 'r: relu6'],
  ])('%s', (_, lines, expected) => {
    expect(outline(parseGraph(`x: float[N,2]\n${lines}\n-> y`))).toEqual([expected]);
  });

  test.each([
    ['another lower limit', 'low = float[] -1\ny = Clip(x, low)'],
    ['LeakyRelu', 'y = LeakyRelu(x)'],
    ['ThresholdedRelu', 'y = ThresholdedRelu(x)'],
    ['a choice by the other sign', 'zero = float[] 0\np = Less(x, zero)\ny = Where(p, x, zero)'],
    ['a choice by another value', 'zero = float[] 0\nt = Tanh(x)\np = Greater(t, zero)\ny = Where(p, x, zero)'],
    ['a limit that is computed', 'low = ReduceMin(x) keepdims=0\ny = Clip(x, low)'],
    ['a maximum of two values', 't = Tanh(x)\ny = Max(x, t)'],
  ])('not %s', (_, lines) => {
    expect(outline(parseGraph(`x: float[N,2]\n${lines}\n-> y`))).toEqual([]);
  });

  test('Relu then Min(6) is two things when something else reads the Relu', () => {
    expect(
      outline(parseGraph('x: float[N,2]\nsix = float[] 6\nr = Relu(x)\nm = Min(r, six)\ny = Add(r, m)\n-> y')),
    ).toEqual(['r: relu']);
  });

  test.each([
    ['Clip', 'one = float[] 1\ny = Clip(x, zero, one)', 'y'],
    ['Clip with attributes', 'opset 9\ny = Clip(x) min=0.0 max=1.0', 'y'],
    ['Max of Min', 'one = float[] 1\nm = Min(x, one)\ny = Max(m, zero)', 'm'],
    ['Min of Max', 'one = float[] 1\nm = Max(zero, x)\ny = Min(one, m)', 'm'],
    ['Min of Relu', 'one = float[] 1\nr = Relu(x)\ny = Min(r, one)', 'r'],
  ])('%s to another upper limit than 6 is one place, and no ReLU', (_, lines, id) => {
    const graph = parseGraph(`x: float[N,2]\nzero = float[] 0\n${lines}\n-> y`);
    expect(outline(graph)).toEqual([`${id}: skip, clips to [0, 1]`]);
  });

  test.each([
    ['an input', 'y = Relu(q)'],
    ['what is quantised', 'scale = float[] 0.1\npoint = int8[] 0\nz = QuantizeLinear(x, scale, point)\ny = Relu(z)'],
    ['what is cast, behind a pool', 'z = Cast(x) to=3\nm = MaxPool(z) kernel_shape=[1,1]\ny = Relu(m)'],
  ])('on integers it is none: %s', (_, lines) => {
    const graph = parseGraph(`x: float[N,1,2,2]\nq: int8[N,1,2,2]\n${lines}\n-> y`);
    expect(outline(graph)).toEqual(['y: skip, the tensor is int8']);
  });

  test('from integers back to numbers it is one again', () => {
    const lines = 'scale = float[] 0.1\nd = DequantizeLinear(q, scale)\nt = Tanh(d)\nu = Tanh(t)\ny = Relu(u)';
    expect(outline(parseGraph(`q: int8[N,2]\n${lines}\n-> y`))).toEqual(['y: relu']);
  });

  test.each([
    ['a second output', 's: float[T,N,2]\na = int64[1] 0\nz, h = RNN(s, w, r)\ny = Squeeze(h, a)'],
    ['a loop, whose first input counts', 'n = int64[] 2\ny = Loop(n, , x)'],
    ['what is filled', 'n = int64[1] 2\ny = ConstantOfShape(n)'],
  ])('the type of what an operator computes is not that of its shapes and axes: %s', (_, lines) => {
    const graph = parseGraph(`x: float[N,2]\nw = float[1,2,2]\nr = float[1,2,2]\n${lines}\nact = Relu(y)\n-> act`);
    expect(outline(graph)).toEqual(['act: relu']);
  });

  const clamp = 'zero = float[] 0\none = float[] 1\nr = Max(zero, x)\n';
  test.each([
    ['e = Add(r, one)\ny = Sqrt(e)', "a variance from going below zero: it feeds Sqrt 'y'"],
    ['c = Cast(r) to=1\nk = Mul(one, c)\ny = Sqrt(k)', "a variance from going below zero: it feeds Sqrt 'y'"],
    ['half = float[] -0.5\ny = Pow(r, half)', "a variance from going below zero: it feeds Pow 'y'"],
    ['i = Identity(r)\ny = Log(i)', "a value from going below zero: it feeds Log 'y'"],
    ['e = Add(r, one)\ny = Div(x, e)', "a value from going below zero: it feeds Div 'y'"],
    ['t = Transpose(r) perm=[1,0]\ny = Reciprocal(t)', "a value from going below zero: it feeds Reciprocal 'y'"],
  ])('a floor under what %j reads is no ReLU', (lines, reason) => {
    const graph = parseGraph(`x: float[N,2]\n${clamp}${lines}\n-> y`);
    expect(outline(graph)).toEqual([`r: skip, not a ReLU: keeps ${reason}`]);
  });

  test.each([
    ['a square', 'two = float[] 2\ny = Pow(r, two)'],
    ['a numerator', 'y = Div(r, one)'],
    ['a layer of its own before the root', 'w = float[2,2]\nz = MatMul(r, w)\ny = Sqrt(z)'],
    ['a sum with another value', 'z = Add(r, x)\ny = Sqrt(z)'],
  ])('%s may be negative', (_, lines) => {
    expect(outline(parseGraph(`x: float[N,2]\n${clamp}${lines}\n-> y`))).toEqual(['r: relu']);
  });

  test('what ONNX Runtime has fused, recurrent layers and PReLUs hold ReLUs that are listed', () => {
    const graph = parseGraph(`
      x: float[N,2]
      s: float[T,N,2]
      slope = float[2] 0
      p = PRelu(x, slope)
      w = float[1,2,2]
      r = float[1,2,2]
      y, h = RNN(s, w, r) name=rnn
      f = FusedGemm(x, w)
      c = FusedConv(x, w)
      -> y`);
    const add = (opType: string, name: string, value: AttributeValue) =>
      graph.nodes.find((node) => node.opType === opType)?.attribute.push(makeAttribute(name, value));
    add('RNN', 'activations', { strings: ['Relu'] });
    add('FusedGemm', 'activation', { string: 'Relu' });
    add('FusedConv', 'activation', { string: 'Clip' });
    add('FusedConv', 'activation_params', { floats: [0, 6] });
    for (const node of graph.nodes) if (node.opType.startsWith('Fused')) node.domain = 'com.microsoft';
    expect(planMigration(graph, defaultPlanOptions).sites.map(({ id, op, kind }) => [id, op, kind])).toEqual([
      ['p', 'PRelu', 'relu'],
      ['rnn', 'RNN', 'relu'],
      ['f', 'FusedGemm', 'relu'],
      ['c', 'FusedConv', 'relu6'],
    ]);
    expect(outline(graph)).toEqual([
      'p: skip, a PReLU, whose slopes are 0 now: training may change them',
      'rnn: skip, a part of the recurrence, not the last step of its layer',
      'f: skip, fused by ONNX Runtime: use the model before optimisation',
      'c: skip, fused by ONNX Runtime: use the model before optimisation',
    ]);
  });

  test('hard-swish and hard-sigmoid look like a ReLU6', () => {
    const graph = parseGraph(`
      opset 9
      x: float[N,2]
      three = float[] 3
      six = float[] 6
      s = Add(x, three)
      r = Clip(s) min=0.0 max=6.0
      m = Mul(x, r)
      y = Div(m, six)
      -> y`);
    expect(outline(graph)).toEqual(["r: skip, not a ReLU: with Mul 'm' it is hard-swish or hard-sigmoid"]);
  });

  test('relu(x) - slope relu(-x) is a PReLU; without the sum they are two ReLUs', () => {
    const parts = 'x: float[N,2]\nslope = float[] 0.1\np = Relu(x)\nn = Neg(x)\nq = Relu(n)\ns = Mul(q, slope)\n';
    expect(outline(parseGraph(`${parts}y = Sub(p, s)\n-> y`))).toEqual([
      "p: skip, not a ReLU: with 'q' it is a decomposed PReLU",
      "q: skip, not a ReLU: with 'p' it is a decomposed PReLU",
    ]);
    expect(outline(parseGraph(`${parts}y = Concat(p, s) axis=1\n-> y`))).toEqual(['p: relu', 'q: relu']);
  });

  test.each([
    ['max(x, 0) + slope min(x, 0)', 'p = Max(x, zero)\nm = Min(x, zero)\ns = Mul(slope, m)\ny = Add(p, s)'],
    ['relu(x) + slope (x - relu(x))', 'p = Relu(x)\nm = Sub(x, p)\ns = Mul(m, slope)\ny = Add(s, p)'],
    ['relu(x) + slope (x - |x|)', 'p = Relu(x)\nb = Abs(x)\nm = Sub(x, b)\ns = Mul(m, slope)\ny = Add(p, s)'],
    ['an ELU', 'p = Relu(x)\nm = Clip(x) max=0.0\ne = Exp(m)\ns = Sub(e, one)\nt = Mul(s, slope)\ny = Add(p, t)'],
    ['a softplus', 'p = Max(x, zero)\nb = Abs(x)\nn = Neg(b)\ne = Exp(n)\ns = Add(one, e)\nl = Log(s)\ny = Add(l, p)'],
  ])('%s is half of another activation', (_, nodes) => {
    const constants = 'slope = float[2] [0.1, 0.2]\nzero = float[] 0\none = float[] 1';
    expect(outline(parseGraph(`opset 9\nx: float[N,2]\n${constants}\n${nodes}\n-> y`))).toEqual([
      expect.stringMatching(/^p: skip, not a ReLU: with Add 'y' it is half of another activation, written out/),
    ]);
  });

  test.each([
    ['x + relu(x)', 'p = Relu(x)\ny = Add(x, p)'],
    ['relu(x) + |w|', 'p = Relu(x)\nb = Abs(w)\ny = Add(p, b)'],
    ['relu(x) + f(x), where f mixes channels', 'p = Relu(x)\nb = Abs(x)\nd = MatMul(b, mix)\ny = Add(p, d)'],
  ])('a residual is none: %s', (_, nodes) => {
    const inputs = 'x: float[N,2]\nw: float[N,2]\nmix = float[2,2] [1, 0, 0, 1]';
    expect(outline(parseGraph(`${inputs}\n${nodes}\n-> y`))).toEqual(['p: relu']);
  });

  test.each([
    ['max(min(x, w), 0)', 'm = Min(x, w)\np = Max(m, zero)\ny = Mul(p, x)'],
    ['min(relu(x), w)', 'p = Relu(x)\nm = Min(p, w)\ny = Mul(m, x)'],
    ['max(min(x, limits), 0)', 'm = Min(x, limits)\np = Max(zero, m)\ny = Mul(p, x)'],
  ])('a limit that is no one number makes a clip of it: %s', (_, nodes) => {
    const inputs = 'x: float[N,2]\nw: float[N,2]\nzero = float[] 0\nlimits = float[2] [3, 4]';
    expect(outline(parseGraph(`${inputs}\n${nodes}\n-> y`))).toEqual(["p: skip, clips to what Min 'm' compares with"]);
  });

  test('a quantised model keeps its biases on a grid', () => {
    const graph = parseGraph(`
      x: float[N,2]
      scale = float[] 0.1
      q = QuantizeLinear(x, scale)
      d = DequantizeLinear(q, scale)
      r = Relu(d)
      y = QuantizeLinear(r, scale)
      -> y`);
    expect(outline(graph)[0]).toMatch(/^r: skip, quantised/);
  });

  test('ReLUs inside bodies and local functions are listed, with limits that the outer graph holds', () => {
    const graph = parseGraph('x: float[N,2]\nc: bool[]\nzero = float[] 0\n-> y');
    const branch = (op: string, ...inputs: string[]) =>
      create(GraphProtoSchema, {
        name: op,
        node: [makeNode(op, inputs, [`in_${op}`])],
        output: [valueInfo(`in_${op}`)],
      });
    const choose = makeNode('If', ['c'], ['y'], {}, 'choose');
    const body = (name: string, g: ReturnType<typeof branch>) =>
      choose.attribute.push(create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g }));
    body('then_branch', branch('Relu', 'x'));
    body('else_branch', branch('Max', 'x', 'zero'));
    graph.insert([choose]);
    graph.model.functions.push(
      create(FunctionProtoSchema, { name: 'Block', node: [makeNode('Relu', ['a'], ['b'], {}, 'inner')] }),
    );
    expect(outline(graph)).toEqual([
      'choose/then_branch/in_Relu: relu',
      'choose/else_branch/in_Max: relu',
      'Block/inner: relu',
    ]);
  });

  test('nodes that share a name are told apart by their outputs', () => {
    expect(outline(parseGraph('x: float[N,2]\ny = Relu(x) name=act\nz = Relu(y) name=act\n-> z'))).toEqual([
      'act: relu',
      'z: relu',
    ]);
  });

  test('globs choose sites by id, slashes included', () => {
    const text =
      'x: float[N,2]\na = Relu(x) name=/block/0/act\nb = Relu(a) name=/block/1/act\nc = Relu(b) name=/head/act\n-> c';
    const chosen = (options: Partial<PlanOptions>) =>
      plan(text, options)
        .sites.filter(({ status }) => status === 'migrate')
        .map(({ id }) => id);
    expect(chosen({ include: ['/block/*'] })).toEqual(['/block/0/act', '/block/1/act']);
    expect(chosen({ exclude: ['*1*', '/head/???'] })).toEqual(['/block/0/act']);
    expect(matchesPattern('a.b', 'a?b') && !matchesPattern('axb', 'a.b')).toBe(true);
  });
});

describe('where a shift cannot go', () => {
  test.each([
    ['an input', 'y = Relu(x)', "'x' is an input of the model"],
    ['another operator', 's = Sigmoid(x)\ny = Relu(s)', "Sigmoid 's' has no constant that takes it"],
    ['another reader', 'w = float[2,2]\nh = Gemm(x, w)\nr = Relu(h)\ny = Mul(r, h)', "Mul 'y' reads 'h' too"],
    ['a model output', 'w = float[2,2]\nh = Gemm(x, w)\ny = Relu(h)\n-> h', "'h' is an output of the model too"],
    [
      'beta 0',
      'w = float[2,2]\nc = float[2]\nh = Gemm(x, w, c) beta=0.0\ny = Relu(h)',
      "Gemm 'h' ignores its bias (beta is 0)",
    ],
    [
      'a computed bias',
      'w = float[2,2]\ns = ReduceSum(x) keepdims=0\nh = Gemm(x, w, s)\ny = Relu(h)',
      "the bias of Gemm 'h' is not a floating-point constant",
    ],
    [
      'weights that are computed',
      'h = Gemm(x, x) transB=1\ny = Relu(h)',
      "Gemm 'h' has no bias, and its weights, which would tell the size of one, are not constant",
    ],
    ['a product', 'w = float[2,2]\nh = MatMul(x, w)\ny = Relu(h)', "MatMul 'h' has no constant that takes it"],
    [
      'both branches',
      's = Sigmoid(x)\nt = Tanh(x)\nh = Add(s, t)\ny = Relu(h)',
      "no branch of Add 'h' takes it: Sigmoid 's' has no constant that takes it; Tanh 't' has no constant that takes it",
    ],
    [
      'twice the same branch',
      'w = float[2,2]\ng = Gemm(x, w)\nh = Add(g, g)\ny = Relu(h)',
      "no branch of Add 'h' takes it: Add 'h' reads 'g' twice; Add 'h' reads 'g' twice",
    ],
    [
      'one branch of Concat',
      'w = float[2,2]\ng = Gemm(x, w)\nh = Concat(g, x) axis=1\ny = Relu(h)',
      "not every branch of Concat 'h' takes it: Gemm 'g' reads 'x' too",
    ],
  ])('%s', (_, lines, reason) => {
    const site = plan(`x: float[N,2]\n${lines}\n-> y`).sites[0];
    expect(site?.shift).toBeNull();
    expect(site?.reason).toContain(`no shift: ${reason}`);
  });

  test('an average that counts zeros', () => {
    const text = `
      x: float[N,1,4,4]
      w = float[1,1,1,1]
      c = Conv(x, w)
      h = AveragePool(c) kernel_shape=[2,2] pads=[1,1,1,1] count_include_pad=1
      y = Relu(h)
      -> y`;
    expect(plan(text).sites[0]?.reason).toContain("no shift: AveragePool 'h' averages the zeros of its padding");
  });
});

describe('where an offset cannot go', () => {
  const image = 'x: float[N,2,4,4]\ny = Relu(x)\n';
  test.each([
    [
      'zero padding',
      'w = float[1,2,3,3]\nz = Conv(y, w) pads=[1,1,1,1]',
      "Conv 'z' pads with zeros, not with the offset (padding 'floor' would)",
    ],
    [
      'padding told by a run only',
      'w = float[1,2,3,3]\nz = Conv(y, w) auto_pad=SAME_UPPER',
      "Conv 'z' pads with zeros, not with the offset (padding 'floor' would)",
    ],
    [
      'a stride between outputs',
      'w = float[2,1,2,2]\nz = ConvTranspose(y, w) strides=[2,2]',
      "the outputs of ConvTranspose 'z' meet different parts of its kernel",
    ],
    [
      'a border that is kept',
      'w = float[2,1,2,2]\nz = ConvTranspose(y, w)',
      "the outputs of ConvTranspose 'z' meet different parts of its kernel",
    ],
    [
      'an average that counts zeros',
      'z = AveragePool(y) kernel_shape=[2,2] pads=[1,1,1,1] count_include_pad=1',
      "AveragePool 'z' reads zeros around its input, not the offset (padding 'floor' would)",
    ],
    [
      'Pad',
      'p = int64[8] 0 0 1 1 0 0 1 1\nz = Pad(y, p)',
      "Pad 'z' reads zeros around its input, not the offset (padding 'floor' would)",
    ],
    ['padded channels', 'p = int64[8] 0 1 0 0 0 1 0 0\nz = Pad(y, p)', "Pad 'z' pads the channels"],
    [
      'padding with another number',
      'p = int64[8] 0 0 1 1 0 0 1 1\nv = float[] 7\nz = Pad(y, p, v)',
      "Pad 'z' pads with other than zeros",
    ],
    [
      'computed weights',
      'w = ReduceMean(x) axes=[0]\nz = Conv(x, y)',
      "Conv 'z' reads it as input 1, not as the values it works on",
    ],
    ['weights of an input', 'w: float[1,2,1,1]\nz = Conv(y, w)', "the weights of Conv 'z' are not constant"],
    ['what is not linear', 'z = Sigmoid(y)', "Sigmoid 'z' does not let an offset pass"],
    ['a product', 'k = float[] 2\nz = Mul(y, k)', "Mul 'z' does not let an offset pass"],
    ['a sum over pixels', 'z = ReduceSum(y)', "ReduceSum 'z' does not let an offset pass"],
    [
      'batch statistics',
      's = float[2]\nvar = float[2]\nz = BatchNormalization(y, s, s, s, var) training_mode=1',
      "BatchNormalization 'z' does not normalise with one running mean per channel",
    ],
    ['an output of the model', 'z = Identity(y)', "'z' is an output of the model"],
    ['rows joined', 'z = Concat(y, x) axis=2', "Concat 'z' joins it with others, not by channels"],
    [
      'an unknown number of channels',
      's = Slice(x, i, j)\ni = int64[1] 0\nj = int64[1] 1\nz = Concat(y, s) axis=1',
      "the number of channels of 's' is not known",
    ],
  ])('%s', (_, lines, reason) => {
    const site = plan(`${image}${lines}\n-> z`, { form: 'folded' }).sites[0];
    expect(site?.form).toBe('explicit');
    expect(site?.reason).toContain(`not folded: ${reason}`);
  });

  const matrix = 'x: float[N,2]\ny = Relu(x)\n';
  test.each([
    ['a transposed reader', 'w = float[2,1]\nz = Gemm(y, w) transA=1', "Gemm 'z' transposes what it reads"],
    ['a bias', 'w = float[2,2]\nz = Gemm(x, w, y)', "Gemm 'z' reads it as input 2, not as the values it works on"],
    [
      'a product without bias',
      'w = float[2,1]\nz = MatMul(y, w)',
      "MatMul 'z' has no bias: no constant is added to it alone",
    ],
    [
      'a product of two values',
      't = Transpose(x)\nz = MatMul(y, t)',
      "the right operand of MatMul 'z' is not a constant matrix",
    ],
    [
      'a product read twice',
      'w = float[2,2]\nb = float[2]\nm = MatMul(y, w)\ns = Add(m, b)\nz = Mul(s, m)',
      "MatMul 'm' has no bias: no constant is added to it alone",
    ],
  ])('%s', (_, lines, reason) => {
    expect(plan(`${matrix}${lines}\n-> z`, { form: 'folded' }).sites[0]?.reason).toContain(`not folded: ${reason}`);
  });

  test('a body that captures it', () => {
    const graph = parseGraph('x: float[N,2]\nc: bool[]\ny = Relu(x)\n-> z');
    const branch = create(GraphProtoSchema, { node: [makeNode('Identity', ['y'], ['in'])], output: [valueInfo('in')] });
    const choose = makeNode('If', ['c'], ['z'], {}, 'choose');
    choose.attribute.push(
      create(AttributeProtoSchema, { name: 'then_branch', type: AttributeProto_AttributeType.GRAPH, g: branch }),
    );
    graph.insert([choose]);
    const [site] = planMigration(graph, defaultPlanOptions).sites;
    expect(site?.reason).toContain("not folded: the body of If 'choose' reads 'y'");
  });
});

describe('which form', () => {
  const conv = 'x: float[N,1,4,4]\nw = float[2,1,1,1]\nh = Conv(x, w)\ny = Relu(h)\n';
  test('auto: folded where every reader takes it, fused where what feeds it does, else explicit', () => {
    const formOf = (text: string, options: Partial<PlanOptions> = {}) => plan(text, options).sites.at(-1)?.form;
    expect(formOf(`${conv}v = float[1,2,1,1]\nz = Conv(y, v)\n-> z`)).toBe('folded');
    expect(formOf(`${conv}z = Sigmoid(y)\n-> z`)).toBe('fused');
    expect(formOf('x: float[N,1]\ny = Relu(x)\nz = Sigmoid(y)\n-> z')).toBe('explicit');
    expect(formOf(`opset 7\n${conv}z = Sigmoid(y)\n-> z`, { granularity: 'channel' })).toBe('explicit');
  });

  test('a form that was asked for and is not exact gives way, with the reason', () => {
    const [site] = plan(`${conv}z = Sigmoid(y)\n-> z`, { form: 'folded' }).sites;
    expect(site).toMatchObject({ form: 'fused', reason: "not folded: Sigmoid 'z' does not let an offset pass" });
    const [other] = plan('x: float[N,1]\ny = Relu(x)\n-> y', { form: 'fused' }).sites;
    expect(other).toMatchObject({
      form: 'explicit',
      reason: "no shift: 'x' is an input of the model. not fused: the offset would go where the shift cannot",
    });
  });

  test('one parameter per channel needs channels that are known, and a shift that keeps them apart', () => {
    const channel = { granularity: 'channel' } as const;
    expect(plan(`${conv}-> y`, channel).sites[0]).toMatchObject({
      granularity: 'channel',
      channels: 2,
      trailingAxes: 2,
    });
    expect(plan('x: float[N,C]\ny = Relu(x)\n-> y', channel).sites[0]).toMatchObject({
      granularity: 'layer',
      channels: null,
      reason: expect.stringContaining('one offset for the layer: the graph does not tell its channels'),
    });
    const flattened =
      'x: float[N,1,4,4]\nw = float[2,1,4,4]\ns = int64[2] -1 2\nc = Conv(x, w)\nh = Reshape(c, s)\ny = Relu(h)\n-> y';
    expect(plan(flattened, channel).sites[0]).toMatchObject({
      granularity: 'layer',
      reason: expect.stringContaining("one offset for the layer: Reshape 'h' moves the channels"),
    });
  });

  test('what the files of a format cannot say is not planned', () => {
    const graph = parseGraph(`${conv}v = float[1,2,3,3]\nz = Conv(y, v) pads=[1,1,1,1]\n-> z`);
    const planned = (limits: Partial<FormatLimits>, options: Partial<PlanOptions> = {}) => {
      const all = planMigration(graph, { ...defaultPlanOptions, ...options }, { ...unlimited, ...limits });
      return all.sites[0];
    };
    expect(planned({ activation: () => 'already FReLU' })).toMatchObject({ status: 'skip', reason: 'already FReLU' });
    expect(planned({ fused: () => 'no maximum' })).toMatchObject({ form: 'explicit', shift: { into: 'h' } });
    expect(planned({ constant: ({ node }) => (node === 'h' ? 'no bias' : null) })).toMatchObject({
      form: 'explicit',
      shift: null,
      reason: expect.stringContaining('no shift: no bias'),
    });
    expect(planned({ constant: ({ node }) => (node === 'z' ? 'no bias' : null) }, { padding: 'floor' })).toMatchObject({
      status: 'skip',
      reason: 'not folded: no bias. not fused: no bias. not explicit: no bias',
    });
    expect(planned({ around: () => 'nothing before it' }, { padding: 'floor', form: 'explicit' })?.form).toBe('folded');
  });

  test('the summary counts', () => {
    expect(plan('x: float[N,1]\na = Relu(x)\nb = Relu(a)\n-> b', { exclude: ['a'] }).summary).toEqual({
      relu: 2,
      migrate: 1,
      skip: 1,
    });
  });
});
