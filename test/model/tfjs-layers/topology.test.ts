import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type Files, feed, open, readingError, runGraph, save } from './compare.js';

const { layers } = tf;
type Symbolic = tf.SymbolicTensor;

/** The one output of a layer that is called on symbolic tensors. */
function call(layer: tf.layers.Layer | tf.LayersModel, input: Symbolic | Symbolic[]): Symbolic {
  const output = layer.apply(input);
  if (!(output instanceof tf.SymbolicTensor)) throw new Error('one output was expected');
  return output;
}

function model(inputs: Symbolic[], ...outputs: Symbolic[]): tf.LayersModel {
  return tf.model({ inputs, outputs });
}

function bytes(json: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}

/** A model.json with float32 weights of all ones, in one shard. */
function written(topology: object, weights: Readonly<Record<string, readonly number[]>>): Files {
  const entries = Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: 'float32' }));
  const count = entries.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
  const ones = new Float32Array(count).fill(1);
  return new Map([
    ['model.json', bytes({ modelTopology: topology, weightsManifest: [{ paths: ['w.bin'], weights: entries }] })],
    ['w.bin', new Uint8Array(ones.buffer)],
  ]);
}

describe('merging layers', () => {
  const pair = [feed([2, 5, 6, 4], 1), feed([2, 5, 6, 4], 2)];

  it.each([
    ['Add', () => layers.add()],
    ['Multiply', () => layers.multiply()],
    ['Average', () => layers.average()],
    ['Maximum', () => layers.maximum()],
    ['Minimum', () => layers.minimum()],
    ['Concatenate', () => layers.concatenate()],
    ['Concatenate along rows', () => layers.concatenate({ axis: 1 })],
  ] as const)('%s of a convolution and an input', async (_, layer) => {
    const [a, b] = [tf.input({ shape: [5, 6, 4] }), tf.input({ shape: [5, 6, 4] })];
    const c = call(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), a);
    expect(await readingError(model([a, b], call(layer(), [c, b, a])), pair)).toBeLessThan(1e-5);
  });

  it('Multiply of a map with one weight per channel, as in squeeze-and-excite', async () => {
    const x = tf.input({ shape: [5, 6, 4] });
    const c = call(layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }), x);
    const pooled = call(layers.globalAveragePooling2d({}), c);
    const gate = call(layers.dense({ units: 3, activation: 'sigmoid' }), pooled);
    const shaped = call(layers.reshape({ targetShape: [1, 1, 3] }), gate);
    const gated = call(layers.multiply(), [c, shaped]);
    expect(await readingError(model([x], gated), [feed([2, 5, 6, 4])])).toBeLessThan(1e-5);
  });

  it.each([
    ['two vectors', [4], [4], 1, false],
    ['two vectors, normalized', [4], [4], -1, true],
    ['matrices along their last axes', [3, 4], [5, 4], 2, false],
    ['matrices along one axis each', [3, 4], [4, 5], [2, 1], false],
    ['a matrix and a vector', [3, 4], [4], [2, 1], false],
    ['a vector and a matrix', [4], [3, 4], [1, 2], true],
  ] as const)('Dot of %s', async (_, first, second, axes, normalize) => {
    const [a, b] = [tf.input({ shape: [...first] }), tf.input({ shape: [...second] })];
    const layer = layers.dot({ axes: typeof axes === 'number' ? axes : [axes[0], axes[1]], normalize });
    const feeds = [feed([2, ...first], 1), feed([2, ...second], 2)];
    expect(await readingError(model([a, b], call(layer, [a, b])), feeds)).toBeLessThan(1e-5);
  });
});

