import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/math/random.js';
import { elementCount, floatTensor, int64Tensor, type TensorProto } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { trainabilityOf } from '../../src/training/canonical.js';
import { makeTrainable } from '../../src/training/prepare.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { checkAlongGradients } from './along-gradients.js';

const random = createRandom(9);
const drawn = (name: string, ...shape: number[]): TensorProto =>
  floatTensor(
    name,
    shape,
    Array.from({ length: elementCount(shape) }, () => 0.7 * random.normal()),
  );

const [batch, tokens, width] = [4, 3, 2];

/** x [N, 3, 2]: a class token before the sequence, two scales, a bound, a learned power, an LSTM with a learned start. */
const network = graphOf({
  inputs: { x: [-1, tokens, width] },
  constants: [
    drawn('embed.weight', width, width),
    drawn('cls_token', 1, 1, width),
    floatTensor('block.alpha', [], [0.6]),
    floatTensor('temperature', [], [1.7]),
    floatTensor('act.alpha', [], [0.9]),
    floatTensor('pool.power', [width], [1.5, 2.5]),
    drawn('h0', 1, 1, 3),
    drawn('c0', 1, 1, 3),
    drawn('lstm.w', 1, 12, width),
    drawn('lstm.r', 1, 12, 3),
    drawn('lstm.p', 1, 9),
    drawn('mix.a', 3, 2),
    drawn('mix.b', 2, 2),
    drawn('pad_row', 2),
    floatTensor('onnx::Add_31', [], [0.25]),
    int64Tensor('one', [1], [1]),
    int64Tensor('zero', [1], [0]),
    int64Tensor('rows', [2], [width, 1]),
  ],
  nodes: [
    node('MatMul', ['x', 'embed.weight'], ['embedded']),
    node('Shape', ['x'], ['batch'], { end: { int: 1 } }),
    node('Concat', ['batch', 'one', 'one'], ['spread'], { axis: { int: 0 } }),
    node('Expand', ['cls_token', 'spread'], ['cls']),
    node('Concat', ['cls', 'embedded'], ['sequence'], { axis: { int: 1 } }),
    node('Mul', ['sequence', 'block.alpha'], ['scaled']),
    node('Div', ['scaled', 'temperature'], ['cooled']),
    node('Min', ['cooled', 'act.alpha'], ['bounded']),
    node('Abs', ['bounded'], ['positive']),
    node('Add', ['positive', 'onnx::Add_31'], ['raised']),
    node('Pow', ['raised', 'pool.power'], ['powered']),
    node('Less', ['powered', 'temperature'], ['kept']),
    node('Where', ['kept', 'powered', 'pad_row'], ['chosen']),
    node('Transpose', ['chosen'], ['turned'], { perm: { ints: [1, 0, 2] } }),
    node('Concat', ['one', 'batch', 'one'], ['states'], { axis: { int: 0 } }),
    node('Expand', ['h0', 'states'], ['h']),
    node('Expand', ['c0', 'states'], ['c']),
    node('LSTM', ['turned', 'lstm.w', 'lstm.r', '', '', 'h', 'c', 'lstm.p'], ['', 'last'], { hidden_size: { int: 3 } }),
    node('Squeeze', ['last', 'zero'], ['state']),
    node('Einsum', ['state', 'mix.a', 'mix.b'], ['y'], { equation: { string: 'ni,ij,jk->nk' } }),
  ],
});

const parameters = [
  'embed.weight',
  'cls_token',
  'block.alpha',
  'temperature',
  'act.alpha',
  'pool.power',
  'pad_row',
  'lstm.w',
  'lstm.r',
  'h0',
  'c0',
  'lstm.p',
  'mix.a',
  'mix.b',
];

describe('parameters beyond weights and biases', () => {
  it('are trained, and what is not is told with its reason', () => {
    const { trained, left } = trainabilityOf('network.onnx', network);
    expect(trained.map(({ name }) => name)).toEqual(parameters);
    expect(left).toEqual([{ name: 'onnx::Add_31', why: 'a scalar constant of the export' }]);
  });

  it('have gradients that agree with central differences', async () => {
    const trainable = makeTrainable('network.onnx', network, 'all');
    const values = (shape: readonly number[]) =>
      float32(
        Float32Array.from({ length: elementCount(shape) }, () => random.normal()),
        shape,
      );
    await checkAlongGradients(
      trainable,
      { batchNorm: 'frozen', sampleShapes: { x: [tokens, width] }, loss: 'mse' },
      { x: values([batch, tokens, width]), targets: values([batch, 2]) },
    );
  });
});

it('what only the canonical form has is not trained: it could not go back into the file', () => {
  const graph = graphOf({
    inputs: { x: [2, 3] },
    constants: [drawn('w', 3, 3)],
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Clip', ['h'], ['y'], { min: { float: 0 }, max: { float: 6 } })],
  });
  for (const entry of graph.model.opsetImport) entry.version = 9n;
  expect(makeTrainable('old.onnx', graph, 'all').parameters).toEqual(['w']);
  expect(trainabilityOf('old.onnx', graph)).toEqual({ trained: [{ name: 'w', role: 'weight' }], left: [] });
});
