import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { fusing, HandmadeModel, sliding } from '../model/tfjs-graph/graph-model.js';
import { type Files, randomize, save } from '../model/tfjs-layers/compare.js';
import { temporaryFolder } from '../run/runs.js';

/** A project that depends on tfjs-node and has its binding; `.ci/tfjs-node` makes one. */
const { FRELU_TFJS_NODE: project } = process.env;
if (project === undefined) {
  console.warn('skipped: FRELU_TFJS_NODE names no project with tfjs-node (.ci/tfjs-node makes one)');
}

const { layers } = tf;

async function written(files: Files): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return join(folder, 'model.json');
}

/** What the stems of networks are made of: padding before a max pool, strides, normalization, a residual, an activation inside a layer. */
async function layersModel(): Promise<string> {
  const x = tf.input({ shape: [12, 12, 3] });
  const apply = (layer: tf.layers.Layer, input: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor => {
    const output = layer.apply(input);
    if (!(output instanceof tf.SymbolicTensor)) throw new Error('one output was expected');
    return output;
  };
  const stem = apply(layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }), x);
  const pooled = apply(
    layers.maxPooling2d({ poolSize: 3, strides: 2 }),
    apply(layers.zeroPadding2d({ padding: 1 }), stem),
  );
  const normed = apply(
    layers.batchNormalization(),
    apply(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), pooled),
  );
  const sum = apply(layers.reLU(), apply(layers.add(), [normed, pooled]));
  const deep = apply(layers.depthwiseConv2d({ kernelSize: 2, activation: 'relu' }), sum);
  const out = apply(layers.dense({ units: 3 }), apply(layers.globalAveragePooling2d({}), deep));
  const model = tf.model({ inputs: x, outputs: out });
  randomize(model);
  const files = await save(model);
  // both builds of TensorFlow.js keep their variables, by name, in one place
  tf.disposeVariables();
  return written(files);
}

function graphModel(): Promise<string> {
  const model = new HandmadeModel();
  const x = model.input('x', [-1, 9, 9, 2]);
  const inputs = [x, model.random('w1', [3, 3, 2, 4]), model.random('b1', [4])];
  const fused = model.node('_FusedConv2D', 'conv', inputs, { ...sliding('SAME', 2), ...fusing('BiasAdd', 'Relu') });
  const conv = model.node('Conv2D', 'conv2', [fused, model.random('w2', [2, 2, 4, 3])], sliding('VALID'));
  model.node('Relu', 'out', [conv]);
  return written(model.files());
}

describe.skipIf(project === undefined)('tfjs-node, which computes with libtensorflow', () => {
  const cwd = process.cwd();
  beforeEach(() => process.chdir(project ?? cwd));
  afterEach(() => process.chdir(cwd));

  it.each([
    { format: 'a LayersModel', make: layersModel, sites: 3 },
    { format: 'a GraphModel', make: graphModel, sites: 2 },
  ])('computes what the graph of $format does, before the rewrite and after', async ({ make, sites }) => {
    const model = await make();
    const out = join(await temporaryFolder(), 'out');
    const warnings: string[] = [];
    const { plan, tfjs } = await rewriteModel(
      { model, out, plan: { ...defaultPlanOptions, form: 'auto' }, a: 0.1, b: -0.05, overwrite: false },
      (message) => warnings.push(message),
    );
    expect(plan.summary.migrate).toBe(sites);
    expect(warnings).toEqual([]);
    expect(tfjs?.backend).toBe('tensorflow');
    expect(tfjs?.before).toBeLessThan(1e-5);
    expect(tfjs?.after).toBeLessThan(1e-5);
  });
});
