import * as tf from '@tensorflow/tfjs';
import { afterAll, expect, it } from 'vitest';
import type { Graph } from '../../src/model/graph.js';
import { readTfjsGraph } from '../../src/model/tfjs-graph/read.js';
import { openSession, Tensor } from '../../src/runtime/session.js';
import { type RunGraph, verifyTfjs } from '../../src/tfjs-check/verify.js';
import { open, randomize, save } from '../model/tfjs-layers/compare.js';

const { layers } = tf;

afterAll(() => tf.setBackend('cpu'));

function running(graph: Graph): RunGraph {
  return async (feeds) => {
    const session = await openSession(graph.model);
    const tensors = Object.entries(feeds).map(([name, { dims, data }]) => [
      name,
      data instanceof Int32Array ? new Tensor('int32', data, [...dims]) : new Tensor('float32', data, [...dims]),
    ]);
    const results = await session.run(Object.fromEntries(tensors)).finally(() => session.release());
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { dims, data: data instanceof Float32Array ? data : [] },
      ]),
    );
  };
}

function net(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, activation: 'relu' }),
      layers.batchNormalization(),
      layers.globalAveragePooling2d({}),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  randomize(model);
  return model;
}

it('runs the files with TensorFlow.js on WebAssembly and says how far the graph is from that', async () => {
  const { tfjs, format, graph } = await open(await save(net()));
  const result = await verifyTfjs(tfjs, format, graph, running(graph));
  expect(result.backend).toBe('wasm');
  expect(result.samples).toBe(4);
  expect(result.maxAbsDiff).toBeLessThan(1e-6);
  expect(result.scale).toBeGreaterThan(0.3);
});

it('sees a graph that computes something else', async () => {
  const { tfjs, format, graph } = await open(await save(net()));
  const softmax = graph.nodes.find(({ opType }) => opType === 'Softmax');
  if (softmax === undefined) throw new Error('a Softmax was expected');
  softmax.opType = 'LogSoftmax';
  expect((await verifyTfjs(tfjs, format, graph, running(graph))).maxAbsDiff).toBeGreaterThan(0.1);
});

/** A GraphModel of one Einsum, which the WebAssembly backend has no kernel for. */
const einsum = {
  modelTopology: {
    node: [
      {
        name: 'x',
        op: 'Placeholder',
        attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '3' }] } } },
      },
      { name: 'w', op: 'Const', attr: { dtype: { type: 'DT_FLOAT' }, value: { tensor: { dtype: 'DT_FLOAT' } } } },
      {
        name: 'y',
        op: 'Einsum',
        input: ['x', 'w'],
        attr: { equation: { s: btoa('ij,jk->ik') }, N: { i: '2' }, T: { type: 'DT_FLOAT' } },
      },
    ],
    versions: { producer: 440 },
  },
  weightsManifest: [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [3, 2], dtype: 'float32' }] }],
};

it('falls back to the CPU for what WebAssembly has no kernel for, and says so', async () => {
  const { tfjs, format, graph } = await readTfjsGraph('/models/model.json', async (path) =>
    path === 'w.bin'
      ? new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)
      : new TextEncoder().encode(JSON.stringify(einsum)),
  );
  const result = await verifyTfjs(tfjs, format, graph, running(graph), { samples: 2 });
  expect(result.backend).toBe('cpu (the wasm backend has no Einsum)');
  expect(result.maxAbsDiff).toBeLessThan(1e-5);
});

it('loads a model of rewritten source, whose FReLU layers stock TensorFlow.js does not know', async () => {
  const own = { name: 'f', trainable: true, max_value: 6, axis: -1, shift: true, initial_offset: 0 };
  const input = { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 2], dtype: 'int32' } };
  const json = {
    modelTopology: { class_name: 'Sequential', config: { layers: [input, { class_name: 'FReLU', config: own }] } },
    weightsManifest: [
      { paths: ['w.bin'], weights: ['f/shift', 'f/offset'].map((name) => ({ name, shape: [2], dtype: 'float32' })) },
    ],
  };
  const { tfjs, format, graph } = await open(
    new Map([
      ['model.json', new TextEncoder().encode(JSON.stringify(json))],
      ['w.bin', new Uint8Array(Float32Array.of(0.5, 5.75, -0.25, -2).buffer)],
    ]),
  );
  const result = await verifyTfjs(tfjs, format, graph, running(graph));
  expect(result).toMatchObject({ maxAbsDiff: 0, scale: 4 });
});

it("reports TensorFlow.js's own words where it cannot load a model", async () => {
  const files = await save(net());
  const text = new TextDecoder().decode(files.get('model.json'));
  files.set('model.json', new TextEncoder().encode(text.replaceAll('"units"', '"unit"')));
  const { tfjs, format, graph } = await open(files);
  await expect(verifyTfjs(tfjs, format, graph, running(graph))).rejects.toThrow(
    /TensorFlow\.js cannot load this model/,
  );
});
