import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { codemod } from '../../src/codemod/codemod.js';

/** What a source of a model exports. */
interface Source {
  readonly inputShapes: readonly number[][];
  readonly build: () => tf.LayersModel;
}

const models = resolve('test/codemod/models');
const folder = mkdtempSync(join(tmpdir(), 'frelu-codemod-'));
symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = readdirSync(models).map((name) => name.replace('.cjs.txt', ''));

describe.each(names)('%s: the rewritten source builds a model that', async (name) => {
  const original = load(name, name);
  for (const kind of ['layer', 'channel'] as const) writeFileSync(join(folder, `${name}-${kind}.cjs`), textOf(name));
  const before = original.build();
  // positive and small: with any others now and then a channel is dead, or beyond 6, and its b has no gradient
  before.setWeights(
    before.weights.map(({ shape }, at) => tf.randomUniform(shape.map(Number), 0.02, 0.3, 'float32', at)),
  );
  const layer = await rewritten(`${name}-layer`, { granularity: 'layer', init: 0 });
  const channel = await rewritten(`${name}-channel`, { granularity: 'channel', init: 0 });
  const inputs = original.inputShapes.map((shape, at) => tf.randomNormal([4, ...shape], 0, 1, 'float32', at + 1));

  it('has the weights of the original under their names, and b beside them', () => {
    for (const after of [layer, channel]) {
      const added = after.weights.filter(({ originalName }) => /\/(?:offset|shift)$/.test(originalName));
      const others = after.weights.filter((weight) => !added.includes(weight));
      expect(added.length).toBeGreaterThan(2);
      expect(counted(others)).toEqual(counted(before.weights));
      expect(others.map(({ shape }) => shape)).toEqual(before.weights.map(({ shape }) => shape));
    }
  });

  it('computes what the original computes, with its weights loaded by name', () => {
    for (const after of [layer, channel]) {
      loadWeights(after, before);
      expect(difference(after, before, inputs)).toBe(0);
    }
  });

  it('learns b, saves it and loads it', async () => {
    for (const after of [layer, channel]) {
      after.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
      const [output] = after.outputs;
      await after.fit(inputs, tf.ones([4, output?.shape.at(-1) ?? 1]), { epochs: 1, verbose: 0 });
      for (const { name: weight, value } of offsets(after)) expect(Math.abs(value), weight).toBeGreaterThan(0);
      expect(difference(after, before, inputs)).toBeGreaterThan(0);
      const loaded = await tf.loadLayersModel(tf.io.fromMemory(await saved(after)));
      expect(difference(loaded, after, inputs)).toBe(0);
    }
  });
});

it('starts b from --init, and applies a shared layer with one b', async () => {
  writeFileSync(join(folder, 'init.cjs'), textOf('siamese'));
  const after = await rewritten('init', { granularity: 'layer', init: -0.4 });
  expect(offsets(after).map(({ value }) => value.toFixed(4))).toEqual(['-0.4000', '-0.4000', '-0.4000']);
});

function textOf(name: string): string {
  return readFileSync(join(models, `${name}.cjs.txt`), 'utf8');
}

function load(file: string, name: string): Source {
  writeFileSync(join(folder, `${file}.cjs`), textOf(name));
  return required(file);
}

/** Rewrites a file of the temporary folder and builds its model. */
async function rewritten(file: string, options: { granularity: 'layer' | 'channel'; init: number }) {
  const result = await codemod({
    ...options,
    globs: [`${file}.cjs`],
    folder,
    module: null,
    inlineLayer: true,
    dryRun: false,
  });
  expect(result.summary.skipped).toBe(0);
  return required(file).build();
}

function required(file: string): Source {
  const source: Source = createRequire(join(folder, 'package.json'))(`./${file}.cjs`);
  return source;
}

function offsets(model: tf.LayersModel): { name: string; value: number }[] {
  const values = model.getWeights();
  return model.weights.flatMap(({ originalName: name }, at) =>
    name.endsWith('/offset') ? [{ name, value: values[at]?.dataSync()[0] ?? Number.NaN }] : [],
  );
}

/** Names without the number that the process has counted to, which a second model of the same kind finds advanced. */
function counted(weights: tf.LayersModel['weights']): string[] {
  return weights.map(({ originalName }) => originalName.replace(/\d+\//, '/'));
}

function loadWeights(to: tf.LayersModel, from: tf.LayersModel): void {
  const own = to.weights.filter(({ originalName }) => !/\/(?:offset|shift)$/.test(originalName));
  to.loadWeights(
    Object.fromEntries(own.map(({ originalName }, at) => [originalName, from.getWeights()[at] ?? tf.zeros([1])])),
    false,
  );
}

function difference(a: tf.LayersModel, b: tf.LayersModel, inputs: tf.Tensor[]): number {
  const [ours, theirs] = [a, b].map((model) => tf.concat([model.predict(inputs)].flat()));
  return ours === undefined || theirs === undefined
    ? Number.NaN
    : (tf.max(tf.abs(tf.sub(ours, theirs))).dataSync()[0] ?? 0);
}

async function saved(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts = {};
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return artifacts;
}