describe('models of models', () => {
  it('a nested Functional called twice and a nested Sequential, with two inputs and two outputs', async () => {
    const i = tf.input({ shape: [6] });
    const shared = model([i], call(layers.dense({ units: 4, activation: 'relu' }), i));
    const tail = tf.sequential({ layers: [layers.dense({ units: 3, inputShape: [4], activation: 'relu' })] });
    const [a, b] = [tf.input({ shape: [6] }), tf.input({ shape: [6] })];
    const [ya, yb] = [call(shared, a), call(shared, b)];
    const whole = model([a, b], call(tail, call(layers.add(), [ya, yb])), ya);
    expect(await readingError(whole, [feed([2, 6], 1), feed([2, 6], 2)])).toBeLessThan(1e-5);
  });

  it('a Sequential within a Sequential', async () => {
    const head = tf.sequential({ layers: [layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 2] })] });
    const whole = tf.sequential({ layers: [head, layers.flatten(), layers.dense({ units: 2 })] });
    expect(await readingError(whole, [feed([2, 6, 6, 2])])).toBeLessThan(1e-5);
  });

  it('a layer that is called twice has one initializer, and names of its own for the second call', async () => {
    const shared = layers.dense({ units: 6, activation: 'relu', name: 'shared' });
    const x = tf.input({ shape: [6] });
    const whole = model([x], call(shared, call(shared, x)));
    expect(await readingError(whole, [feed([2, 6])])).toBeLessThan(1e-5);
    const { graph } = await open(await save(whole));
    expect(graph.nodes.map(({ name, opType }) => `${name} ${opType}`)).toEqual([
      'shared/Gemm Gemm',
      'shared Relu',
      'shared:2/Gemm Gemm',
      'shared:2 Relu',
    ]);
    expect(graph.proto.initializer.map(({ name }) => name)).toEqual(['shared/kernel', 'shared/bias']);
  });

  it('a model that gives a value which its other layers read too', async () => {
    const x = tf.input({ shape: [6, 6, 2] });
    const map = call(layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }), x);
    const y = call(layers.conv2d({ filters: 2, kernelSize: 3 }), map);
    expect(await readingError(model([x], y, map), [feed([2, 6, 6, 2])])).toBeLessThan(1e-5);
  });
});

describe('layout', () => {
  it('stays channels first from convolution to convolution, through normalization, pooling, sums and joins', async () => {
    const x = tf.input({ shape: [8, 8, 3] });
    const block = (from: Symbolic) =>
      call(
        layers.activation({ activation: 'relu' }),
        call(layers.batchNormalization(), call(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), from)),
      );
    const a = block(x);
    const joined = call(layers.concatenate(), [call(layers.add(), [block(a), a]), a]);
    const y = call(layers.globalAveragePooling2d({}), call(layers.maxPooling2d({ poolSize: 2 }), block(joined)));
    const { graph } = await open(await save(model([x], call(layers.dense({ units: 2 }), y))));
    expect(graph.nodes.filter(({ opType }) => opType === 'Transpose')).toHaveLength(1);
  });

  it('gives inputs and outputs the names and axes that TensorFlow.js gives them', async () => {
    const x = tf.input({ shape: [null, null, 3], name: 'photo' });
    const y = call(layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', strides: 2, name: 'map' }), x);
    const whole = model([x], y);
    expect(await readingError(whole, [feed([2, 7, 10, 3])])).toBeLessThan(1e-5);
    const { graph } = await open(await save(whole));
    const [output] = await runGraph(graph, [feed([2, 7, 10, 3])]);
    expect(graph.feeds().map(({ name }) => name)).toEqual(['photo']);
    expect(graph.proto.output.map(({ name }) => name)).toEqual(['map']);
    expect(output?.shape).toEqual([2, 4, 5, 2]);
  });
});

describe('topologies as Keras writes them', () => {
  const dense = {
    class_name: 'Dense',
    config: { name: 'd', units: 2, activation: 'relu', batch_input_shape: [null, 3] },
  };
  const weights = { 'd/kernel': [3, 2], 'd/bias': [2] };
  const ones = { shape: [1, 3], values: [1, 1, 1] };

  it.each([
    ['within model_config', { model_config: { class_name: 'Sequential', config: { name: 's', layers: [dense] } } }],
    ['a bare list of layers', { class_name: 'Sequential', config: [dense] }],
  ])('a Sequential: %s', async (_, topology) => {
    const { graph } = await open(written(topology, weights));
    expect(graph.feeds().map(({ name }) => name)).toEqual(['d_input']);
    expect((await runGraph(graph, [ones]))[0]?.values).toEqual(Float32Array.of(4, 4));
  });

  it('a Keras 3 Functional, with a tensor written as an object and one input without a list', async () => {
    const tensor = (layer: string) => ({ class_name: '__keras_tensor__', config: { keras_history: [layer, 0, 0] } });
    const topology = {
      class_name: 'Functional',
      config: {
        name: 'f',
        layers: [
          { class_name: 'InputLayer', name: 'x', config: { batch_shape: [null, 3], name: 'x' }, inbound_nodes: [] },
          { ...dense, name: 'd', inbound_nodes: [{ args: [tensor('x')], kwargs: {} }] },
          {
            class_name: 'Add',
            name: 'sum',
            config: { name: 'sum' },
            inbound_nodes: [{ args: [[tensor('d'), tensor('d')]], kwargs: {} }],
          },
        ],
        input_layers: ['x', 0, 0],
        output_layers: [['sum', 0, 0]],
      },
    };
    const { graph } = await open(written(topology, weights));
    expect((await runGraph(graph, [ones]))[0]?.values).toEqual(Float32Array.of(8, 8));
  });

  it.each([
    ['a cell of TensorFlow 2.2', { 'd/cell/kernel': [3, 2], 'd/cell/bias': [2] }],
    [
      'numbers of Keras 3',
      { '_layer_checkpoint_dependencies/d/vars/0': [3, 2], '_layer_checkpoint_dependencies/d/vars/1': [2] },
    ],
  ])('finds weights under the names of %s', async (_, names) => {
    const { graph } = await open(written({ class_name: 'Sequential', config: [dense] }, names));
    expect((await runGraph(graph, [ones]))[0]?.values).toEqual(Float32Array.of(4, 4));
  });
});

