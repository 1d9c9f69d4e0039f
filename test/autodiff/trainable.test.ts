import { describe, expect, it } from 'vitest';
import { describeTrainability, trainableParameters } from '../../src/autodiff/trainable.js';
import { DataType, floatTensor, int64Tensor, rawTensor } from '../../src/model/tensor.js';
import { node } from './check-gradient.js';
import { graphOf } from './lower/model.js';
import { sequenceLoop, sequenceLoopConstants } from './sequence-loop.js';

const tensor = (name: string, ...shape: number[]) =>
  floatTensor(name, shape, new Float32Array(shape.reduce((product, dim) => product * dim, 1)));

/** x / 255, a convolution, a normalization, then a dense layer as MatMul and Add, its weights stored transposed. */
const network = graphOf({
  inputs: { x: [1, 2, 4, 4] },
  constants: [
    tensor('scale'),
    tensor('conv.weight', 3, 2, 1, 1),
    tensor('conv.bias', 3),
    tensor('norm.gamma', 3),
    tensor('norm.beta', 3),
    tensor('norm.mean', 3),
    tensor('norm.variance', 3),
    tensor('dense.weight', 5, 48),
    tensor('dense.bias', 5),
    int64Tensor('shape', [2], [0, -1]),
  ],
  nodes: [
    node('Transpose', ['dense.weight'], ['dense.transposed']),
    node('Div', ['x', 'scale'], ['scaled']),
    node('Conv', ['scaled', 'conv.weight', 'conv.bias'], ['c']),
    node('BatchNormalization', ['c', 'norm.gamma', 'norm.beta', 'norm.mean', 'norm.variance'], ['n']),
    node('Relu', ['n'], ['r']),
    node('Reshape', ['r', 'shape'], ['f']),
    node('MatMul', ['f', 'dense.transposed'], ['m']),
    node('Add', ['m', 'dense.bias'], ['y']),
  ],
});

describe('what a scope trains', () => {
  it('all: weights and biases in the order of their use; no statistics, no scalar arithmetic, no shapes', () => {
    expect(trainableParameters(network, 'all')).toEqual([
      'conv.weight',
      'conv.bias',
      'norm.gamma',
      'norm.beta',
      'dense.weight',
      'dense.bias',
    ]);
  });

  it('biases', () => {
    expect(trainableParameters(network, 'biases')).toEqual(['conv.bias', 'norm.beta', 'dense.bias']);
  });

  it('head: the last layer, its bias in a node of its own', () => {
    expect(trainableParameters(network, 'head')).toEqual(['dense.weight', 'dense.bias']);
  });

  it('offsets: nothing of the model itself', () => {
    expect(trainableParameters(network, 'offsets')).toEqual([]);
  });
});

