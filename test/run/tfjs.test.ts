import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { cutSubset } from '../../fixtures/subset.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { migrate } from '../../src/run/migrate.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { frelu } from '../cli/command-line.js';
import { fusing, HandmadeModel, randomValues, runTfjs, sliding } from '../model/tfjs-graph/graph-model.js';
import { type Files, loadStock, randomize, runStock, save } from '../model/tfjs-layers/compare.js';
import { quantize } from '../model/tfjs-layers/quantize.js';
import { bytesBelow, hooks, optionsFor, temporaryFolder, training } from './runs.js';

/** What the check of staged files shall find beyond what there is: nothing, but where a test says so. */
const staged = vi.hoisted(() => ({ difference: 0 }));
vi.mock(import('../../src/tfjs-check/verify.js'), async (original) => {
  const { verifyTfjs } = await original();
  return {
    verifyTfjs: async (files, ...rest) => {
      const found = await verifyTfjs(files, ...rest);
      const isStaged = files.path.startsWith(join(tmpdir(), 'frelu-scratch.'));
      return isStaged ? { ...found, maxAbsDiff: found.maxAbsDiff + staged.difference } : found;
    },
  };
});

const { layers } = tf;
const classes = 10;
let data = '';
let images = { pixels: new Float32Array(), labels: new Uint8Array() };

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'frelu-subset-'));
  await cutSubset(join(import.meta.dirname, '../../fixtures/data'), data, { train: 20, t10k: 20 });
  const pixels = gunzipSync(await readFile(join(data, 't10k-images-idx3-ubyte.gz'))).subarray(16);
  const labels = gunzipSync(await readFile(join(data, 't10k-labels-idx1-ubyte.gz'))).subarray(8);
  images = { pixels: Float32Array.from(pixels, (pixel) => pixel / 255), labels: Uint8Array.from(labels) };
});
afterAll(async () => {
  await rm(data, { recursive: true, force: true });
  await tf.setBackend('cpu');
});

/** A convolution, a padded one behind it, and a Dense head: forms explicit and folded. */
function classifier(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 4, kernelSize: 5, strides: 3, activation: 'relu', name: 'c1' }),
      layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', activation: 'relu', name: 'c2' }),
      layers.flatten({ name: 'flat' }),
      layers.dense({ units: 16, activation: 'relu', name: 'hidden' }),
      layers.dense({ units: classes, activation: 'softmax', name: 'out' }),
    ],
  });
  randomize(model);
  // so small that no class is certain
  model.setWeights(model.getWeights().map((weight) => weight.mul(0.25)));
  return model;
}

/** The same kind of network as the converter writes it: biases and ReLUs are fused into the operators. */
function graphClassifier(): Files {
  const model = new HandmadeModel();
  const weight = (name: string, shape: readonly number[]) =>
    model.constant(
      name,
      shape,
      randomValues(shape, name).map((value) => value / 4),
    );
  model.input('x', [-1, 28, 28, 1]);
  const fused = fusing('BiasAdd', 'Relu');
  const first = [weight('k1', [5, 5, 1, 4]), weight('b1', [4])];
  model.node('_FusedConv2D', 'c1', ['x', ...first], { ...sliding('VALID', 3), ...fused });
  const second = [weight('k2', [3, 3, 4, 6]), weight('b2', [6])];
  model.node('_FusedConv2D', 'c2', ['c1', ...second], { ...sliding('SAME'), ...fused });
  model.node('Reshape', 'flat', ['c2', model.integers('shape', [-1, 8 * 8 * 6])]);
  const third = [weight('w1', [8 * 8 * 6, 16]), weight('b3', [16])];
  model.node('_FusedMatMul', 'hidden', ['flat', ...third], fused);
  const last = [weight('w2', [16, classes]), weight('b4', [classes])];
  model.node('_FusedMatMul', 'logits', ['hidden', ...last], fusing('BiasAdd'));
  return model.files();
}

/** Writes a model's files to a folder of their own. */
async function placed(files: Files): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

/** The files of the model in a folder, by their paths in it. */
async function filesOf(folder: string): Promise<Map<string, Uint8Array>> {
  const entries = [...(await bytesBelow(folder))].map(([path, bytes]): [string, Uint8Array] => [
    relative(folder, path),
    bytes,
  ]);
  return new Map(entries.filter(([path]) => !path.startsWith('.frelu')));
}

