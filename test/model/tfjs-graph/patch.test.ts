import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultPlanOptions, type PlanOptions } from '../../../src/contract/settings.js';
import { loadModel } from '../../../src/model/load.js';
import { patchModel } from '../../../src/model/patch.js';
import type { MigrationPlan, SiteParameters } from '../../../src/model/plan.js';
import type { TfjsGraphModel } from '../../../src/model/tfjs-graph/model.js';
import { patchTfjsGraph } from '../../../src/model/tfjs-graph/patch.js';
import { planMigration } from '../../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../../transforms/rewrite/bake.js';
import {
  bool,
  float,
  fusing,
  HandmadeModel,
  ints,
  largestDifference,
  randomFeeds,
  randomValues,
  readFiles,
  runOnnx,
  runTfjs,
  sliding,
  text,
  type,
} from './graph-model.js';

const feeds = randomFeeds({ x: [2, 8, 8, 3] });

/** A network with a ReLU of every kind that a converted model has: fused, alone, clipped, behind an addition, behind a Pad. */
function network(): HandmadeModel {
  const model = new HandmadeModel();
  const x = model.input('x', [-1, 8, 8, 3]);
  const conv = (name: string, from: string, shape: number[], attributes = {}, bias: string[] = []) =>
    model.node(bias.length > 0 ? '_FusedConv2D' : 'Conv2D', name, [from, model.random(`${name}/w`, shape), ...bias], {
      ...sliding('SAME'),
      ...attributes,
    });
  const bias = (name: string, size: number) => [model.random(`${name}/b`, [size])];

  const first = conv('first', x, [3, 3, 3, 4], fusing('BiasAdd', 'Relu'), bias('first', 4));
  const pool = model.node('MaxPool', 'pool', [first], {
    padding: text('VALID'),
    ksize: ints(1, 2, 2, 1),
    strides: ints(1, 2, 2, 1),
  });
  const unbiased = model.node('Relu', 'unbiased', [conv('unbiased/conv', pool, [3, 3, 4, 4])]);
  const variance = model.constant(
    'variance',
    [4],
    randomValues([4], 'variance').map((value) => value ** 2 + 0.5),
  );
  const statistics = ['scale', 'offset', 'mean'].map((name) => model.random(name, [4]));
  const normal = model.node(
    'FusedBatchNormV3',
    'normal',
    [conv('c2', unbiased, [3, 3, 4, 4]), ...statistics, variance],
    {
      epsilon: float(0.001),
    },
  );
  const residual = model.node('Relu', 'residual', [model.node('AddV2', 'sum', [normal, unbiased])]);
  const paddings = model.constant('paddings', [4, 2], [0, 0, 0, 1, 0, 1, 0, 0], 'int32');
  const padded = model.node('Pad', 'pad', [residual, paddings]);
  const strided = conv(
    'strided',
    padded,
    [3, 3, 4, 4],
    { ...sliding('VALID', 2), ...fusing('BiasAdd', 'Relu6') },
    bias('strided', 4),
  );
  const depthwise = model.node(
    'FusedDepthwiseConv2dNative',
    'depthwise',
    [strided, model.random('depthwise/w', [3, 3, 4, 2]), ...bias('depthwise', 8)],
    { ...sliding('SAME'), ...fusing('BiasAdd', 'Relu') },
  );
  const bounds = [model.constant('zero', [], [0]), model.constant('six', [], [6])];
  const clipped = model.node('ClipByValue', 'clipped', [
    conv('c4', depthwise, [1, 1, 8, 6], fusing('BiasAdd'), bias('c4', 6)),
    ...bounds,
  ]);
  const flat = model.node('Reshape', 'flat', [clipped, model.integers('shape', [-1, 24])]);
  const hidden = model.node(
    '_FusedMatMul',
    'hidden',
    [flat, model.random('hidden/w', [24, 10]), ...bias('hidden', 10)],
    {
      ...fusing('BiasAdd', 'Relu'),
      transpose_a: bool(false),
      transpose_b: bool(false),
    },
  );
  const dense = model.node('MatMul', 'dense', [hidden, model.random('dense/w', [10, 5])]);
  const last = model.node('Maximum', 'last', [model.node('AddV2', 'dense/sum', [dense, ...bias('dense', 5)]), 'zero']);
  model.node('Identity', 'probabilities', [last]);
  model.fields = {
    signature: { outputs: { y: { name: 'probabilities:0' }, map: { name: 'residual:0' } } },
    userDefinedMetadata: { author: 'somebody' },
    modelInitializer: { node: [] },
  };
  return model;
}

