import { expect, test } from 'vitest';
import { defaultPlanOptions, type Form } from '../../src/contract/settings.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { expectClose, literal, randomParameters, run } from './compare.js';
import { parseGraph } from './notation.js';

/*
 * A MatMul has its channels on the last axis, whatever the rank. What follows may have them at axis 1, and as many of them: each
 * parameter must still fall where its site has it.
 */
const behind: Readonly<Record<string, string>> = {
  'a normalization before the site': 'n = BatchNormalization(h, s, s, m, var)\ny = Relu(n)\nz = Conv(y, v)',
  'a pool before it': 'p = MaxPool(h) kernel_shape=[2,2]\ny = Relu(p)\nz = Conv(y, v)',
  'a pool behind it': 'y = Relu(h)\np = MaxPool(y) kernel_shape=[2,2]\nq = MatMul(p, o)\nz = Add(q, e)',
  'an average behind it': 'y = Relu(h)\np = AveragePool(y) kernel_shape=[2,2]\nq = MatMul(p, o)\nz = Add(q, e)',
  'a Pad behind it': 'y = Relu(h)\np = Pad(y, pads) mode=edge\nq = MatMul(p, i)\nz = Add(q, e)',
  'a normalization behind it': 'y = Relu(h)\nz = BatchNormalization(y, s, s, m, var)',
};

test.each(Object.entries(behind))('channels on the last axis, %s', async (_, text) => {
  const graph = parseGraph(`
    x: float[2,2,5,4]
    w = float[4,2]
    b = float[2]
    s = float[2]
    m = float[2]
    var = float[2]
    v = float[3,2,1,1]
    o = float[1,3]
    i = float[3,3]
    e = float[3]
    pads = int64[8] 0 0 0 0 0 0 0 1
    g = MatMul(x, w)
    h = Add(g, b)
    ${text.replaceAll('\n', '\n    ')}
    -> z`);
  for (const form of ['auto', 'folded', 'fused', 'explicit'] satisfies (Form | 'auto')[]) {
    const plan = planMigration(graph, { ...defaultPlanOptions, form, granularity: 'channel' });
    const parameters = randomParameters(plan);
    expect(plan.summary.migrate).toBe(1);
    expectClose(await run(bakeParameters(graph, plan, parameters)), await run(literal(graph, plan, parameters)), 1e-5);
  }
});
