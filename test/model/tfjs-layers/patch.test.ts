import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { defaultPlanOptions, type PlanOptions } from '../../../src/contract/settings.js';
import { createRandom } from '../../../src/math/random.js';
import type { Graph } from '../../../src/model/graph.js';
import type { MigrationPlan } from '../../../src/model/plan.js';
import { readFloats } from '../../../src/model/tensor.js';
import { weightBytes } from '../../../src/model/tfjs/files.js';
import type { TfjsLayersModel } from '../../../src/model/tfjs-layers/model.js';
import { patchTfjsLayers } from '../../../src/model/tfjs-layers/patch.js';
import { planMigration } from '../../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../../transforms/rewrite/bake.js';
import {
  difference,
  type Feed,
  type Files,
  feed,
  loadStock,
  open,
  randomize,
  runGraph,
  runStock,
  save,
} from './compare.js';
import { quantize } from './quantize.js';

const { layers } = tf;
type Symbolic = tf.SymbolicTensor;

function call(layer: tf.layers.Layer | tf.LayersModel, input: Symbolic | Symbolic[]): Symbolic {
  const output = layer.apply(input);
  if (!(output instanceof tf.SymbolicTensor)) throw new Error('one output was expected');
  return output;
}

/** Convolutions with and without bias and padding, normalization, pooling, a Dense head: every layer ends with ReLU. */
function plainNet(): tf.LayersModel {
  return tf.sequential({
    layers: [
      layers.conv2d({
        inputShape: [9, 9, 2],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        useBias: false,
        name: 'c1',
      }),
      layers.averagePooling2d({ poolSize: 2, name: 'pool' }),
      layers.conv2d({ filters: 5, kernelSize: 3, padding: 'same', name: 'c2', useBias: false }),
      layers.batchNormalization({ name: 'bn', center: false }),
      layers.reLU({ maxValue: 6, name: 'r6' }),
      layers.zeroPadding2d({ padding: 1, name: 'pad' }),
      layers.depthwiseConv2d({ kernelSize: 2, activation: 'relu', name: 'dw' }),
      layers.flatten({ name: 'flat' }),
      layers.dense({ units: 6, activation: 'relu', name: 'd1' }),
      layers.dense({ units: 3, name: 'd2' }),
    ],
  });
}

/** A residual block, a join, a layer that is called twice and a nested model. */
function branchedNet(): tf.LayersModel {
  const x = tf.input({ shape: [8, 8, 3], name: 'x' });
  const a = call(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', name: 'a' }), x);
  const b = call(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false, name: 'b' }), a);
  const sum = call(layers.activation({ activation: 'relu', name: 'r' }), call(layers.add({ name: 'sum' }), [a, b]));
  const joined = call(layers.concatenate({ name: 'joined' }), [sum, a]);
  const i = tf.input({ shape: [8, 8, 8], name: 'i' });
  const nested = tf.model({
    inputs: i,
    outputs: call(
      layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu', name: 'n' }),
      i,
    ),
    name: 'nested',
  });
  const pooled = call(layers.globalAveragePooling2d({ name: 'gap' }), call(nested, joined));
  const shared = layers.dense({ units: 3, activation: 'relu', name: 'shared' });
  const twice = call(shared, call(shared, pooled));
  return tf.model({ inputs: x, outputs: [call(layers.dense({ units: 2, name: 'out' }), twice), sum] });
}

interface Migrated {
  readonly model: TfjsLayersModel;
  readonly plan: MigrationPlan;
  readonly baked: Graph;
  readonly files: Files;
  readonly written: ReturnType<typeof patchTfjsLayers>;
}

/** Rewrites saved files with random shifts and offsets, as a run does. */
async function migrate(saved: Files, options: Partial<PlanOptions>, scale = 0.3): Promise<Migrated> {
  const model = await open(saved);
  const plan = planMigration(model.graph, { ...defaultPlanOptions, ...options }, model.limits);
  const stream = createRandom(5);
  const baked = bakeParameters(
    model.graph,
    plan,
    plan.sites.map(({ id, shift, granularity, channels }) => {
      const values = () =>
        Float32Array.from({ length: granularity === 'channel' ? (channels ?? 1) : 1 }, () => scale * stream.normal());
      return { id, shift: shift === null ? new Float32Array(0) : values(), offset: values() };
    }),
  );
  const written = patchTfjsLayers(model, plan, baked);
  const files = new Map(saved);
  for (const path of written.obsolete) files.delete(path);
  for (const { path, bytes } of written.files) files.set(path, bytes);
  return { model, plan, baked, files, written };
}

