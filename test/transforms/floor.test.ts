import { describe, expect, test } from 'vitest';
import { defaultPlanOptions, type Form, type PlanOptions } from '../../src/contract/settings.js';
import { padsBeforeMaxPool, withZerosKept } from '../../src/model/pad-before-max.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { expectClose, migrated, parametric, run } from './compare.js';
import { parseGraph } from './notation.js';

/*
 * With padding 'floor' a zero-padded reader of a FReLU pads with its offset. What that means is written out by hand in
 * `meaning`: an Add of the offset, and a Pad with it, where the model pads with zeros. Offsets are -1 (and -0.25 for a
 * second site), shifts 0.5.
 */
const cases: Readonly<Record<string, { readonly model: string; readonly meaning: string }>> = {
  'a padded Conv': {
    model: `
      x: float[N,2,5,5]
      u = float[3,2,1,1]
      d = float[3]
      w = float[2,3,3,3]
      c = Conv(x, u, d)
      y = Relu(c)
      z = Conv(y, w) pads=[1,1,0,2] strides=[2,1]
      -> z`,
    meaning: `
      x: float[N,2,5,5]
      u = float[3,2,1,1]
      d = float[3]
      w = float[2,3,3,3]
      a = float[] 0.5
      b = float[] -1
      pads = int64[8] 0 0 1 1 0 0 0 2
      c = Conv(x, u, d)
      s = Add(c, a)
      r = Relu(s)
      y = Add(r, b)
      p = Pad(y, pads, b)
      z = Conv(p, w) strides=[2,1]
      -> z`,
  },
  'a depthwise Conv behind a pool, with a bias': {
    model: `
      x: float[N,2,6,6]
      w = float[2,1,3,3]
      e = float[2]
      y = Relu(x)
      m = MaxPool(y) kernel_shape=[2,2] strides=[2,2]
      z = Conv(m, w, e) pads=[1,1,1,1] group=2
      -> z`,
    meaning: `
      x: float[N,2,6,6]
      w = float[2,1,3,3]
      e = float[2]
      b = float[] -1
      pads = int64[8] 0 0 1 1 0 0 1 1
      r = Relu(x)
      y = Add(r, b)
      m = MaxPool(y) kernel_shape=[2,2] strides=[2,2]
      p = Pad(m, pads, b)
      z = Conv(p, w, e) group=2
      -> z`,
  },
  'an average that counts its padding': {
    model: `
      x: float[N,2,4,4]
      w = float[2,2,1,1]
      y = Relu(x)
      m = AveragePool(y) kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1
      z = Conv(m, w)
      -> z`,
    meaning: `
      x: float[N,2,4,4]
      w = float[2,2,1,1]
      b = float[] -1
      pads = int64[8] 0 0 1 1 0 0 1 1
      r = Relu(x)
      y = Add(r, b)
      p = Pad(y, pads, b)
      m = AveragePool(p) kernel_shape=[3,3]
      z = Conv(m, w)
      -> z`,
  },
  'a Pad before a Conv': {
    model: `
      x: float[N,2,4,4]
      w = float[2,2,3,3]
      pads = int64[8] 0 0 0 0 0 0 1 1
      y = Relu(x)
      p = Pad(y, pads)
      z = Conv(p, w)
      -> z`,
    meaning: `
      x: float[N,2,4,4]
      w = float[2,2,3,3]
      b = float[] -1
      pads = int64[8] 0 0 0 0 0 0 1 1
      r = Relu(x)
      y = Add(r, b)
      p = Pad(y, pads, b)
      z = Conv(p, w)
      -> z`,
  },
  'the sum of two sites: their offsets add up': {
    model: `
      x: float[N,2,5,5]
      w = float[2,2,3,3]
      y = Relu(x)
      n = Tanh(x)
      v = Relu(n) name=second
      t = Add(y, v)
      z = Conv(t, w) pads=[1,1,1,1]
      -> z`,
    meaning: `
      x: float[N,2,5,5]
      w = float[2,2,3,3]
      b = float[] -1
      b2 = float[] -0.25
      both = float[] -1.25
      pads = int64[8] 0 0 1 1 0 0 1 1
      r = Relu(x)
      y = Add(r, b)
      n = Tanh(x)
      q = Relu(n)
      v = Add(q, b2)
      t = Add(y, v)
      p = Pad(t, pads, both)
      z = Conv(p, w)
      -> z`,
  },
  'a range of channels after a Concat': {
    model: `
      x: float[N,2,5,5]
      w = float[1,4,3,3]
      y = Relu(x)
      s = Sigmoid(x)
      t = Concat(s, y) axis=1
      z = Conv(t, w) pads=[1,1,1,1]
      -> z`,
    meaning: `
      x: float[N,2,5,5]
      w = float[1,4,3,3]
      b = float[] -1
      pads = int64[8] 0 0 1 1 0 0 1 1
      r = Relu(x)
      y = Add(r, b)
      s = Sigmoid(x)
      p = Pad(y, pads, b)
      o = Pad(s, pads)
      t = Concat(o, p) axis=1
      z = Conv(t, w)
      -> z`,
  },
};

