import { describe, expect, test } from 'vitest';
import type { Form, Granularity, Padding, PlanOptions } from '../../src/contract/settings.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { expectClose, literal, migrated, parametric, randomParameters, run } from './compare.js';
import { parseGraph } from './notation.js';

/** Small networks of the kinds that people have, in operators that op sets 7 to 21 share. */
const networks: Readonly<Record<string, string>> = {
  'a plain network': `
    x: float[2,1,8,8]
    w1 = float[4,1,3,3]
    b1 = float[4]
    w2 = float[6,4,3,3]
    b2 = float[6]
    w3 = float[5,24]
    b3 = float[5]
    w4 = float[3,5]
    b4 = float[3]
    c1 = Conv(x, w1, b1) pads=[1,1,1,1]
    r1 = Relu(c1)
    p1 = MaxPool(r1) kernel_shape=[2,2] strides=[2,2]
    c2 = Conv(p1, w2, b2) pads=[1,1,1,1]
    r2 = Relu(c2)
    p2 = MaxPool(r2) kernel_shape=[2,2] strides=[2,2]
    f = Flatten(p2)
    d = Gemm(f, w3, b3) transB=1
    r3 = Relu(d)
    z = Gemm(r3, w4, b4) transB=1
    -> z`,
  'a residual network with BatchNormalization': `
    x: float[2,2,6,6]
    w1 = float[3,2,3,3]
    s1 = float[3]
    m1 = float[3]
    var1 = float[3]
    w2 = float[3,3,3,3]
    s2 = float[3]
    m2 = float[3]
    var2 = float[3]
    w3 = float[3,3,1,1]
    k = float[3,4]
    kb = float[4]
    c1 = Conv(x, w1) pads=[1,1,1,1]
    n1 = BatchNormalization(c1, s1, m1, m1, var1)
    r1 = Relu(n1)
    c2 = Conv(r1, w2) pads=[1,1,1,1]
    n2 = BatchNormalization(c2, s2, s2, m2, var2)
    a1 = Add(n2, r1)
    r2 = Relu(a1)
    c3 = Conv(r2, w3)
    a2 = Add(r2, c3)
    r3 = Relu(a2)
    g = GlobalAveragePool(r3)
    f = Flatten(g)
    z = Gemm(f, k, kb)
    -> z`,
  'pre-activation and dense concatenation': `
    x: float[2,2,5,5]
    s0 = float[2]
    m0 = float[2]
    var0 = float[2]
    w0 = float[3,2,3,3]
    s1 = float[5]
    m1 = float[5]
    var1 = float[5]
    w1 = float[2,5,1,1]
    w2 = float[2,5,1,1]
    n0 = BatchNormalization(x, s0, s0, m0, var0)
    r0 = Relu(n0)
    c0 = Conv(r0, w0) pads=[1,1,1,1]
    t0 = Concat(r0, c0) axis=1
    n1 = BatchNormalization(t0, s1, s1, m1, var1)
    r1 = Relu(n1)
    c1 = Conv(r1, w1)
    c2 = Conv(t0, w2)
    a = Sum(c1, c2)
    z = GlobalMaxPool(a)
    -> z`,
  'an inverted residual, depthwise': `
    x: float[2,2,6,6]
    w1 = float[4,2,1,1]
    b1 = float[4]
    w2 = float[4,1,3,3]
    w3 = float[2,4,1,1]
    b3 = float[2]
    c1 = Conv(x, w1, b1)
    r1 = Relu(c1)
    c2 = Conv(r1, w2) group=4 pads=[1,1,1,1]
    r2 = Relu(c2)
    c3 = Conv(r2, w3, b3)
    z = Add(x, c3)
    -> z`,
  'a perceptron of MatMul and Add, 1-D convolution before it': `
    x: float[2,2,9]
    w1 = float[3,2,3]
    w2 = float[21,4]
    b2 = float[4]
    w3 = float[4,2]
    b3 = float[2]
    c1 = Conv(x, w1)
    r1 = Relu(c1)
    f = Flatten(r1)
    m = MatMul(f, w2)
    h = Add(b2, m)
    r2 = Relu(h)
    n = MatMul(r2, w3)
    z = Add(n, b3)
    -> z`,
};

const forms: readonly Form[] = ['folded', 'fused', 'explicit'];
const paddings: readonly Padding[] = ['zero', 'floor'];
const granularities: readonly Granularity[] = ['layer', 'channel'];

describe.each(Object.keys(networks))('%s', (name) => {
  describe.each([7, 8, 9, 11, 13, 17, 21])('op set %i', (opset) => {
    const graph = parseGraph(`opset ${opset}\n${networks[name]}`);

    test.each(granularities)(
      'one offset per %s: all forms, written and trained, compute the same',
      async (granularity) => {
        for (const padding of paddings) {
          const plans = forms.map((form) => {
            const options: PlanOptions = { form, padding, granularity, include: [], exclude: [] };
            return planMigration(graph, options);
          });
          const [folded, , explicit] = plans;
          if (folded === undefined || explicit === undefined) throw new Error('there are three plans');
          expect(explicit.sites.every(({ form }) => form === 'explicit')).toBe(true);
          if (padding === 'floor') expect(migrated(folded).every(({ form }) => form === 'folded')).toBe(true);
          const parameters = randomParameters(explicit);
          const expected = await run(
            padding === 'zero' ? literal(graph, explicit, parameters) : bakeParameters(graph, explicit, parameters),
          );
          for (const plan of plans) {
            expectClose(await run(bakeParameters(graph, plan, parameters)), expected, 1e-5);
            expectClose(await run(parametric(graph, plan, parameters)), expected, 1e-5);
            expectClose(await run(bakeParameters(graph, plan, [])), await run(graph), 1e-6);
          }
        }
      },
    );
  });
});
