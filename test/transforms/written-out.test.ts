import { describe, expect, test } from 'vitest';
import { defaultPlanOptions, type Form, type Granularity, type PlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan } from '../../src/model/plan.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { expectClose, literal, parametric, randomParameters, run } from './compare.js';
import { parseGraph } from './notation.js';

const network = (lines: string, more = '') =>
  parseGraph(`
    opset 18
    x: float[N,3]
    w = float[3,4]
    b = float[4]
    k = float[4,2]
    kb = float[2]
    zero = float[] 0
    one = float[] 1
    half = float[] 0.5
    two = float[] 2
    whole = int64[] 0
    zeros = float[1,4] 0
    h = Gemm(x, w, b)
    ${lines.replaceAll('; ', '\n')}
    z = Gemm(y, k, kb)
    ${more}
    -> z`);

/** relu(h) as y, in many ways. */
const forms: readonly string[] = [
  'c = Greater(h, zero); y = Where(c, h, zero)',
  'c = Less(h, zero); y = Where(c, zero, h)',
  'c = GreaterOrEqual(zero, h); y = Where(c, zero, h)',
  'l = LessOrEqual(h, zero); c = Not(l); y = Where(c, h, zero)',
  'c = Greater(h, zero); m = Cast(c) to=1; y = Mul(h, m)',
  'c = Less(zero, h); m = Cast(c) to=1; y = Mul(m, h)',
  'c = Greater(h, zero); m = CastLike(c, h); y = Mul(h, m)',
  'l = Less(h, zero); c = Not(l); m = Cast(c) to=1; y = Mul(m, h)',
  'c = Greater(h, zero); m = Where(c, one, zero); y = Mul(h, m)',
  'c = Less(h, zero); m = Where(c, zero, one); y = Mul(h, m)',
  'a = Abs(h); s = Add(h, a); y = Mul(s, half)',
  'a = Abs(h); s = Add(a, h); y = Mul(half, s)',
  'a = Abs(h); s = Add(h, a); y = Div(s, two)',
  'a = Abs(h); p = Mul(half, a); q = Div(h, two); y = Add(p, q)',
  'm = Min(h, zero); y = Sub(h, m)',
  'n = Neg(h); m = Min(zero, n); y = Neg(m)',
  'o = Cast(whole) to=1; y = Max(h, o)',
  'o = CastLike(whole, h); y = Max(o, h)',
  's = Shape(h); o = ConstantOfShape(s); y = Max(h, o)',
  's = Shape(h) start=0; o = Expand(zero, s); y = Max(o, h)',
  's = Shape(h); q = CastLike(whole, h); o = Expand(q, s); y = Max(o, h)',
  'c = Less(h, zero); m = Cast(c) to=9; y = Where(m, zero, h)',
  's = Shape(h); o = ConstantOfShape(s); c = Greater(h, o); y = Where(c, h, o)',
  'd = int64[2] 1 1; o = ConstantOfShape(d); y = Max(h, o)',
  'd = int64[2] 1 1; o = Reshape(zero, d); y = Max(h, o)',
  'o = Cast(whole) to=1; y = Clip(h, o)',
  'big = float[] 3.4028235e38; y = Clip(h, zero, big)',
  'inf = float[] Infinity; y = Clip(h, zero, inf)',
  'y = LeakyRelu(h) alpha=0e0',
  'y = ThresholdedRelu(h) alpha=0e0',
  'y = Elu(h) alpha=0e0',
];

const choices: readonly (readonly [Form, Granularity])[] = [
  ['folded', 'layer'],
  ['folded', 'channel'],
  ['fused', 'layer'],
  ['fused', 'channel'],
  ['explicit', 'layer'],
];

/** Rewritten in both ways, a graph computes FReLU; with no shift and no offset, what it computed. */
async function expectExact(graph: Graph, plan: MigrationPlan): Promise<void> {
  const parameters = randomParameters(plan);
  const none = parameters.map(({ id, shift, offset }) => ({
    id,
    shift: shift.map(() => 0),
    offset: offset.map(() => 0),
  }));
  expectClose(await run(parametric(graph, plan, none)), await run(graph), 1e-6);
  const expected = await run(literal(graph, plan, parameters));
  const trained = parametric(graph, plan, parameters);
  expectClose(await run(trained), expected, 1e-5);
  expectClose(await run(bakeParameters(graph, plan, parameters)), expected, 1e-5);
}

