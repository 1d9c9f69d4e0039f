import { describe, expect, test } from 'vitest';
import { defaultPlanOptions, type Form, type Granularity } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { expectClose, literal, migrated, parametric, randomParameters, run } from './compare.js';
import { parseGraph } from './notation.js';

const images = (lines: string, opset = 21, ir = 10) =>
  parseGraph(`
    ir ${ir}
    opset ${opset}
    x: float[2,3,4,5]
    w = float[4,3,1,1]
    g = float[4]
    b = float[4]
    g2 = float[2]
    b2 = float[2]
    gw = float[5]
    bw = float[5]
    gc = float[4,4,5]
    bc = float[4,4,5]
    v = float[2,4,1,1]
    c = Conv(x, w)
    ${lines.replaceAll('; ', '\n')}
    z = Conv(y, v)
    -> z`);

const sequences = (lines: string) =>
  parseGraph(`
    opset 17
    x: float[2,3,4]
    w = float[4,6]
    wb = float[2,4,6]
    b = float[6]
    g = float[6]
    beta = float[6]
    v = float[6,2]
    flat = int64[2] -1 6
    ${lines.replaceAll('; ', '\n')}
    z = MatMul(y, v)
    -> z`);

/** Every form and granularity computes FReLU, trained and written; at a = b = 0 what stood there. Returns the sites with one parameter a layer, and a channel. */
async function sitesOf(graph: Graph): Promise<Record<Granularity, Site | undefined>> {
  const found: Partial<Record<Granularity, Site>> = {};
  for (const granularity of ['layer', 'channel'] as const) {
    for (const form of ['explicit', 'fused', 'folded', 'auto'] satisfies (Form | 'auto')[]) {
      const plan = planMigration(graph, { ...defaultPlanOptions, form, granularity });
      const parameters = randomParameters(plan);
      const none = parameters.map((each) => ({
        ...each,
        shift: each.shift.map(() => 0),
        offset: each.offset.map(() => 0),
      }));
      expectClose(await run(parametric(graph, plan, none)), await run(graph), 1e-6);
      const expected = await run(literal(graph, plan, parameters));
      expectClose(await run(parametric(graph, plan, parameters)), expected, 2e-5);
      expectClose(await run(bakeParameters(graph, plan, parameters)), expected, 2e-5);
      const [site] = migrated(plan);
      if (site !== undefined) found[granularity] = site;
    }
  }
  return { layer: found.layer, channel: found.channel };
}

describe('a normalization takes the shift', () => {
  test.each<[string, Graph, string]>([
    ['InstanceNormalization', images('n = InstanceNormalization(c, g, b); y = Relu(n)'), 'b'],
    ['GroupNormalization of op set 21', images('n = GroupNormalization(c, g, b) num_groups=2; y = Relu(n)'), 'b'],
    [
      'LayerNormalization over all but the batch',
      images('n = LayerNormalization(c, gc, bc) axis=1; y = Relu(n)'),
      'bc',
    ],
    [
      'LayerNormalization behind a MatMul',
      sequences('m = MatMul(x, w); n = LayerNormalization(m, g, beta); y = Relu(n)'),
      'beta',
    ],
  ])('%s: one number, or one a channel', async (_, graph, into) => {
    const { layer, channel } = await sitesOf(graph);
    expect([layer?.shift?.into, channel?.shift?.into, channel?.granularity]).toEqual([into, into, 'channel']);
  });

  test.each<[string, Graph, string]>([
    [
      'GroupNormalization of op set 18, a beta for each group',
      images('n = GroupNormalization(c, g2, b2) num_groups=2; y = Relu(n)', 18, 8),
      'b2',
    ],
    ['LayerNormalization over the width of images', images('n = LayerNormalization(c, gw, bw); y = Relu(n)'), 'bw'],
    [
      'LayerNormalization and a Reshape',
      sequences('m = MatMul(x, w); n = LayerNormalization(m, g, beta); f = Reshape(n, flat); y = Relu(f)'),
      'beta',
    ],
  ])('%s: one number alone', async (_, graph, into) => {
    const { layer, channel } = await sitesOf(graph);
    expect([layer?.shift?.into, channel?.shift?.into, channel?.granularity]).toEqual([into, into, 'layer']);
  });

  test('a LayerNormalization without a beta does not', async () => {
    const { layer } = await sitesOf(sequences('m = MatMul(x, w); n = LayerNormalization(m, g); y = Relu(n)'));
    expect(layer?.shift).toBeNull();
    expect(layer?.reason).toContain("LayerNormalization 'n' has no beta");
  });

  test('nor one whose beta is computed', async () => {
    const graph = images('p = ReduceMean(x) axes=[0,2,3] keepdims=0', 17, 8);
    expect(planMigration(graph, defaultPlanOptions).sites).toEqual([]);
    const computed = sequences(
      'm = MatMul(x, w); t = MatMul(m, v); d = float[2,6]; u = MatMul(t, d); r = ReduceMean(u) axes=[0,1] keepdims=0; n = LayerNormalization(m, g, r); y = Relu(n)',
    );
    const { layer } = await sitesOf(computed);
    expect(layer?.reason).toContain('is not a floating-point constant');
  });
});

describe('a product of matrices without a bias', () => {
  test.each([
    ['alone', 'm = MatMul(x, w); y = Relu(m)'],
    ['behind a Reshape', 'm = MatMul(x, w); f = Reshape(m, flat); y = Relu(f)'],
    ['of a batch of weights', 'm = MatMul(x, wb); y = Relu(m)'],
    [
      'behind two Transposes',
      'm = MatMul(x, w); t = Transpose(m) perm=[0,2,1]; r = Relu(t); y = Transpose(r) perm=[0,2,1]',
    ],
  ])('%s: no shift, for want of a constant', async (_, lines) => {
    const { layer } = await sitesOf(sequences(lines));
    expect(layer?.shift).toBeNull();
    expect(layer?.reason).toContain("no shift: MatMul 'm' has no constant that takes it");
  });

  test.each([
    ['behind a Reshape', 'm = MatMul(x, w); a = Add(m, b); f = Reshape(a, flat); y = Relu(f)', 'layer'],
    ['of a batch of weights', 'm = MatMul(x, wb); a = Add(b, m); y = Relu(a)', 'layer'],
    ['before a Transpose', 'm = MatMul(x, w); a = Add(m, b); t = Transpose(a) perm=[1,0,2]; y = Relu(t)', 'layer'],
    ['of several axes', 'm = MatMul(x, w); a = Add(m, b); y = Relu(a)', 'channel'],
  ])('%s with what is added to it: %s', async (_, lines, granularity) => {
    const { layer, channel } = await sitesOf(sequences(lines));
    expect([layer?.shift?.into, channel?.shift?.into, channel?.granularity]).toEqual(['b', 'b', granularity]);
  });
});

describe('what exporters write InstanceNormalization out as', () => {
  test('x inv + (beta - mean inv): into beta', async () => {
    const graph = images(
      'e = float[] 0.01; gi = float[1,4,1,1]; bi = float[1,4,1,1]; u = ReduceMean(c) axes=[2,3]; d = Sub(c, u); q = Mul(d, d); s = ReduceMean(q) axes=[2,3]; se = Add(s, e); r = Sqrt(se); i = Reciprocal(r); k = Mul(i, gi); p = Mul(c, k); o = Mul(u, k); h = Sub(bi, o); n = Add(p, h); y = Relu(n)',
      17,
      8,
    );
    const { layer, channel } = await sitesOf(graph);
    expect([layer?.shift?.into, channel?.shift?.into]).toEqual(['bi', 'bi']);
  });
});
