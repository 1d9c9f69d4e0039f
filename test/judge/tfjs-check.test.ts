import * as tf from '@tensorflow/tfjs';
import { afterAll, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { checkSource } from '../../src/judge/tfjs-check.js';
import { open, randomize, save } from '../model/tfjs-layers/compare.js';

const { layers } = tf;

afterAll(() => tf.setBackend('cpu'));

/** TensorFlow.js 4.22 computes a transposed convolution of three axes wrongly on WebAssembly. */
function model(last: tf.layers.Layer): tf.LayersModel {
  const first = layers.conv3d({ inputShape: [4, 4, 4, 1], filters: 2, kernelSize: 3, activation: 'relu' });
  const model = tf.sequential({ layers: [first, last] });
  randomize(model);
  return model;
}
const decoder = () => model(layers.conv3dTranspose({ filters: 2, kernelSize: 3, strides: 2 }));

async function check(model: tf.LayersModel, change: (opType: string) => string = (opType) => opType) {
  const opened = await open(await save(model));
  for (const node of opened.graph.nodes) node.opType = change(node.opType);
  const warnings: string[] = [];
  const found = await checkSource(opened, (warning) => void warnings.push(warning));
  return { found, warnings };
}

it('asks the plain backend where a fast one differs, and says which one is wrong', async () => {
  const { found, warnings } = await check(decoder());
  expect(found?.backend).toBe('cpu (the wasm backend computes something else)');
  expect(found?.maxAbsDiff).toBeLessThan(1e-5);
  expect(warnings).toEqual([expect.stringContaining("TensorFlow.js's wasm backend differs from its cpu backend")]);
});

it('is content with a fast one that agrees', async () => {
  const { found, warnings } = await check(model(layers.flatten()));
  expect(found?.backend).toBe('wasm');
  expect(warnings).toEqual([]);
});

it('refuses a graph that no backend agrees with', async () => {
  const wrong = check(decoder(), (opType) => (opType === 'Relu' ? 'Sigmoid' : opType));
  await expect(wrong).rejects.toThrow(Failure);
  await expect(wrong).rejects.toThrow(
    /\(cpu \(the wasm backend computes something else\)\) and the graph .* differ by/,
  );
});