describe('a ReLU that is written out', () => {
  test.each(forms)('%s', async (lines) => {
    const graph = network(lines);
    for (const [form, granularity] of choices) {
      const options: PlanOptions = { ...defaultPlanOptions, form, granularity };
      const plan = planMigration(graph, options);
      expect(plan.sites.map((site) => [site.kind, site.form, site.shift?.into])).toEqual([['relu', form, 'b']]);
      await expectExact(graph, plan);
    }
  });

  test.each([
    ['a cap behind it', 'six = float[] 6; c = Greater(h, zero); m = Cast(c) to=1; r = Mul(h, m); y = Min(r, six)'],
    ['a cap before it', 'six = float[] 6; r = Min(h, six); c = Greater(r, zero); m = Cast(c) to=1; y = Mul(m, r)'],
  ])('relu6: %s', async (_, lines) => {
    const graph = network(lines);
    const plan = planMigration(graph, { ...defaultPlanOptions, form: 'fused' });
    expect(plan.sites.map((site) => [site.kind, site.form])).toEqual([['relu6', 'fused']]);
    await expectExact(graph, plan);
  });

  test.each([
    ['the condition', 'c = Greater(h, zero); y = Where(c, h, zero)', 'u = Where(c, one, two)\nz2 = Mul(u, u)\n'],
    ['the mask', 'c = Greater(h, zero); m = Cast(c) to=1; y = Mul(h, m)', 'z2 = Mul(m, two)\n'],
    ['the magnitude', 'a = Abs(h); s = Add(h, a); y = Mul(s, half)', 'z2 = Add(a, one)\n'],
    ['the zeros', 's = Shape(h); o = ConstantOfShape(s); y = Max(h, o)', 'z2 = Add(o, one)\n'],
  ])('%s that something else reads keeps the shift out', async (_, lines, more) => {
    const graph = network(lines, `${more}t = ReduceSum(z2) keepdims=0\nout = Add(z, t)`);
    graph.proto.output.splice(0, 1, ...network(lines).proto.output);
    for (const output of graph.proto.output) output.name = 'out';
    for (const form of ['folded', 'explicit'] as const) {
      const plan = planMigration(graph, { ...defaultPlanOptions, form });
      expect(plan.sites.map((site) => [site.kind, site.form, site.shift])).toEqual([['relu', form, null]]);
      await expectExact(graph, plan);
    }
  });

  test('several readers of what it gives', async () => {
    const graph = network(
      'c = Greater(h, zero); y = Where(c, h, zero)',
      'v = Mul(y, y)\nq = Gemm(v, k)\nout = Add(z, q)',
    );
    const plan = planMigration(graph, defaultPlanOptions);
    expect(plan.sites.map((site) => [site.kind, site.shift?.into])).toEqual([['relu', 'b']]);
    await expectExact(graph, plan);
  });
});

describe('what is none, or stays', () => {
  const told = (lines: string) =>
    planMigration(network(lines), defaultPlanOptions).sites.map(({ status, reason }) =>
      status === 'skip' ? reason : status,
    );

  test.each([
    ['a mask of another value', 'v = Neg(h); c = Greater(v, zero); m = Cast(c) to=1; y = Mul(h, m)'],
    ['what is below zero', 'c = Less(h, zero); m = Cast(c) to=1; y = Mul(h, m)'],
    ['another threshold', 'c = Greater(h, half); y = Where(c, h, zero)'],
    ['a choice of one', 'c = Greater(h, zero); y = Where(c, h, one)'],
    ['the sum with the magnitude', 'a = Abs(h); s = Add(h, a); y = Mul(s, two)'],
    ['the magnitude of another value', 'v = Mul(h, two); a = Abs(v); s = Add(h, a); y = Mul(s, half)'],
    ['a difference to a positive minimum', 'm = Min(h, one); y = Sub(h, m)'],
    ['an Elu', 'y = Elu(h)'],
  ])('%s', (_, lines) => {
    expect(told(lines)).toEqual([]);
  });

  test('the largest of several values and 0', () => {
    expect(told('v = Neg(h); y = Max(h, v, zero)')).toEqual([expect.stringMatching(/^the largest of several values/)]);
  });

  test('a floor of zeros that may make the value larger', () => {
    expect(told('y = Max(h, zeros)')).toEqual([expect.stringMatching(/^'zeros' may be larger than 'h'/)]);
    expect(told('s = Shape(x); o = ConstantOfShape(s); y = Max(h, o)')).toEqual([
      expect.stringMatching(/^'o' may be larger/),
    ]);
    expect(told('s = Shape(h) end=1; o = ConstantOfShape(s); y = Max(h, o)')).toEqual([
      expect.stringMatching(/^'o' may be larger/),
    ]);
  });

  test('a PReLU whose slopes are 0 behind a Reshape', () => {
    expect(told('d = int64[2] 1 4; s = float[4] 0; t = Reshape(s, d); y = PRelu(h, t)')).toEqual([
      expect.stringMatching(/^a PReLU/),
    ]);
  });
});
