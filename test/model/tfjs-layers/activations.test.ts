import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { difference, feed, open, readingError, runGraph } from './compare.js';

const { layers } = tf;
const image = feed([2, 5, 6, 4]);

/** A convolution, whose values lie channels first in the graph, and a Dense, both with the activation; as Keras writes it. */
function topology(activation: string) {
  return {
    class_name: 'Sequential',
    config: {
      name: 'net',
      layers: [
        {
          class_name: 'Conv2D',
          config: { name: 'conv', batch_input_shape: [null, 5, 6, 4], filters: 5, kernel_size: [3, 3], activation },
        },
        { class_name: 'Flatten', config: { name: 'flat' } },
        { class_name: 'Dense', config: { name: 'dense', units: 6 } },
        { class_name: 'Activation', config: { name: 'last', activation } },
      ],
    },
  };
}

it.each([
  ...['elu', 'relu', 'relu6', 'selu', 'linear', 'sigmoid', 'hard_sigmoid', 'softplus', 'softsign', 'tanh', 'softmax'],
  ...['log_softmax', 'swish', 'mish', 'gelu'],
])('the activation %s, of channels-first values and of rows', async (activation) => {
  const model = await tf.models.modelFromJSON({ modelTopology: topology(activation) });
  expect(await readingError(model, [image])).toBeLessThan(1e-5);
});

it('the activation gelu_new, which TensorFlow.js writes and does not find again when it reads', async () => {
  const json = {
    modelTopology: {
      class_name: 'Sequential',
      config: [
        {
          class_name: 'Activation',
          config: { name: 'last', batch_input_shape: [null, 8], activation: 'gelu_new' },
        },
      ],
    },
    weightsManifest: [],
  };
  const { graph } = await open(new Map([['model.json', new TextEncoder().encode(JSON.stringify(json))]]));
  const rows = feed([3, 8]);
  const x = tf.tensor2d([...rows.values], [3, 8]);
  const inner = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  const expected = x.mul(inner.tanh().add(1)).mul(0.5);
  const stock = [{ shape: [3, 8], values: Float32Array.from(await expected.data()) }];
  expect(difference(stock, await runGraph(graph, [rows]))).toBeLessThan(1e-5);
});

it.each([
  ['ReLU', () => layers.reLU({})],
  ['ReLU with a maximum', () => layers.reLU({ maxValue: 6 })],
  ['LeakyReLU', () => layers.leakyReLU({ alpha: 0.1 })],
  ['PReLU', () => layers.prelu({})],
  ['PReLU with shared axes', () => layers.prelu({ sharedAxes: [1, 2] })],
  ['ELU', () => layers.elu({})],
  ['ThresholdedReLU', () => layers.thresholdedReLU({ theta: 0.5 })],
  ['Softmax', () => layers.softmax({ axis: -1 })],
  ['Softmax of two axes', () => layers.softmax({ axis: [1, 2] })],
] as const)('the layer %s, of own and of channels-first values', async (_, layer) => {
  const own = tf.sequential();
  own.add(layers.inputLayer({ inputShape: [5, 6, 4] }));
  own.add(layer());
  expect(await readingError(own, [image])).toBeLessThan(1e-5);
  const behindConvolution = tf.sequential();
  behindConvolution.add(layers.conv2d({ filters: 5, kernelSize: 3, inputShape: [5, 6, 4] }));
  behindConvolution.add(layer());
  expect(await readingError(behindConvolution, [image])).toBeLessThan(1e-5);
});
