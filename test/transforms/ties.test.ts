import { describe, expect, test } from 'vitest';
import { defaultPlanOptions, type Form, type PlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { Model } from '../../src/model/model.js';
import type { MigrationPlan } from '../../src/model/plan.js';
import { freluNetwork } from '../../src/training/networks.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { expectClose, literal, parametric, run } from './compare.js';
import { parseGraph } from './notation.js';

/** One trunk, called with two inputs: the exporter writes its nodes twice and its weights once. */
const siamese = `
  l: float[2,2,6,6]
  r: float[2,2,6,6]
  w = float[3,2,3,3]
  s = float[3]
  m = float[3]
  var = float[3]
  v = float[4,3,3,3]
  e = float[4]
  k = float[4,2]
  h = float[2]
  lc = Conv(l, w)
  ln = BatchNormalization(lc, s, s, m, var)
  l1 = Relu(ln)
  ld = Conv(l1, v, e) pads=[1,1,1,1]
  l2 = Relu(ld)
  rc = Conv(r, w)
  rn = BatchNormalization(rc, s, s, m, var)
  r1 = Relu(rn)
  rd = Conv(r1, v, e) pads=[1,1,1,1]
  r2 = Relu(rd)
  d = Sub(l2, r2)
  g = GlobalAveragePool(d)
  f = Flatten(g)
  z = Gemm(f, k, h)
  -> z`;

const ties = ({ sites }: MigrationPlan) => Object.fromEntries(sites.map(({ id, tied }) => [id, tied ?? null]));

function planOf(graph: Graph, options: Partial<PlanOptions> = {}): MigrationPlan {
  return planMigration(graph, { ...defaultPlanOptions, ...options });
}

describe('a layer that is called twice', () => {
  const graph = parseGraph(siamese);

  test('has one FReLU, and the plan says whose', () => {
    const plan = planOf(graph);
    expect(ties(plan)).toEqual({ l1: null, l2: null, r1: 'l1', r2: 'l2' });
    expect(plan.sites[2]?.reason).toContain("has the shift and offset of 'l1': both stand behind the same weights");
  });

  test('is trained with one shift and one offset', () => {
    const copy = graph.copy();
    const applied = applyPlan(copy, planOf(copy));
    const names = applied.map(({ shift, offset }) => [shift, offset]);
    expect(names).toEqual([names[0], names[1], names[0], names[1]]);
    expect(new Set(names.flat()).size).toBe(4);
    expect(copy.proto.initializer.filter(({ name }) => name.includes('frelu_'))).toHaveLength(4);
  });

  test('gives a run one value for all its calls', () => {
    const model: Model = { format: 'onnx', path: 'siamese.onnx', files: [], graph };
    const network = freluNetwork(model, planOf(graph), 'all', ['w', 'v', 'e', 'k', 'h'], -0.1);
    const [shift = '', offset = ''] = network.trainable.siteParameters;
    expect(network.trainable.siteParameters).toHaveLength(4);
    const sites = network.sites(new Map([shift, offset].map((name, at) => [name, Float32Array.of(at + 1)])));
    expect(sites.map((site) => [site.id, site.shift[0], site.offset[0]])).toEqual([
      ['l1', 1, 2],
      ['l2', 0, Math.fround(-0.1)],
      ['r1', 1, 2],
      ['r2', 0, Math.fround(-0.1)],
    ]);
  });

  const forms: readonly Form[] = ['folded', 'fused', 'explicit'];
  test.each(forms)('computes one function of whatever it is called with, %s', async (form) => {
    for (const granularity of ['layer', 'channel'] as const) {
      const plan = planOf(graph, { form, granularity });
      const single = (id: string, values: number[]) => {
        const shown = granularity === 'layer' ? values.slice(0, 1) : values;
        return { id, shift: Float32Array.from(shown), offset: Float32Array.from(shown, (value) => -value) };
      };
      const [one, two] = [
        [0.3, -0.2, 0.5],
        [0.4, 0.1, -0.6, 0.2],
      ];
      const given = [single('l1', one ?? []), single('l2', two ?? [])];
      const all = [...given, ...given.map((each) => ({ ...each, id: each.id.replace('l', 'r') }))];
      const expected = await run(literal(graph, plan, all));
      // what the second call is given does not count: it has the first one's
      const misled = [...given, single('r1', [9, 9, 9]), single('r2', [9, 9, 9, 9])];
      expectClose(await run(bakeParameters(graph, plan, misled)), expected, 1e-5);
      expectClose(await run(parametric(graph, plan, given)), expected, 1e-5);
    }
  });

  test('keeps reading one weight: what both calls read is written once', () => {
    const plan = planOf(graph);
    const shift = Float32Array.of(0.5);
    const offset = Float32Array.of(-0.25);
    const baked = bakeParameters(graph, plan, [
      { id: 'l1', shift, offset },
      { id: 'l2', shift, offset },
    ]);
    const read = (value: string, input: number) => baked.producer(value)?.input[input];
    expect(read('ld', 2)).toBe(read('rd', 2));
    expect(read('ln', 2)).toBe(read('rn', 2));
    expect(read('ld', 2)).toBe('e');
  });
});

describe('what is no second call', () => {
  const twoLayers = (more: string) => `
    x: float[2,2,5,5]
    w = float[2,2,1,1]
    v = float[2,2,1,1]
    b = float[2]
    ${more}`;

  test.each<[string, string]>([
    ['other weights, the same bias', 'c = Conv(x, w, b)\nd = Conv(x, v, b)\ny = Relu(c)\nz = Relu(d)\n-> y, z'],
    ['two ReLUs of one value', 'c = Conv(x, w, b)\ny = Relu(c)\nz = Relu(c)\n-> y, z'],
    ['a ReLU and a ReLU6', 'c = Conv(x, w, b)\nd = Conv(c, w, b)\ny = Relu(d)\nz = Clip(c, l, h)\n-> y, z'],
    ['ReLUs of inputs', 'y = Relu(x)\ns = Sigmoid(x)\nz = Relu(s)\n-> y, z'],
    ['a bias of its own', 'e = float[2]\nc = Conv(x, w)\nd = Conv(y, w)\nf = Add(c, b)\ng = Add(d, e)\n-> f, g'],
  ])('%s', (_, text) => {
    const limits = 'l = float[] 0\nh = float[] 6\n';
    const graph = parseGraph(twoLayers(limits + text.replace('d = Conv(y, w)', 'y = Relu(x)\nd = Conv(y, w)')));
    expect(planOf(graph).sites.flatMap(({ tied }) => tied ?? [])).toEqual([]);
  });

  test('normalizations of their own behind shared weights', () => {
    const graph = parseGraph(
      twoLayers(`
        s = float[2]
        t = float[2]
        var = float[2]
        c = Conv(x, w)
        p = MaxPool(x) kernel_shape=[2,2]
        d = Conv(p, w)
        m = BatchNormalization(c, s, s, s, var)
        n = BatchNormalization(d, t, t, t, var)
        y = Relu(m)
        z = Relu(n)
        -> y, z`),
    );
    expect(planOf(graph).sites.flatMap(({ tied }) => tied ?? [])).toEqual([]);
  });
});

describe('what one call cannot have, none has', () => {
  const model = `
    x: float[2,2,5,5]
    w = float[2,2,1,1]
    b = float[2]
    c = Conv(x, w, b)
    y = Relu(c)
    p = MaxPool(y) kernel_shape=[2,2]
    d = Conv(p, w, b)
    z = Relu(d)
    -> z, d`;

  test('a shift', async () => {
    const graph = parseGraph(model);
    const plan = planOf(graph, { granularity: 'channel' });
    expect(plan.sites.map(({ shift, granularity }) => [shift, granularity])).toEqual([
      [null, 'channel'],
      [null, 'channel'],
    ]);
    expect(plan.sites[0]?.reason).toContain("no shift: 'z', behind the same weights, cannot have one");
    expect(plan.sites[1]?.tied).toBe('y');
    const parameters = ['y', 'z'].map((id) => ({ id, shift: new Float32Array(), offset: Float32Array.of(0.5, -0.5) }));
    expectClose(await run(bakeParameters(graph, plan, parameters)), await run(literal(graph, plan, parameters)), 1e-5);
  });

  test('a site that is left out is no call', () => {
    const plan = planOf(parseGraph(model), { exclude: ['z'] });
    expect(plan.sites.map(({ status, shift, tied }) => [status, shift?.into ?? null, tied])).toEqual([
      ['migrate', 'b', undefined],
      ['skip', null, undefined],
    ]);
  });

  test('a layer that calls itself: its steps have one FReLU, weights behind a Transpose of each call', () => {
    const graph = parseGraph(`
      x: float[2,3]
      u = float[3,3]
      b = float[3]
      t1 = Transpose(u) perm=[1,0]
      m1 = MatMul(x, t1)
      a1 = Add(m1, b)
      h1 = Relu(a1)
      t2 = Transpose(u) perm=[1,0]
      m2 = MatMul(h1, t2)
      a2 = Add(m2, b)
      h2 = Relu(a2)
      -> h2`);
    expect(ties(planOf(graph))).toEqual({ h1: null, h2: 'h1' });
  });
});