describe('zeros before a maximum', () => {
  const model = `
    x: float[N,2,5,5]
    u = float[3,2,1,1]
    d = float[3]
    w = float[2,3,1,1]
    pads = int64[8] 0 0 1 1 0 0 1 1
    c = Conv(x, u, d)
    y = Relu(c)
    p = Pad(y, pads)
    m = MaxPool(p) kernel_shape=[3,3] strides=[2,2]
    z = Conv(m, w)
    -> z`;
  const meaning = `
    x: float[N,2,5,5]
    u = float[3,2,1,1]
    d = float[3]
    w = float[2,3,1,1]
    a = float[] 0.5
    b = float[] -1
    pads = int64[8] 0 0 1 1 0 0 1 1
    c = Conv(x, u, d)
    s = Add(c, a)
    r = Relu(s)
    y = Add(r, b)
    p = Pad(y, pads, b)
    m = MaxPool(p) kernel_shape=[3,3] strides=[2,2]
    z = Conv(m, w)
    -> z`;
  const graph = parseGraph(model);

  test.each(['folded', 'fused', 'explicit'] as const)('stand for the offset with padding floor, %s', async (form) => {
    const plan = planMigration(graph, { ...defaultPlanOptions, form, padding: 'floor' });
    expect(plan.sites.map((site) => site.form)).toEqual([form]);
    const parameters = [{ id: 'y', shift: Float32Array.of(0.5), offset: Float32Array.of(-1) }];
    const expected = await run(parseGraph(meaning));
    expectClose(await run(bakeParameters(graph, plan, parameters)), expected, 1e-5);
    expectClose(await run(parametric(graph, plan, parameters)), expected, 1e-5);
    expectClose(await run(bakeParameters(graph, plan, [])), await run(graph), 1e-6);
  });

  test.each(['folded', 'fused', 'explicit'] as const)('are zeros with padding zero, %s', async (form) => {
    const plan = planMigration(graph, { ...defaultPlanOptions, form });
    expect(plan.sites[0]?.form).toBe(form === 'folded' ? 'fused' : form);
    expect(plan.sites[0]?.reason ?? '').toContain(form === 'folded' ? "Pad 'p' reads zeros around its input" : '');
    const parameters = [{ id: 'y', shift: Float32Array.of(0.5), offset: Float32Array.of(-1) }];
    // a zero that no runtime takes for minus infinity
    const zeros = parseGraph(meaning.replace('p = Pad(y, pads, b)', 'o = float[] 1.2e-38\np = Pad(y, pads, o)'));
    const baked = withZerosKept(bakeParameters(graph, plan, parameters), graph, plan);
    // nothing is left that would be run without a runtime's usual fusions
    expect(padsBeforeMaxPool(baked.model)).toEqual([]);
    expectClose(await run(baked), await run(zeros), 1e-5);
    const trained = withZerosKept(parametric(graph, plan, parameters), graph, plan);
    expectClose(await run(trained), await run(zeros), 1e-5);
    expect(planMigration(baked, { ...defaultPlanOptions, form }).sites[0]?.reason).toContain('already FReLU');
  });

  test('stay zeros where something else reads them', () => {
    const both = parseGraph(model.replace('-> z', 'q = Sigmoid(p)\n-> z, q'));
    expect(planMigration(both, defaultPlanOptions).sites[0]?.reason).toContain("Pad 'p' reads zeros around its input");
  });
});

const forms: readonly Form[] = ['folded', 'fused', 'explicit'];

describe.each(Object.keys(cases))('%s', (name) => {
  const { model = '', meaning = '' } = cases[name] ?? {};
  const graph = parseGraph(model);
  const expected = parseGraph(meaning);

  test.each(forms)('%s', async (form) => {
    const options: PlanOptions = { ...defaultPlanOptions, form, padding: 'floor' };
    const plan = planMigration(graph, options);
    const parameters = migrated(plan).map(({ id, shift }) => ({
      id,
      shift: Float32Array.from(shift === null ? [] : [0.5]),
      offset: Float32Array.of(id === 'second' ? -0.25 : -1),
    }));
    const after = await run(expected);
    expectClose(await run(bakeParameters(graph, plan, parameters)), after, 1e-5);
    expectClose(await run(parametric(graph, plan, parameters)), after, 1e-5);
    expectClose(await run(bakeParameters(graph, plan, [])), await run(graph), 1e-6);
    if (form === 'folded') expect(plan.sites.map((site) => site.form)).not.toContain('explicit');
  });
});
