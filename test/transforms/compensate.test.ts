import { describe, expect, it } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan } from '../../src/model/plan.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { type Compensation, compensate } from '../../transforms/rewrite/compensate.js';
import { expectClose, literal, migrated, run } from './compare.js';
import { parseGraph } from './notation.js';

const start = -0.398;

/** A network with every offset at the start, and what it computes as it came, with FReLU, and with its constants compensated. */
async function begun(notation: string): Promise<{
  readonly compensation: Compensation;
  readonly before: Float32Array;
  readonly plain: Float32Array;
  readonly compensated: Float32Array;
}> {
  const graph = parseGraph(notation);
  const plan = planMigration(graph, defaultPlanOptions);
  const compensation = compensate(graph, plan, start);
  const changed = bakeParameters(graph, { ...plan, sites: [] }, [], compensation.constants);
  return {
    compensation,
    before: await run(graph),
    plain: await run(atStart(graph, plan)),
    compensated: await run(atStart(changed, plan)),
  };
}

/** relu(x) + b at every site, nothing folded. */
function atStart(graph: Graph, plan: MigrationPlan): Graph {
  const parameters = migrated(plan).map(({ id }) => {
    return { id, shift: new Float32Array(), offset: Float32Array.of(start) };
  });
  return literal(graph, plan, parameters);
}

const distance = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? Number.NaN)), 0) / a.length;

describe('offsets that begin elsewhere than at 0', () => {
  it('are taken back by biases, running means and sums, so that the network computes what it computed', async () => {
    const { compensation, before, plain, compensated } = await begun(`
      x: float[N,3,8,8]
      w = float[4,3,3,3]
      b = float[4]
      v = float[4,4,1,1]
      g = float[4] 1.5
      be = float[4] 0.1
      m = float[4] 0.2
      s = float[4] 2
      k = float[5,4,3,3]
      kb = float[5]
      d = float[5,2]
      db = float[2]
      c = Conv(x, w, b)
      r = Relu(c) name=first
      o = Conv(r, v)
      n = BatchNormalization(r, g, be, m, s)
      a = Add(n, o)
      t = Relu(n) name=second
      q = Conv(t, k, kb)
      u = Relu(q) name=third
      p = GlobalAveragePool(u)
      f = Flatten(p)
      y = Gemm(f, d, db)
      -> y`);
    // the convolution without a bias has nothing to take it back with, and nothing on the way to y reads it
    expect(compensation.sites).toEqual({ whole: 2, borders: 0, rest: 1 });
    expect([...compensation.constants.keys()].sort()).toEqual(['db', 'kb', 'm']);
    expectClose(compensated, before, 1e-5);
    expect(distance(plain, before)).toBeGreaterThan(0.01);
  });

  it('leave what they change at the borders of a zero-padded reader, and less than uncompensated', async () => {
    const { compensation, before, plain, compensated } = await begun(`
      x: float[N,3,8,8]
      w = float[4,3,3,3]
      b = float[4]
      k = float[5,4,3,3]
      kb = float[5]
      c = Conv(x, w, b)
      r = Relu(c) name=only
      y = Conv(r, k, kb) pads=[1,1,1,1]
      -> y`);
    expect(compensation.sites).toEqual({ whole: 0, borders: 1, rest: 0 });
    // [2, 5, 6, 6]: inside, nothing has changed
    const inside = (values: Float32Array): Float32Array =>
      values.filter((_, i) => [i % 6, Math.floor(i / 6) % 6].every((at) => at > 0 && at < 5));
    expectClose(inside(compensated), inside(before), 1e-5);
    expect(distance(compensated, before)).toBeGreaterThan(1e-3);
    expect(distance(compensated, before)).toBeLessThan(distance(plain, before));
  });

  it('are not taken back by a bias that another layer reads too', async () => {
    const { compensation } = await begun(`
      x: float[N,4]
      w = float[4,4]
      b = float[4]
      v = float[4,4]
      h = Gemm(x, w, b)
      r = Relu(h) name=only
      y = Gemm(r, v, b)
      -> y`);
    expect(compensation.sites).toEqual({ whole: 0, borders: 0, rest: 1 });
    expect(compensation.constants.size).toBe(0);
  });
});