describe('what is not covered', () => {
  const wrapped = {
    class_name: 'TimeDistributed',
    config: { name: 't', layer: { class_name: 'Odd', config: { name: 'o' } } },
  };

  it('is listed at once, in nested models and wrappers too', async () => {
    const inner = {
      class_name: 'Sequential',
      config: { name: 's', layers: [{ class_name: 'Strange', config: { name: 'e' } }] },
    };
    const first = { class_name: 'Peculiar', config: { name: 'p', batch_input_shape: [null, 3] } };
    const topology = { class_name: 'Sequential', config: [first, inner, wrapped] };
    await expect(open(written(topology, {}))).rejects.toThrow(
      /model\.json: 3 of the model's layers cannot be read: p: .*'Peculiar'.*; e: .*'Strange'.*; o: .*'Odd'/,
    );
  });

  it('is told of poolings whose axes TensorFlow.js does not keep', async () => {
    const pooled = {
      class_name: 'GlobalAveragePooling2D',
      config: { name: 'g', keepdims: true, batch_input_shape: [null, 4, 4, 2] },
    };
    const topology = {
      class_name: 'Sequential',
      config: [pooled, { class_name: 'MaxPooling2D', config: { name: 'm' } }],
    };
    await expect(open(written(topology, {}))).rejects.toThrow(
      /m \(MaxPooling2D\): its input has 2 axes, not 4\. TensorFlow\.js does not keep the axes that g pools over \(keepdims\)/,
    );
  });

  it('names settings that TensorFlow.js itself does not have', async () => {
    const gru = {
      class_name: 'GRU',
      config: { name: 'g', units: 2, reset_after: true, batch_input_shape: [null, 3, 2] },
    };
    const conv = {
      class_name: 'Conv1D',
      config: { name: 'c', filters: 2, kernel_size: [3], data_format: 'channels_first' },
    };
    const topology = { class_name: 'Sequential', config: [gru, conv] };
    await expect(open(written(topology, { 'g/kernel': [2, 6] }))).rejects.toThrow(/g \(GRU\): .*reset_after/);
  });

  it('cures do not lead back here: a GraphModel of a recurrent layer has a loop', async () => {
    const config = { name: 'g', units: 2, reset_after: true, batch_input_shape: [null, 3, 2] };
    const gru = { class_name: 'Sequential', config: [{ class_name: 'GRU', config }] };
    await expect(open(written(gru, { 'g/kernel': [2, 6] }))).rejects.toMatchObject({
      cure: expect.stringMatching(/^Build the GRU with reset_after=False.*ONNX \(tf2onnx\)\.$/),
    });
    const lstm = { class_name: 'ConvLSTM1D', config: { name: 'l', batch_input_shape: [null, 3, 4, 1] } };
    await expect(open(written({ class_name: 'Sequential', config: [lstm] }, {}))).rejects.toMatchObject({
      cure: expect.stringMatching(/GraphModel.*ONNX \(tf2onnx\)\.$/),
    });
  });

  it('an .h5 file of Keras 3, which TensorFlow.js does not load', async () => {
    const dense = { class_name: 'Dense', config: { name: 'd', units: 2, batch_input_shape: [null, 3] } };
    const policy = { class_name: 'DTypePolicy', config: { name: 'float32' } };
    const keras3 = { ...dense, config: { ...dense.config, dtype: policy } };
    const topology = { keras_version: '3.9.0', model_config: { class_name: 'Sequential', config: [keras3] } };
    await expect(open(written(topology, { 'd/kernel': [3, 2], 'd/bias': [2] }))).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/Keras 3\.9\.0 as an \.h5 file/),
      cure: expect.stringMatching(/rewrite.*tf_keras/),
      settings: ['repairKeras3'],
    });
    const own = '_layer_checkpoint_dependencies/d/vars';
    const numbered = { [`${own}/0`]: [3, 2], [`${own}/1`]: [2] };
    const { graph } = await open(written(topology, numbered));
    expect(graph.nodes.length).toBeGreaterThan(0);
  });

  it('a topology that is no stack of layers', async () => {
    const topology = { class_name: 'MyModel', config: {} };
    await expect(open(written(topology, {}))).rejects.toThrow(/class 'MyModel'.*GraphModel/);
  });
});
