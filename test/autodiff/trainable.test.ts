import { describe, expect, it } from 'vitest';
import { trainableParameters } from '../../src/autodiff/trainable.js';
import { floatTensor, int64Tensor } from '../../src/model/tensor.js';
import { node } from './check-gradient.js';
import { graphOf } from './lower/model.js';

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
