import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/math/random.js';
import { readTfjsFiles } from '../../../src/model/tfjs/files.js';
import { isKeras3Form, repairKeras3 } from '../../../src/model/tfjs-layers/keras3.js';
import { difference, type Files, feed, indices, loadStock, open, runGraph, runStock } from './compare.js';

// layers as Keras 3.15 writes them into an .h5 file, and the converter into model.json

const policy = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null };
const zeros = { module: 'keras.initializers', class_name: 'Zeros', config: {}, registered_name: null };
const glorot = {
  module: 'keras.initializers',
  class_name: 'GlorotUniform',
  config: { seed: null, input_axes: null, output_axes: null },
  registered_name: null,
};

interface Layer {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

function layer(className: string, name: string, config: object = {}): Layer {
  return { class_name: className, config: { name, trainable: true, dtype: policy, ...config } };
}

function input(name: string, shape: readonly (number | null)[], dtype = 'float32'): Layer {
  const config = { batch_shape: [null, ...shape], dtype, sparse: false, ragged: false, name, optional: false };
  return { class_name: 'InputLayer', config };
}

function dense(name: string, units: number, more: object = {}): Layer {
  const config = { units, activation: 'linear', use_bias: true, quantization_config: null, ...more };
  return layer('Dense', name, { ...config, kernel_initializer: glorot, bias_initializer: zeros });
}

function sequential(name: string, layers: readonly object[]): Layer {
  return layer('Sequential', name, { layers, build_input_shape: [null, 4] });
}

/** A tensor as a call of a layer names it; of all layers, nested models too, calls count from 0. */
function tensor(name: string, call = 0, output = 0): object {
  return {
    class_name: '__keras_tensor__',
    config: { shape: [null], dtype: 'float32', keras_history: [name, call, output] },
  };
}

/** A layer within a Functional, with its calls. */
function called(made: Layer, ...calls: readonly (readonly unknown[])[]): object {
  const inbound = calls.map((args) => ({ args, kwargs: { mask: null } }));
  return { ...made, name: made.config.name, inbound_nodes: inbound };
}

function functional(
  name: string,
  layers: readonly object[],
  inputs: readonly unknown[],
  outputs: readonly unknown[],
): Layer {
  return {
    class_name: 'Functional',
    config: { name, trainable: true, layers, input_layers: inputs, output_layers: outputs },
  };
}

function written(model: Layer, weights: Readonly<Record<string, readonly number[]>>): Files {
  const stream = createRandom(3);
  const entries = Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: 'float32' }));
  const values = entries.flatMap(({ name, shape }) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    return Array.from({ length: size }, () =>
      name.endsWith('variance') ? 1 + stream.uniform() : 0.5 * stream.normal(),
    );
  });
  const json = {
    format: 'layers-model',
    generatedBy: 'keras v3.15.1',
    modelTopology: { keras_version: '3.15.1', backend: 'tensorflow', model_config: model },
    weightsManifest: [{ paths: ['w.bin'], weights: entries }],
  };
  return new Map([
    ['model.json', new TextEncoder().encode(JSON.stringify(json))],
    ['w.bin', new Uint8Array(Float32Array.from(values).buffer)],
  ]);
}

async function repaired(files: Files): Promise<Files> {
  const read = await readTfjsFiles('/models/model.json', async (path) => files.get(path) ?? new Uint8Array(0));
  expect(isKeras3Form(read.json.modelTopology)).toBe(true);
  return new Map([...files, ['model.json', new TextEncoder().encode(repairKeras3(read))]]);
}

/** TensorFlow.js loads the repaired files, which it refuses as they came, and computes what the graph read from them does. */
async function expectRepaired(files: Files, feeds: Parameters<typeof runGraph>[1]): Promise<tf.LayersModel> {
  await expect(loadStock(files)).rejects.toThrow();
  await expect(open(files)).rejects.toMatchObject({ kind: 'input', settings: ['repairKeras3'] });
  const after = await repaired(files);
  const [model, { graph }] = [await loadStock(after), await open(after)];
  expect(difference(await runStock(model, feeds), await runGraph(graph, feeds))).toBeLessThan(1e-5);
  return model;
}

