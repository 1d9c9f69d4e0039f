import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codemod } from '../../src/codemod/codemod.js';
import { loadModel } from '../../src/model/load.js';
import { frelu } from '../cli/command-line.js';
import { difference, feed, randomize, runGraph, runStock, save } from '../model/tfjs-layers/compare.js';

/** What a source of a model exports. */
interface Source {
  readonly inputShapes: readonly number[][];
  readonly build: () => tf.LayersModel;
}

/** The activations of the stem and of the head are known only when the program runs: they stay as they are. */
const mixed = `const tf = require('@tensorflow/tfjs');

exports.inputShapes = [[6, 6, 2]];

exports.build = () => {
  const activation = String('relu');
  const image = tf.input({ shape: [6, 6, 2], name: 'image' });
  const stem = tf.layers.conv2d({ filters: 3, kernelSize: 3, activation, name: 'stem' }).apply(image);
  const block = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu6', name: 'block' }).apply(stem);
  const sum = tf.layers.add({ name: 'sum' }).apply([block, stem]);
  const flat = tf.layers.flatten({ name: 'flat' }).apply(tf.layers.activation({ activation, name: 'head' }).apply(sum));
  return tf.model({ inputs: image, outputs: tf.layers.dense({ units: 2, name: 'logits' }).apply(flat) });
};
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frelu-saved-'));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A model with random weights, built by the rewritten source and saved as TensorFlow.js saves it. */
async function trained(name: string, text: string, granularity: 'layer' | 'channel') {
  const id = `${name}-${granularity}`;
  await writeFile(join(folder, `${id}.cjs`), text);
  await codemod({ globs: [`${id}.cjs`], folder, module: null, inlineLayer: true, dryRun: false, granularity, init: 0 });
  const source: Source = createRequire(join(folder, 'package.json'))(`./${id}.cjs`);
  const model = source.build();
  randomize(model);
  const path = join(folder, id, 'model.json');
  for (const [file, bytes] of await save(model, 1 << 22, 2)) {
    await mkdir(dirname(join(folder, id, file)), { recursive: true });
    await writeFile(join(folder, id, file), bytes);
  }
  const feeds = source.inputShapes.map((shape, seed) => feed([3, ...shape], seed + 1));
  return { path, outputs: await runStock(model, feeds), feeds };
}

describe.each(['convolutional', 'residual', 'siamese'])('%s, built from rewritten source and saved', (name) => {
  it.each(['layer', 'channel'] as const)(
    'computes what it does in TensorFlow.js (one b per %s)',
    async (granularity) => {
      const text = await readFile(resolve(`test/codemod/models/${name}.cjs.txt`), 'utf8');
      const { path, outputs, feeds } = await trained(name, text, granularity);
      const { graph } = await loadModel(path);
      expect(difference(outputs, await runGraph(graph, feeds))).toBeLessThan(1e-6);
      const { code, stdout } = await frelu(['inspect', path, '--json']);
      const { sites, summary } = JSON.parse(stdout);
      expect({ code, migrate: summary.migrate }).toEqual({ code: 0, migrate: 0 });
      expect(sites.length).toBeGreaterThan(2);
      for (const site of sites)
        expect(site).toMatchObject({ status: 'skip', reason: expect.stringMatching(/^already FReLU/) });
    },
  );
});

it('is rewritten at its other ReLUs, and the FReLU layers keep every byte', async () => {
  const { path, outputs, feeds } = await trained('mixed', mixed, 'channel');
  const inspected = await frelu(['inspect', path]);
  expect(inspected.stdout).toMatch(/^block_frelu +Clip +skip +- +- +- +already FReLU: its layer is of that class/m);
  expect(inspected.stdout).toMatch(/3 ReLUs: 2 to migrate, 1 left as it is\.\n$/);

  // as in a process of its own, which has not loaded the source
  Reflect.deleteProperty(tf.serialization.SerializationMap.getMap().classNameMap, 'FReLU');
  const same = join(folder, 'same', 'model.json');
  const { code, stderr } = await frelu(['rewrite', path, '--out', same]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(difference(outputs, await runGraph((await loadModel(same)).graph, feeds))).toBeLessThan(1e-6);

  const moved = join(folder, 'moved', 'model.json');
  const { stdout } = await frelu(['rewrite', path, '--out', moved, '--a', '0.1', '--b', '-0.05', '--json']);
  const { tfjs } = JSON.parse(stdout);
  expect(tfjs.after).toBeLessThan(1e-5);
  expect(difference(outputs, await runGraph((await loadModel(moved)).graph, feeds))).toBeGreaterThan(1e-3);
  for (const written of [same, moved]) {
    expect(await layerText(written)).toBe(await layerText(path));
    expect(await offset(written)).toEqual(await offset(path));
  }
});

/** The configuration of the FReLU layer as it stands in the file. */
async function layerText(path: string): Promise<string | undefined> {
  return /"class_name": "FReLU",\s*"config": \{[^}]*\}/.exec(await readFile(path, 'utf8'))?.[0];
}

async function offset(path: string): Promise<Uint8Array | undefined> {
  return (await loadModel(path)).graph.initializer('block_frelu/offset')?.rawData;
}