/** ReLUs in several nodes, and by other names. */
function rows(): HandmadeModel {
  const model = new HandmadeModel();
  const zero = model.constant('zero', [], [0]);
  const six = model.constant('six', [], [6]);
  const conv = (name: string, from: string, op = 'Conv2D', ...more: string[]) =>
    model.node(op, name, [from, model.random(`${name}/w`, [1, 1, 3, 3]), ...more], {
      ...sliding('SAME'),
      ...(op === 'Conv2D' ? {} : fusing('BiasAdd', 'Relu')),
    });
  const x = model.input('x', [-1, 8, 8, 3]);
  const capped = model.node('Minimum', 'capped', [conv('c1', x), six]);
  const floored = model.node('Maximum', 'floored', [capped, zero]);
  const fused = conv('fused', floored, '_FusedConv2D', model.random('fused/b', [3]));
  const keras = model.node('Maximum', 'keras', [model.node('Minimum', 'keras/six', [fused, six]), zero]);
  const c3 = conv('c3', keras);
  const chosen = model.node('SelectV2', 'chosen', [model.node('Greater', 'positive', [c3, zero]), c3, zero]);
  const leaky = model.node('LeakyRelu', 'leaky', [conv('c4', chosen)], { alpha: float(0) });
  model.node('Sigmoid', 'y', [leaky]);
  return model;
}

function randomParameters(plan: MigrationPlan, scale = 0.3): SiteParameters[] {
  return plan.sites
    .filter(({ status }) => status === 'migrate')
    .map(({ id, shift, granularity, channels }) => {
      const values = (seed: string) =>
        randomValues([granularity === 'channel' ? (channels ?? 1) : 1], `${id} ${seed}`).map((value) => value * scale);
      return { id, shift: shift === null ? new Float32Array() : values('shift'), offset: values('offset') };
    });
}

async function migrate(files: ReadonlyMap<string, Uint8Array>, options: Partial<PlanOptions>, scale?: number) {
  const model = await readFiles(files);
  const plan = planMigration(model.graph, { ...defaultPlanOptions, ...options });
  const baked = bakeParameters(model.graph, plan, randomParameters(plan, scale));
  const written = patchTfjsGraph(model, plan, baked);
  const kept = [...files].filter(([path]) => !written.obsolete.includes(path));
  const after = new Map([...kept, ...written.files.map(({ path, bytes }) => [path, bytes] as const)]);
  return { model, plan, baked, written, after };
}

function jsonOf(files: ReadonlyMap<string, Uint8Array>) {
  return JSON.parse(new TextDecoder().decode(files.get('model.json')));
}

const ids = ['first', 'unbiased', 'residual', 'strided', 'depthwise', 'clipped', 'hidden', 'last'];

