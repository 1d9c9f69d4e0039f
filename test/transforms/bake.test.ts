import { describe, expect, test } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import { readFloats } from '../../src/model/tensor.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { readMark } from '../../transforms/rewrite/mark.js';
import { parseGraph, printGraph } from './notation.js';

const graph = () =>
  parseGraph(`
    x: float[N,2]
    w = float[2,2] 1
    b = float[2] 10 20
    v = float[2,1] 1 2
    c = float[1] 5
    h = Gemm(x, w, b)
    y = Relu(h) name=act
    z = Gemm(y, v, c)
    -> z`);

function valuesOf(baked: Graph, name: string): Float32Array | undefined {
  const tensor = baked.initializer(name);
  return tensor && readFloats(tensor);
}

describe('bakeParameters', () => {
  test('offsets meet the trained weights, not those that were', () => {
    const model = graph();
    const plan = planMigration(model, defaultPlanOptions);
    const trained = new Map([['v', Float32Array.of(3, 4)]]);
    const baked = bakeParameters(
      model,
      plan,
      [{ id: 'act', shift: Float32Array.of(0), offset: Float32Array.of(-1) }],
      trained,
    );
    expect(valuesOf(baked, 'v')).toEqual(Float32Array.of(3, 4));
    expect(valuesOf(baked, 'c')).toEqual(Float32Array.of(5 - 7));
    expect(printGraph(model)).toBe(printGraph(graph()));
  });

  test('an initializer that does not change keeps its bytes', () => {
    const model = graph();
    const same = new Map([['w', Float32Array.of(1, 1, 1, 1)]]);
    const baked = bakeParameters(model, planMigration(model, defaultPlanOptions), [], same);
    for (const tensor of model.proto.initializer) {
      expect(baked.initializer(tensor.name)?.rawData).toBe(tensor.rawData);
    }
  });

  test('the file says which sites are FReLU, and keeps on saying it', () => {
    const model = parseGraph('x: float[N,2]\na = Relu(x)\nb = Sigmoid(a)\nc = Relu(b)\n-> c');
    const first = bakeParameters(model, planMigration(model, { ...defaultPlanOptions, include: ['a'] }), []);
    expect(readMark(first.model)).toEqual([{ id: 'a', kind: 'relu', form: 'explicit', granularity: 'layer' }]);
    const plan = planMigration(first, defaultPlanOptions);
    expect(plan.sites.map(({ id, status }) => `${id}: ${status}`)).toEqual(['a: skip', 'c: migrate']);
    const second = bakeParameters(first, plan, []);
    expect(readMark(second.model).map(({ id }) => id)).toEqual(['a', 'c']);
  });

  test('a plan without sites changes weights only, and marks nothing', () => {
    const model = graph();
    const plan = planMigration(model, { ...defaultPlanOptions, exclude: ['*'] });
    const baked = bakeParameters(model, plan, [], new Map([['c', Float32Array.of(7)]]));
    expect(printGraph(baked)).toBe(printGraph(model).replace('c = float[1] 5', 'c = float[1] 7'));
    expect(readMark(baked.model)).toEqual([]);
  });

  test('refuses weights and parameters of the wrong size, and names that the model does not have', () => {
    const model = graph();
    const plan = planMigration(model, defaultPlanOptions);
    const two = { id: 'act', shift: Float32Array.of(0), offset: Float32Array.of(1, 2) };
    expect(() => bakeParameters(model, plan, [two])).toThrow("site 'act': its offset has 2 values, not 1");
    expect(() => bakeParameters(model, plan, [], new Map([['c', new Float32Array(2)]]))).toThrow("'c' has 1 elements");
    expect(() => bakeParameters(model, plan, [], new Map([['q', new Float32Array(2)]]))).toThrow("does not have: 'q'");
  });
});