const nets: readonly (readonly [string, () => tf.LayersModel, Feed])[] = [
  ['a Sequential', plainNet, feed([2, 9, 9, 2])],
  ['a Functional', branchedNet, feed([2, 8, 8, 3])],
];

const variants = (['auto', 'folded', 'fused', 'explicit'] as const).flatMap((form) =>
  (['zero', 'floor'] as const).flatMap((padding) =>
    (['layer', 'channel'] as const).map((granularity): [PlanOptions['form'], PlanOptions] => [
      form,
      { ...defaultPlanOptions, form, padding, granularity },
    ]),
  ),
);

describe.each(nets)('%s', (_, net, input) => {
  it.each(variants)(
    'form %s: stock TensorFlow.js loads what was written and gives what was evaluated (%o)',
    async (_, options) => {
      const original = net();
      randomize(original);
      const { baked, files, plan } = await migrate(await save(original), options);
      expect(plan.summary.migrate).toBeGreaterThan(2);
      const expected = await runGraph(baked, [input]);
      expect(difference(await runStock(await loadStock(files), [input]), expected)).toBeLessThan(1e-5);
      const again = await open(files);
      expect(difference(await runGraph(again.graph, [input]), expected)).toBeLessThan(1e-5);
    },
  );

  it.each(variants.slice(0, 4))('with a = b = 0, nothing but the note is written (form %s, %o)', async (_, options) => {
    const original = net();
    randomize(original);
    const saved = await save(original);
    const { written } = await migrate(saved, { ...options, form: 'folded', padding: 'floor' }, 0);
    const weightFiles = written.files.filter(({ path }) => path !== 'model.json');
    expect(weightFiles).toEqual([]);
    expect(written.obsolete).toEqual([]);
  });

  it('knows again what it wrote, and a second rewrite finds nothing to do', async () => {
    const original = net();
    randomize(original);
    const { files, plan } = await migrate(await save(original), { form: 'explicit' });
    const { graph, limits } = await open(files);
    const second = planMigration(graph, defaultPlanOptions, limits);
    const migrated = plan.sites.filter(({ status }) => status === 'migrate').map(({ id }) => id);
    const known = second.sites.filter(({ reason }) => reason?.startsWith('already FReLU'));
    expect(known.map(({ id }) => id)).toEqual(expect.arrayContaining(migrated));
  });
});