/** The accuracy of files on the test images, by TensorFlow.js alone. */
async function stockAccuracy(files: Files): Promise<number> {
  const { pixels, labels } = images;
  const shape = [labels.length, 28, 28, 1];
  const isGraph = new TextDecoder().decode(files.get('model.json')).includes('"node":');
  const values = isGraph
    ? [...(await runTfjs(files, { x: { shape, values: pixels } })).values()][0]?.values
    : (await runStock(await loadStock(files), [{ shape, values: [...pixels] }]))[0]?.values;
  const right = labels.filter((label, i) => {
    const row = [...(values?.slice(classes * i, classes * (i + 1)) ?? [])];
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

const brief = { ...training, batchSize: 16, learningRate: 0.03, epochs: 2 };
const run = (folder: string, changes: Partial<MigrateOptions> = {}) =>
  migrate(optionsFor(folder, data, { training: brief, ...changes }), hooks());

const sources: readonly (readonly [string, () => Promise<Files>])[] = [
  ['a LayersModel', () => save(classifier(), 3000)],
  ['a GraphModel', async () => graphClassifier()],
];

describe.each(sources)('migrating %s', (_, source) => {
  it('agrees with TensorFlow.js before and after, and is undone byte for byte', async () => {
    const original = await source();
    const folder = await placed(original);
    const result = await run(folder);

    expect(result.tfjs).toMatchObject({ backend: 'wasm', samples: 4, requantized: null });
    expect(result.tfjs?.before).toBeLessThan(1e-4);
    expect(result.tfjs?.after).toBeLessThan(1e-4);
    expect(result.parity.maxAbsDiff).toBeLessThan(1e-3);
    expect(result.sites.filter(({ offset }) => offset !== 0)).toHaveLength(3);

    const written = await filesOf(folder);
    expect(result.files.map(({ path }) => path).toSorted()).toEqual(
      [...written.keys()].filter((path) => !original.has(path) || path === 'model.json').toSorted(),
    );
    expect(result.arms.before.test.accuracy?.value).toBe(await stockAccuracy(original));
    expect(result.arms.frelu.test.accuracy?.value).toBe(await stockAccuracy(written));
    expect(result.arms.frelu.test.accuracy?.value).not.toBe(result.arms.before.test.accuracy?.value);

    await rollback(join(folder, 'model.json'));
    expect(await filesOf(folder)).toEqual(await filesOf(await placed(original)));
  });
});

describe('a model that is quantised to uint8', () => {
  const quantised = async () => quantize(await save(classifier()), 'uint8', 500);

  it('keeps the shards whose weights did not change, and says what storing the others cost', async () => {
    const original = await quantised();
    const folder = await placed(original);
    const result = await run(folder, { training: { ...brief, scope: 'biases' } });

    // the biases of two convolutions and two Dense layers; kernels are not trained
    expect(result.tfjs?.requantized).toMatchObject({ weights: 4, stored: result.arms.frelu.test.accuracy?.value });
    expect(result.tfjs?.requantized?.exact).toBeGreaterThan(0);
    expect(result.tfjs?.requantized?.maxAbsDiff).toBeGreaterThan(0);
    expect(result.tfjs?.requantized?.maxAbsDiff).toBeLessThan(0.02);
    expect(result.tfjs?.after).toBeLessThan(1e-4);

    const written = await filesOf(folder);
    const kept = [...original.keys()].filter((path) => path !== 'model.json' && written.has(path));
    expect(kept.length).toBeGreaterThan(5);
    for (const path of kept) expect(sameBytes(written.get(path), original.get(path))).toBe(true);
    expect(result.arms.frelu.test.accuracy?.value).toBe(await stockAccuracy(written));

    await rollback(join(folder, 'model.json'));
    expect(await filesOf(folder)).toEqual(await filesOf(await placed(original)));
  });
});

describe('rewriting without training', () => {
  const forms = (['auto', 'folded', 'fused', 'explicit'] as const).flatMap((form) =>
    (['zero', 'floor'] as const).map((padding) => ({ form, padding })),
  );
  const parameters = { a: 0.2, b: -0.1, overwrite: false };

  it.each(forms)('agrees with TensorFlow.js in form $form, padding $padding', async (form) => {
    for (const [, source] of sources) {
      const folder = await placed(await source());
      const plan = { ...defaultPlanOptions, ...form };
      const { tfjs, files } = await rewriteModel({ model: folder, out: join(folder, 'out'), plan, ...parameters });
      expect(tfjs?.before).toBeLessThan(1e-4);
      expect(tfjs?.after).toBeLessThan(1e-4);
      expect(files[0]?.path).toBe(join(folder, 'out', 'model.json'));
    }
  });

  it('keeps the shards of a quantised model whose weights do not change', async () => {
    const original = quantize(await save(classifier()), 'uint8', 500);
    const folder = await placed(original);
    const out = join(folder, 'out');
    const { tfjs } = await rewriteModel({ model: folder, out, plan: defaultPlanOptions, ...parameters });
    expect(tfjs?.requantized).toMatchObject({ exact: null, stored: null });
    const written = await filesOf(out);
    const kept = [...original.keys()].filter((path) => path !== 'model.json' && written.has(path));
    expect(kept.length).toBeGreaterThan(5);
    for (const path of kept) expect(sameBytes(written.get(path), original.get(path))).toBe(true);
  });

  it('says on the command line how far TensorFlow.js is away', async () => {
    const folder = await placed(await save(classifier()));
    const out = join(folder, 'out');
    const { code, stdout } = await frelu(['rewrite', folder, '--out', out]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /TensorFlow\.js \(wasm\) .* on 4 random inputs: the largest difference is \S+ before, \S+ after\./,
    );
    const named = await frelu(['rewrite', folder, '--out', join(folder, 'other.json'), '--json']);
    expect(JSON.parse(named.stdout)).toMatchObject({ out: join(folder, 'other.json'), tfjs: { backend: 'wasm' } });
  });

  it('writes nothing where TensorFlow.js computes something else from the rewritten files', async () => {
    const folder = await placed(await save(classifier()));
    const out = join(folder, 'out');
    staged.difference = 0.5;
    onTestFinished(() => {
      staged.difference = 0;
    });
    const rewriting = rewriteModel({ model: folder, out, plan: defaultPlanOptions, ...parameters });
    await expect(rewriting).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining(`${join(folder, 'model.json')}: the rewritten model`),
    });
    await expect(readFile(join(out, 'model.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