describe('patchTfjsGraph', () => {
  it('finds every ReLU under the name of its node', async () => {
    const { plan } = await migrate(network().files(), {});
    expect(plan.sites.map(({ id }) => id)).toEqual(ids);
    expect(plan.sites.map(({ status }) => status)).toEqual(ids.map(() => 'migrate'));
  });

  it('is what a model read from disk is written by', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frelu-graph-'));
    try {
      for (const [path, bytes] of network().files()) await writeFile(join(folder, path), bytes);
      const model = await loadModel(folder);
      const plan = planMigration(model.graph, defaultPlanOptions);
      const patched = await patchModel(model, plan, bakeParameters(model.graph, plan, randomParameters(plan)));
      expect(model.format).toBe('tfjs-graph');
      expect(patched.entry).toBe('model.json');
      expect(patched.files.map(({ path }) => path)).toContain('model.json');
      expect(patched.obsolete).toEqual(['group1-shard1of1.bin']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('sees no ReLU in limits on integers', async () => {
    const model = new HandmadeModel();
    const at = [model.input('x', [-1, 3], 'int32'), model.integers('zero', 0)];
    const clipped = model.node('ClipByValue', 'clipped', [...at, model.integers('six', 6)]);
    model.node('GatherV2', 'y', [model.random('table', [7, 2]), clipped, 'zero']);
    model.node('Maximum', 'largest', at);
    const { plan } = await migrate(model.files(), {});
    expect(plan.sites).toEqual([]);
  });

  const forms = (['auto', 'folded', 'fused', 'explicit'] as const).flatMap((form) =>
    (['zero', 'floor'] as const).flatMap((padding) =>
      (['layer', 'channel'] as const).map((granularity) => ({ form, padding, granularity })),
    ),
  );
  it.each(forms)('$form, padding $padding, per $granularity: stock tf.js computes what was baked', async (options) => {
    const { after, baked, plan } = await migrate(network().files(), options);
    const [ours, theirs] = [await runOnnx(baked, feeds), await runTfjs(after, feeds)];
    const scale = Math.max(...[...theirs.values()].flatMap(({ values }) => values.map(Math.abs)));
    expect(largestDifference(ours, theirs) / scale).toBeLessThan(1e-5);

    const again = await readFiles(after);
    expect(largestDifference(await runOnnx(again.graph, feeds), theirs) / scale).toBeLessThan(1e-5);
    const second = planMigration(again.graph, { ...defaultPlanOptions, ...options });
    expect(second.sites.map(({ reason }) => reason)).toEqual(plan.sites.map(({ form }) => `already FReLU (${form})`));
  });

  it.each(forms)(
    '$form, padding $padding, per $granularity: with a = b = 0 it computes what the original did',
    async (options) => {
      const files = network().files();
      const { after } = await migrate(files, options, 0);
      expect(largestDifference(await runTfjs(after, feeds), await runTfjs(files, feeds))).toBeLessThan(1e-5);
    },
  );

  it.each(['auto', 'folded', 'fused', 'explicit'] as const)('rows of nodes that are one ReLU, %s', async (form) => {
    const { after, baked, plan } = await migrate(rows().files(), { form });
    expect(plan.sites.map(({ id, op, kind }) => [id, op, kind])).toEqual([
      ['capped', 'Min', 'relu6'],
      ['fused', 'Relu', 'relu6'],
      ['chosen', 'Where', 'relu'],
      ['leaky', 'LeakyRelu', 'relu'],
    ]);
    expect(plan.sites.every(({ status, shift }) => status === 'migrate' && shift !== null)).toBe(true);
    const theirs = await runTfjs(after, feeds);
    expect(largestDifference(await runOnnx(baked, feeds), theirs)).toBeLessThan(1e-5);
    const again = await readFiles(after);
    expect(largestDifference(await runOnnx(again.graph, feeds), theirs)).toBeLessThan(1e-5);
    const second = planMigration(again.graph, { ...defaultPlanOptions, form });
    expect(second.sites.map(({ reason }) => reason)).toEqual(plan.sites.map((site) => `already FReLU (${site.form})`));
    if (form !== 'fused') return;
    const names: string[] = jsonOf(after).modelTopology.node.map(({ name }: { name: string }) => name);
    for (const gone of ['capped', 'keras/six', 'positive']) expect(names).not.toContain(gone);
  });

  /** relu(h) as TensorFlow's users write it out. */
  const writtenOut: Readonly<Record<string, (model: HandmadeModel, h: string) => string>> = {
    'tf.maximum(h, 0)': (model, h) => model.node('Maximum', 'act', [h, 'zero']),
    'tf.maximum(tf.zeros_like(h), h)': (model, h) =>
      model.node('Maximum', 'act', [model.node('ZerosLike', 'zeros', [h]), h]),
    'tf.maximum(h, tf.cast(0, tf.float32))': (model, h) => {
      const zero = model.node('Cast', 'cast', [model.integers('whole', 0)], {
        SrcT: type('int32'),
        DstT: type('float32'),
      });
      return model.node('Maximum', 'act', [h, zero]);
    },
    'tf.where(h > 0, h, 0)': (model, h) =>
      model.node('SelectV2', 'act', [model.node('Greater', 'c', [h, 'zero']), h, 'zero']),
    'tf.where(h < 0, zeros, h)': (model, h) => {
      const zeros = model.node('ZerosLike', 'zeros', [h]);
      return model.node('Select', 'act', [model.node('Less', 'c', [h, 'zero']), zeros, h]);
    },
    'h * tf.cast(h > 0, tf.float32)': (model, h) => {
      const positive = model.node('Greater', 'c', [h, 'zero'], { T: type('float32') });
      const mask = model.node('Cast', 'mask', [positive], { SrcT: type('bool'), DstT: type('float32') });
      return model.node('Mul', 'act', [h, mask]);
    },
    '(h + tf.abs(h)) / 2': (model, h) => {
      const sum = model.node('AddV2', 'plus', [h, model.node('Abs', 'abs', [h])]);
      return model.node('RealDiv', 'act', [sum, model.constant('two', [], [2])]);
    },
    'h - tf.minimum(h, 0)': (model, h) => model.node('Sub', 'act', [h, model.node('Minimum', 'min', [h, 'zero'])]),
    'tf.clip_by_value(h, 0, inf)': (model, h) =>
      model.node('ClipByValue', 'act', [h, 'zero', model.constant('inf', [], [Number.POSITIVE_INFINITY])]),
    'tf.nn.leaky_relu(h, 0)': (model, h) => model.node('LeakyRelu', 'act', [h], { alpha: float(0) }),
  };

  it.each(
    Object.keys(writtenOut).flatMap((how) =>
      (['folded', 'fused', 'explicit'] as const).map((form) => [how, form] as const),
    ),
  )('%s, %s', async (how, form) => {
    const model = new HandmadeModel();
    if (!how.includes('cast(0')) model.constant('zero', [], [0]);
    const dense = model.node('MatMul', 'dense', [model.input('x', [-1, 5]), model.random('w1', [5, 4])]);
    const hidden = model.node('BiasAdd', 'hidden', [dense, model.random('b1', [4])]);
    const act = writtenOut[how]?.(model, hidden) ?? '';
    model.node('MatMul', 'y', [act, model.random('w2', [4, 3])]);
    model.fields = how.includes('cast(0') ? {} : { signature: { outputs: { y: { name: 'y:0' } } } };
    const vectors = randomFeeds({ x: [3, 5] });
    for (const granularity of ['layer', 'channel'] as const) {
      const { after, baked, plan } = await migrate(model.files(), { form, granularity });
      expect(plan.sites.map((site) => [site.kind, site.form, site.shift !== null])).toEqual([['relu', form, true]]);
      const theirs = await runTfjs(after, vectors);
      expect(largestDifference(await runOnnx(baked, vectors), theirs)).toBeLessThan(1e-5);
      const again = await readFiles(after);
      expect(largestDifference(await runOnnx(again.graph, vectors), theirs)).toBeLessThan(1e-5);
      const second = planMigration(again.graph, { ...defaultPlanOptions, form });
      expect(second.sites.map(({ reason }) => reason)).toEqual([`already FReLU (${form})`]);
      const plain = await migrate(model.files(), { form, granularity }, 0);
      expect(
        largestDifference(await runTfjs(plain.after, vectors), await runTfjs(model.files(), vectors)),
      ).toBeLessThan(1e-5);
    }
  });

  it('lists a Prelu whose slopes are 0', async () => {
    const model = new HandmadeModel();
    const x = model.input('x', [-1, 5]);
    model.node('Prelu', 'y', [x, model.constant('slope', [5], [0, 0, 0, 0, 0])]);
    model.node(
      '_FusedMatMul',
      'z',
      [x, model.random('w', [5, 4]), model.random('b', [4]), model.constant('flat', [4], [0, 0, 0, 0])],
      {
        ...fusing('BiasAdd', 'Prelu'),
        transpose_a: bool(false),
        transpose_b: bool(false),
      },
    );
    const { plan } = await migrate(model.files(), {});
    expect(plan.sites.map(({ status, reason }) => [status, reason?.slice(0, 7)])).toEqual([
      ['skip', 'a PReLU'],
      ['skip', 'a PReLU'],
    ]);
  });

  it.each(['folded', 'fused', 'explicit'] as const)(
    'a product of matrices gets a bias that it did without, %s',
    async (form) => {
      const model = new HandmadeModel();
      const hidden = model.node('MatMul', 'hidden', [model.input('x', [-1, 5]), model.random('w1', [5, 4])]);
      const second = model.node('MatMul', 'second', [model.node('Relu', 'act', [hidden]), model.random('w2', [4, 3])]);
      model.node('Relu', 'last', [model.node('BiasAdd', 'sum', [second, model.random('b2', [3])])]);
      const { after, baked, plan } = await migrate(model.files(), { form });
      expect(plan.sites.map(({ shift }) => shift?.rule)).toEqual(['new bias of Gemm', 'Gemm bias']);
      const vectors = randomFeeds({ x: [2, 5] });
      expect(largestDifference(await runOnnx(baked, vectors), await runTfjs(after, vectors))).toBeLessThan(1e-5);
    },
  );

  it.each(['folded', 'fused', 'explicit'] as const)(
    'a fused operator gets a bias that it did without, and keeps its activation, %s',
    async (form) => {
      const model = new HandmadeModel();
      const conv = (op: string, name: string, from: string, shape: number[], ops: string[], slope: string[] = []) => {
        const attributes = { ...sliding('VALID'), ...fusing('NoOp', ...ops) };
        return model.node(op, name, [from, model.random(`${name}/w`, shape), ...slope], attributes);
      };
      const x = model.input('x', [-1, 8, 8, 3]);
      const first = conv('_FusedConv2D', 'first', x, [3, 3, 3, 4], ['Relu']);
      const second = conv('FusedDepthwiseConv2dNative', 'second', first, [3, 3, 4, 1], ['Relu6']);
      const third = conv('_FusedConv2D', 'third', second, [1, 1, 4, 4], ['Prelu'], [model.random('slope', [4])]);
      conv('_FusedConv2D', 'y', third, [1, 1, 4, 2], ['Sigmoid']);
      const { after, baked, plan } = await migrate(model.files(), { form });
      expect(plan.sites.map(({ id, status }) => [id, status])).toEqual([
        ['first', 'migrate'],
        ['second', 'migrate'],
      ]);
      expect(plan.sites.map(({ shift }) => shift?.rule)).toEqual(['new bias of Conv', 'new bias of Conv']);
      const ours = await runOnnx(baked, feeds);
      expect(largestDifference(ours, await runTfjs(after, feeds))).toBeLessThan(1e-5);
      expect(largestDifference(ours, await runOnnx((await readFiles(after)).graph, feeds))).toBeLessThan(1e-5);
    },
  );

  it.each(['folded', 'fused', 'explicit'] as const)('zeros before a maximum stand for the offset, %s', async (form) => {
    const model = new HandmadeModel();
    const x = model.input('x', [-1, 8, 8, 3]);
    const operands = [x, model.random('w', [3, 3, 3, 4]), model.random('b', [4])];
    const act = model.node('_FusedConv2D', 'act', operands, { ...sliding('SAME', 2), ...fusing('BiasAdd', 'Relu') });
    const paddings = model.constant('paddings', [4, 2], [0, 0, 1, 1, 1, 1, 0, 0], 'int32');
    const window = { padding: text('VALID'), ksize: ints(1, 3, 3, 1), strides: ints(1, 2, 2, 1) };
    const pool = model.node('MaxPool', 'pool', [model.node('Pad', 'pad', [act, paddings])], window);
    model.node('Conv2D', 'y', [pool, model.random('v', [1, 1, 4, 2])], sliding('SAME'));
    const { after, baked, plan } = await migrate(model.files(), { form, padding: 'floor' });
    expect(plan.sites[0]).toMatchObject({ form });
    expect(largestDifference(await runOnnx(baked, feeds), await runTfjs(after, feeds))).toBeLessThan(1e-5);
  });

  it('rewrites a rewritten model to itself', async () => {
    const { after } = await migrate(network().files(), { form: 'explicit' });
    const { written } = await migrate(after, { form: 'explicit' });
    expect(written.files.map(({ path }) => path)).toEqual(['model.json']);
    expect(written.obsolete).toEqual([]);
    expect(new TextDecoder().decode(written.files[0]?.bytes)).toBe(new TextDecoder().decode(after.get('model.json')));
  });

  it('keeps the nodes of a folded model and every other field of model.json', async () => {
    const files = network().files();
    const { after } = await migrate(files, { form: 'folded', padding: 'floor', include: ['hidden'] });
    const [before, edited] = [jsonOf(files), jsonOf(after)];
    expect(edited.modelTopology).toEqual(before.modelTopology);
    expect(edited.signature).toEqual(before.signature);
    expect(edited.modelInitializer).toEqual(before.modelInitializer);
    expect(edited.userDefinedMetadata.author).toBe('somebody');
    expect(edited.userDefinedMetadata['frelu-migrate'].sites).toHaveLength(1);
  });

  it('writes max(x, b) as Maximum, for ReLU6 as ClipByValue, under the name of the ReLU', async () => {
    const { after } = await migrate(network().files(), { form: 'fused', include: ['first', 'strided'] });
    const nodes: { name: string; op: string; input: string[] }[] = jsonOf(after).modelTopology.node;
    const named = (name: string) => nodes.find((node) => node.name === name);
    expect(named('first')).toMatchObject({ op: 'Maximum', input: ['first/frelu_linear', 'first/frelu_floor'] });
    expect(named('first/frelu_linear')).toMatchObject({ op: '_FusedConv2D', attr: fusing('BiasAdd') });
    expect(named('strided')).toMatchObject({ op: 'ClipByValue' });
    expect(named('pool')?.input).toEqual(['first']);
  });

  it('gives a constant that others read too a copy of its own', async () => {
    const model = new HandmadeModel();
    const shared = model.random('shared', [4]);
    const attributes = { ...sliding('SAME'), ...fusing('BiasAdd', 'Relu') };
    const x = model.input('x', [-1, 8, 8, 3]);
    const a = model.node('_FusedConv2D', 'a', [x, model.random('a/w', [3, 3, 3, 4]), shared], attributes);
    const b = model.node('_FusedConv2D', 'b', [x, model.random('b/w', [3, 3, 3, 4]), shared], attributes);
    model.node('Sub', 'y', [a, b]);
    const { after, baked } = await migrate(model.files(), { form: 'explicit', include: ['b'] });
    expect(largestDifference(await runOnnx(baked, feeds), await runTfjs(after, feeds))).toBeLessThan(1e-5);
  });

  it('does not change a constant that is read as a parameter elsewhere', async () => {
    const model = new HandmadeModel();
    const zero = model.constant('zero', [], [0]);
    const x = model.input('x', [-1, 8, 8, 3]);
    const dense = model.node('Conv2D', 'dense', [x, model.random('w', [1, 1, 3, 4])], sliding('SAME'));
    model.node('ClipByValue', 'clipped', [dense, zero, model.constant('one', [], [1])]);
    model.node('Relu', 'y', [model.node('AddV2', 'sum', [model.node('Tanh', 'tanh', [dense]), zero])]);
    const { after, baked } = await migrate(model.files(), { form: 'explicit' });
    expect(largestDifference(await runOnnx(baked, feeds), await runTfjs(after, feeds))).toBeLessThan(1e-5);
  });

  it('leaves no constant behind that would count as an output where there is no signature', async () => {
    const model = network();
    model.fields = {};
    const { after, model: read } = await migrate(model.files(), { form: 'fused' });
    expect([...(await runTfjs(after, feeds)).keys()]).toEqual(read.graph.proto.output.map(({ name }) => name));
  });

  it('widens a changed bias that float16 would round, and leaves the quantised weights', async () => {
    const model = new HandmadeModel();
    const x = model.input('x', [-1, 8, 8, 3]);
    const operands = [x, model.random('w', [3, 3, 3, 4]), model.random('b', [4])];
    model.node('_FusedConv2D', 'y', operands, { ...sliding('SAME'), ...fusing('BiasAdd', 'Relu') });
    const steps = randomValues([108], 'steps').map((value) => Math.round((value + 1) * 127));
    model.quantize('w', { dtype: 'uint8', scale: 0.01, min: -1.2, original_dtype: 'float32' }, Uint8Array.from(steps));
    model.quantize('b', { dtype: 'float16', original_dtype: 'float32' }, new Uint8Array([0, 60, 0, 56, 0, 188, 0, 52]));
    const { after, baked, written } = await migrate(model.files(), { form: 'explicit' });
    expect(written.requantized).toEqual([]);
    expect(largestDifference(await runOnnx(baked, feeds), await runTfjs(after, feeds))).toBeLessThan(1e-5);
    const again: TfjsGraphModel = await readFiles(after);
    const before = await readFiles(model.files());
    expect(again.graph.initializer('w')?.rawData).toEqual(before.graph.initializer('w')?.rawData);
  });
});