describe('repairKeras3', () => {
  it('a Sequential: policies, initializers, functions, and weights below the name of the model', async () => {
    const relu = { module: 'keras.activations', class_name: 'function', config: 'silu', registered_name: 'silu' };
    const conv = {
      filters: 3,
      kernel_size: [3, 3],
      strides: [1, 1],
      padding: 'same',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      groups: 1,
      activation: relu,
      use_bias: true,
      kernel_initializer: glorot,
    };
    const normal = { axis: -1, momentum: 0.99, epsilon: 0.001, center: true, scale: true, synchronized: false };
    const depthwise = { depth_multiplier: 1, kernel_size: [3, 3], strides: [1, 1], padding: 'valid', use_bias: true };
    const files = written(
      layer('Sequential', 'sequential', {
        layers: [
          input('in', [6, 6, 2]),
          layer('RandomFlip', 'flip', {
            mode: 'horizontal',
            seed: { class_name: 'SeedGenerator', config: { seed: 1 } },
          }),
          layer('Conv2D', 'conv', conv),
          layer('BatchNormalization', 'bn', { ...normal, renorm: false }),
          layer('SpatialDropout2D', 'drop', { rate: 0.5, seed: null }),
          layer('LeakyReLU', 'leaky', { negative_slope: 0.3 }),
          layer('DepthwiseConv2D', 'depthwise', { ...depthwise, activation: 'relu', depthwise_initializer: glorot }),
          layer('GlobalAveragePooling2D', 'pool', { data_format: 'channels_last', keepdims: false }),
          dense('out', 2),
        ],
        build_input_shape: [null, 6, 6, 2],
      }),
      {
        'sequential/bn/gamma': [3],
        'sequential/bn/beta': [3],
        'sequential/bn/moving_mean': [3],
        'sequential/bn/moving_variance': [3],
        'sequential/conv/kernel': [3, 3, 2, 3],
        'sequential/conv/bias': [3],
        'sequential/depthwise/kernel': [3, 3, 3, 1],
        'sequential/depthwise/bias': [3],
        'sequential/out/kernel': [3, 2],
        'sequential/out/bias': [2],
      },
    );
    const model = await expectRepaired(files, [feed([2, 6, 6, 2])]);
    expect(model.layers.map(({ name }) => name)).toEqual(['in', 'conv', 'bn', 'leaky', 'depthwise', 'pool', 'out']);
    expect(model.getLayer('leaky').getConfig().alpha).toBe(0.3);
  });

  it('a Functional: a trunk and a layer that are called twice, several inputs, operators on tensors', async () => {
    const trunk = sequential('trunk', [input('i', [4]), dense('inner', 3, { activation: 'relu' })]);
    const model = functional(
      'functional',
      [
        called(input('a', [4])),
        called(input('b', [4])),
        called(trunk, [tensor('a')], [tensor('b')]),
        called(dense('shared', 3), [tensor('trunk', 0)], [tensor('trunk', 1)]),
        called({ class_name: 'Add', config: { name: 'sum' } }, [tensor('shared', 0), tensor('shared', 1)]),
        called(layer('Concatenate', 'joined', { axis: -1 }), [[tensor('sum'), tensor('trunk', 1)]]),
        called(dense('out', 2), [tensor('joined')]),
      ],
      [
        ['a', 0, 0],
        ['b', 0, 0],
      ],
      [
        ['out', 0, 0],
        ['trunk', 1, 0],
      ],
    );
    const files = written(model, {
      'trunk/inner/kernel': [4, 3],
      'trunk/inner/bias': [3],
      'shared/kernel': [3, 3],
      'shared/bias': [3],
      'out/kernel': [6, 2],
      'out/bias': [2],
    });
    await expectRepaired(files, [feed([2, 4], 1), feed([2, 4], 2)]);
  });

  it('a Functional within one, with two outputs, and a layer of training alone between', async () => {
    const inner = functional(
      'backbone',
      [
        called(input('i', [4])),
        called(dense('first', 3, { activation: 'relu' }), [tensor('i')]),
        called(dense('second', 2), [tensor('first')]),
      ],
      ['i', 0, 0],
      [
        ['first', 0, 0],
        ['second', 0, 0],
      ],
    );
    const model = functional(
      'outer',
      [
        called(input('x', [4])),
        called(layer('RandomContrast', 'contrast', { factor: 0.1 }), [tensor('x')]),
        called(inner, [tensor('contrast')]),
        called(layer('Concatenate', 'joined', { axis: -1 }), [[tensor('backbone', 0, 1), tensor('backbone', 0, 0)]]),
      ],
      ['x', 0, 0],
      ['joined', 0, 0],
    );
    // the converter leaves the name of this model out
    const files = written(model, {
      'first/kernel': [4, 3],
      'first/bias': [3],
      'second/kernel': [3, 2],
      'second/bias': [2],
    });
    await expectRepaired(files, [feed([2, 4])]);
  });

  it('recurrent layers and wrappers, whose weights lie below those of their cells', async () => {
    const lstm = (name: string, backwards: boolean) =>
      layer('LSTM', name, {
        units: 2,
        activation: 'tanh',
        recurrent_activation: 'sigmoid',
        use_bias: true,
        return_sequences: true,
        go_backwards: backwards,
        zero_output_for_mask: true,
      });
    const both = {
      merge_mode: 'concat',
      layer: { module: 'keras.layers', ...lstm('forward_lstm', false), registered_name: null },
      backward_layer: { module: 'keras.layers', ...lstm('backward_lstm', true), registered_name: null },
    };
    const gru = { units: 3, activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true, reset_after: false };
    const model = layer('Sequential', 's', {
      layers: [
        input('in', [5], 'int32'),
        layer('Embedding', 'embedding', { input_dim: 7, output_dim: 3, mask_zero: false }),
        layer('Bidirectional', 'both', both),
        layer('TimeDistributed', 'each', {
          layer: { module: 'keras.layers', ...dense('inner', 4), registered_name: null },
        }),
        layer('GRU', 'gru', gru),
      ],
    });
    const cell = (direction: string) => `s/both/${direction}_lstm/lstm_cell`;
    const files = written(model, {
      's/embedding/embeddings': [7, 3],
      [`${cell('forward')}/kernel`]: [3, 8],
      [`${cell('forward')}/recurrent_kernel`]: [2, 8],
      [`${cell('forward')}/bias`]: [8],
      [`${cell('backward')}/kernel`]: [3, 8],
      [`${cell('backward')}/recurrent_kernel`]: [2, 8],
      [`${cell('backward')}/bias`]: [8],
      's/each/inner/kernel': [4, 4],
      's/each/inner/bias': [4],
      's/gru/gru_cell/kernel': [4, 9],
      's/gru/gru_cell/recurrent_kernel': [3, 9],
      's/gru/gru_cell/bias': [9],
    });
    const after = await repaired(files);
    const stock = await loadStock(after);
    const given = indices([2, 5], 7);
    const result = stock.predict(tf.tensor([...given.values], [2, 5], 'int32'));
    expect(Array.isArray(result) ? 0 : result.shape).toEqual([2, 3]);
    expect((await open(after)).graph.nodes.filter(({ opType }) => opType === 'LSTM')).toHaveLength(2);
  });

  it.each<[string, Layer, RegExp]>([
    ['a GRU with reset_after', layer('GRU', 'g', { units: 2, reset_after: true }), /'g' is a GRU with reset_after/],
    ['a pooling that keeps its axes', layer('GlobalMaxPooling1D', 'p', { keepdims: true }), /'p' keeps the axes/],
  ])('%s has no equal in TensorFlow.js, which is said', async (_, made, what) => {
    const files = written(layer('Sequential', 's', { layers: [input('in', [3, 2]), made] }), {});
    await expect(repaired(files)).rejects.toMatchObject({ kind: 'input', what: expect.stringMatching(what) });
  });

  it('a number added to a tensor has no equal either', async () => {
    const sum = called({ class_name: 'Add', config: { name: 'sum' } }, [tensor('x'), 1.5]);
    const model = functional('f', [called(input('x', [2])), sum], ['x', 0, 0], ['sum', 0, 0]);
    await expect(repaired(written(model, {}))).rejects.toMatchObject({
      what: expect.stringMatching(/'sum' is given 1\.5/),
    });
  });
});