describe('what is written', () => {
  const texts = (files: Files): string => new TextDecoder().decode(files.get('model.json'));

  it('keeps the shards in which nothing changed, and every byte of the weights that were not touched', async () => {
    const original = plainNet();
    randomize(original);
    const saved = await save(original, 300);
    const { model, files, written } = await migrate(saved, { padding: 'floor' });
    const kept = [...saved.keys()].filter((path) => files.has(path) && path !== 'model.json');
    expect(kept.length).toBeGreaterThan(3);
    expect(written.obsolete.length).toBeGreaterThan(1);
    const after = await open(files);
    const untouched = ['c1/kernel', 'c2/kernel', 'dw/depthwise_kernel', 'd1/kernel', 'd2/kernel', 'bn/gamma'];
    for (const name of untouched) {
      const [before, now] = [model.tfjs.weights.get(name), after.tfjs.weights.get(name)];
      if (before === undefined || now === undefined) throw new Error(`${name} is missing`);
      expect(weightBytes(after.tfjs, now)).toEqual(weightBytes(model.tfjs, before));
    }
  });

  it('keeps the notation of model.json and all that it does not need to change', async () => {
    const original = plainNet();
    randomize(original);
    const saved = await save(original, 1 << 20, 3);
    const text = texts(saved).replace('"convertedBy": null', '"convertedBy": null,\n   "signature": {"a": 1.0e0}');
    saved.set('model.json', new TextEncoder().encode(text));
    const { files } = await migrate(saved, { form: 'explicit' });
    const lines = new Set(
      texts(files)
        .split('\n')
        .map((line) => line.replace(/,$/, '')),
    );
    const gone = text.split('\n').filter((line) => !lines.has(line.replace(/,$/, '')));
    expect(texts(files)).toContain('"signature": {"a": 1.0e0}');
    expect(gone.map((line) => line.trim())).toEqual(['"center": false,', '"shards/group1-shard1.bin"']);
  });

  it('gives a layer the bias that it did not have', async () => {
    const original = plainNet();
    randomize(original);
    const { files } = await migrate(await save(original), { padding: 'floor' });
    const stock = await loadStock(files);
    expect(stock.getLayer('c1').getConfig().useBias).toBe(true);
    expect(stock.getLayer('bn').getConfig().center).toBe(true);
  });

  it('names why a layer that is called twice, or whose model is, cannot take a shift of one call', async () => {
    const original = branchedNet();
    const { plan } = await migrate(await save(original), {});
    const reasons = plan.sites.filter(({ id }) => id.startsWith('shared')).map(({ reason }) => reason);
    expect(reasons).toHaveLength(2);
    for (const reason of reasons) expect(reason).toContain("layer 'shared' is called 2 times with the same weights");
  });

  it('one offset behind each call of a layer that is called twice', async () => {
    const { plan, baked } = await migrate(await save(branchedNet()), {
      form: 'explicit',
      granularity: 'channel',
    });
    const sites = plan.sites.filter(({ id }) => id.startsWith('shared'));
    expect(sites.map(({ id, form, tied }) => [id, form, tied])).toEqual([
      ['shared', 'explicit', undefined],
      ['shared:2', 'explicit', 'shared'],
    ]);
    const [first, second] = sites.map(({ output }) => {
      const offset = baked.constant(baked.producer(output)?.input[1] ?? '');
      return offset === undefined ? [] : [...readFloats(offset)];
    });
    expect(first).toHaveLength(3);
    expect(first?.every((value) => value !== 0)).toBe(true);
    expect(second).toEqual(first);
  });

  it.each(['uint8', 'uint16', 'float16'] as const)('stays quantised as %s where it was', async (dtype) => {
    const original = plainNet();
    randomize(original);
    const saved = quantize(await save(original), dtype);
    const { model, baked, files, written } = await migrate(saved, { padding: 'floor' });
    const after = await open(files);
    // a bias is a few bytes, and in float16 a shift of it would be rounded away
    const isWidened = (name: string) => dtype === 'float16' && /bias|beta|mean/.test(name);
    for (const [name, { quantization }] of model.tfjs.weights) {
      const stored = after.tfjs.weights.get(name)?.quantization?.dtype;
      if (stored !== quantization?.dtype) expect([name, isWidened(name)]).toEqual([name, true]);
    }
    expect(written.requantized.some(({ weight }) => weight === 'd1/bias')).toBe(dtype !== 'float16');
    const input = feed([2, 9, 9, 2]);
    const expected = await runGraph(after.graph, [input]);
    expect(difference(await runStock(await loadStock(files), [input]), expected)).toBeLessThan(1e-5);
    const cost = Math.max(0, ...written.requantized.map(({ maxAbsDiff }) => maxAbsDiff));
    expect(cost).toBeLessThan(0.05);
    expect(difference(await runGraph(baked, [input]), expected)).toBeLessThan(100 * cost + 1e-5);
  });
});

describe('a LayerNormalization before a ReLU', () => {
  const network = (config: object, shape: number[]) =>
    tf.sequential({
      layers: [
        layers.dense({ inputShape: shape, units: 6, name: 'd1' }),
        layers.layerNormalization({ name: 'ln', ...config }),
        layers.reLU({ name: 'r' }),
        layers.dense({ units: 3, name: 'd2' }),
      ],
    });

  it.each([
    ['with a beta', {}, [5]],
    ['without a beta', { center: false }, [5]],
    ['without a gamma', { scale: false }, [5]],
    ['over two axes', { axis: [-2, -1] }, [4, 5]],
    ['of sequences', {}, [4, 5]],
  ] as const)('%s takes the shift', async (_, config, shape) => {
    const model = network(config, [...shape]);
    randomize(model);
    const saved = await save(model);
    const input = feed([3, ...shape]);
    for (const granularity of ['layer', 'channel'] as const) {
      const { plan, baked, files } = await migrate(saved, { granularity });
      expect(plan.sites.map(({ status, shift }) => [status, shift?.rule])).toEqual([
        ['migrate', 'LayerNormalization beta'],
      ]);
      const expected = await runGraph(baked, [input]);
      expect(difference(await runStock(await loadStock(files), [input]), expected)).toBeLessThan(1e-5);
      const untouched = await migrate(saved, { granularity }, 0);
      const before = await runStock(await loadStock(saved), [input]);
      expect(difference(await runStock(await loadStock(untouched.files), [input]), before)).toBeLessThan(1e-5);
    }
  });
});