it('takes an initializer for a weight where any reader uses it as one', () => {
  const tied = graphOf({
    inputs: { x: [2, 2] },
    constants: [tensor('w', 2, 2)],
    nodes: [node('Add', ['x', 'w'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
  });
  expect(trainableParameters(tied, 'all')).toEqual(['w']);
  expect(trainableParameters(tied, 'biases')).toEqual([]);
});

describe('what a scalar is', () => {
  /** y = h OP name, after a layer. */
  const verdictOn = (name: string, opType = 'Mul', value = 0.5, shape: readonly number[] = []) => {
    const graph = graphOf({
      inputs: { x: [2, 2] },
      constants: [tensor('w', 2, 2), floatTensor(name, shape, [value])],
      nodes: [node('MatMul', ['x', 'w'], ['m']), node('Relu', ['m'], ['h']), node(opType, ['h', name], ['y'])],
    });
    return describeTrainability(graph).trained.some((one) => one.name === name);
  };

  it.each([
    'alpha',
    'block.scale',
    'layer1.0.gamma_3',
    'logit_scale',
    'temperature',
    'model/re_zero/ReadVariableOp',
    'model/re_zero/mul/ReadVariableOp:0',
    'my_layer/alpha',
  ])('learned: %s', (name) => {
    expect(verdictOn(name)).toBe(true);
  });

  it.each([
    'onnx::Mul_12',
    '/act/Constant_output_0',
    '/Mul_3_output_0',
    'val_3',
    'const_1',
    'conv/const',
    'scalar_tensor_2',
    'ortshared_1_0_1_0_token_12',
    'const_fold_opt__12',
    'Mu_Mulcst',
    'model/activation/mul/x:0',
    'batch_normalization/add/y',
    'p2o.Constant.12',
    '421',
    'half',
    'six',
    'lo',
  ])('a literal of the export: %s', (name) => {
    expect(verdictOn(name)).toBe(false);
  });

  it.each(['Div', 'Pow', 'Min', 'Max', 'Add', 'Sub', 'Mul'])('by its name, whatever reads it: %s', (opType) => {
    expect(verdictOn('block.alpha', opType)).toBe(true);
    expect(verdictOn('onnx::alpha_7', opType)).toBe(false);
  });

  it('an epsilon, though its name has a path', () => {
    const graph = graphOf({
      inputs: { x: [2, 2] },
      constants: [tensor('w', 2, 2), floatTensor('norm.eps', [], [1e-5])],
      nodes: [node('MatMul', ['x', 'w'], ['m']), node('Add', ['m', 'norm.eps'], ['sum']), node('Sqrt', ['sum'], ['y'])],
    });
    expect(describeTrainability(graph).left).toEqual([{ name: 'norm.eps', why: 'a scalar constant of the export' }]);
  });

  it('a bias is no mask, however low', () => {
    const graph = graphOf({
      inputs: { x: [2, 2] },
      constants: [tensor('w', 2, 2), floatTensor('b', [1, 2], [0, -20_000])],
      nodes: [node('MatMul', ['x', 'w'], ['m']), node('Add', ['m', 'b'], ['y'])],
    });
    expect(trainableParameters(graph, 'biases')).toEqual(['b']);
  });

  it('the bias of a layer with one output, in a node of its own', () => {
    const graph = graphOf({
      inputs: { x: [2, 2] },
      constants: [tensor('coefficient', 2, 1), tensor('intercepts2', 1, 1)],
      nodes: [node('MatMul', ['x', 'coefficient'], ['m']), node('Add', ['m', 'intercepts2'], ['y'])],
    });
    expect(trainableParameters(graph, 'biases')).toEqual(['intercepts2']);
  });
});

it('gives a reason for everything that is left', () => {
  const graph = graphOf({
    inputs: { x: [1, 2, 2, 2] },
    constants: [
      tensor('mean', 2, 1, 1),
      tensor('norm.gamma', 2),
      tensor('norm.beta', 2),
      tensor('norm.mean', 2),
      tensor('norm.variance', 2),
      floatTensor('mask', [2, 2], [0, -65504, 0, 0]),
      tensor('attention.inv_freq', 2),
      tensor('grid', 1, 2, 2, 2),
      rawTensor('double', DataType.DOUBLE, [1], Float64Array.of(1)),
      tensor('auxiliary.weight', 2, 2),
      tensor('unused', 2),
      floatTensor('scales', [4], [1, 1, 1, 1]),
    ],
    nodes: [
      node('Constant', [], ['literal'], { value: { tensor: floatTensor('', [2], [1, 2]) } }),
      node('Sub', ['x', 'mean'], ['centred']),
      node('BatchNormalization', ['centred', 'norm.gamma', 'norm.beta', 'norm.mean', 'norm.variance'], ['n']),
      node('Add', ['n', 'mask'], ['masked']),
      node('Mul', ['masked', 'attention.inv_freq'], ['m']),
      node('Mul', ['m', 'literal'], ['l']),
      node('Cast', ['double'], ['single'], { to: { int: DataType.FLOAT } }),
      node('Mul', ['l', 'single'], ['s']),
      node('Resize', ['s', '', 'scales'], ['r']),
      node('MaxRoiPool', ['r', 'grid'], ['y']),
      node('MatMul', ['r', 'auxiliary.weight'], ['auxiliary']),
    ],
  });
  const { trained, left } = describeTrainability(graph);
  expect(trained).toEqual([
    { name: 'norm.gamma', role: 'weight' },
    { name: 'norm.beta', role: 'bias' },
  ]);
  expect(Object.fromEntries(left.map(({ name, why }) => [name, why]))).toEqual({
    mean: "the model's own preprocessing of its input",
    'norm.mean': 'running statistics',
    'norm.variance': 'running statistics',
    mask: 'a mask',
    'attention.inv_freq': 'a buffer, by its name',
    grid: 'there is no gradient rule for MaxRoiPool',
    double: 'its element type is not float32',
    'auxiliary.weight': 'it is not on the way to the output',
    unused: 'nothing reads it',
    scales: 'input 2 of Resize has no gradient',
    literal: 'the value of a Constant node, which files keep apart from what is learned',
  });

  const both = describeTrainability(graph, ['y', 'auxiliary']);
  expect(both.trained).toEqual([...trained, { name: 'auxiliary.weight', role: 'weight' }]);
  expect(both.left).toEqual(left.filter(({ name }) => name !== 'auxiliary.weight'));
});

describe('a normalization whose scale is all ones and whose offset all zeros', () => {
  const trainedOf = (opType: string, scale: readonly [string, number], offset: readonly [string, number]) => {
    const values = ([name, value]: readonly [string, number]) => floatTensor(name, [3], Array<number>(3).fill(value));
    const graph = graphOf({
      inputs: { x: [2, 3, 4, 3] },
      constants: [values(scale), values(offset)],
      nodes: [node(opType, ['x', scale[0], offset[0]], ['y'])],
    });
    return trainableParameters(graph, 'all');
  };

  it.each(['InstanceNormalization', 'LayerNormalization'])('learns none where an exporter named them: %s', (opType) => {
    expect(trainedOf(opType, ['val_8', 1], ['val_11', 0])).toEqual([]);
    expect(trainedOf(opType, ['/n/Constant_output_0', 1], ['/n/Constant_1_output_0', 0])).toEqual([]);
  });

  it('learns each that has another value, as where its name was folded away', () => {
    expect(trainedOf('InstanceNormalization', ['val_8', 1.25], ['val_11', 0])).toEqual(['val_8']);
    expect(trainedOf('InstanceNormalization', ['val_8', 1], ['val_11', -0.5])).toEqual(['val_11']);
  });

  it('learns both where they have names of their own: nobody has trained it yet', () => {
    expect(trainedOf('InstanceNormalization', ['n.weight', 1], ['n.bias', 0])).toEqual(['n.weight', 'n.bias']);
  });
});

describe('before a Loop', () => {
  const graph = (bags: string) =>
    graphOf({
      inputs: { x: [3, 4] },
      constants: [tensor('before.weight', 4, 2), tensor('behind.weight', 2, 2), ...sequenceLoopConstants],
      nodes: [
        node('Shape', ['x'], ['shape'], { end: { int: 1 } }),
        node('Squeeze', ['shape'], ['told by shapes']),
        node('ReduceMax', ['x'], ['largest'], { keepdims: { int: 0 } }),
        node('Cast', ['largest'], ['told by data'], { to: { int: DataType.INT64 } }),
        node('MatMul', ['x', 'before.weight'], ['h']),
        ...sequenceLoop('h', 'bagged', bags),
        node('MatMul', ['bagged', 'behind.weight'], ['y']),
      ],
    });

  it.each(['bags', 'told by shapes'])('whose rounds %s tell, all is trained', (bags) => {
    const { trained, left } = describeTrainability(graph(bags));
    expect([trained.map(({ name }) => name), left]).toEqual([['before.weight', 'behind.weight'], []]);
  });

  it('of which only a run tells the rounds nothing is, and the reason is given', () => {
    const { trained, left } = describeTrainability(graph('told by data'));
    expect(trained.map(({ name }) => name)).toEqual(['behind.weight']);
    expect(left).toEqual([
      { name: 'before.weight', why: 'on its way to the output is a Loop of which only a run tells the rounds' },
    ]);
  });
});
