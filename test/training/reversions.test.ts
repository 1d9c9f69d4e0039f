import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { readFloats } from '../../src/model/tensor.js';
import { compensated } from '../../src/training/initial-offset.js';
import { controlNetwork, type FreluNetwork, freluNetwork } from '../../src/training/networks.js';
import { reversionsTogether, revertAll } from '../../src/training/reversions.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { expectClose, run } from '../transforms/compare.js';
import { parseGraph } from '../transforms/notation.js';

/** `c2` pads with zeros, so that the offset before it stays in the tensor; those behind fold. */
const network = `
  x: float[N,3,6,6]
  w1 = float[4,3,3,3]
  b1 = float[4]
  w2 = float[4,4,3,3]
  b2 = float[4]
  w3 = float[4,5]
  b3 = float[5]
  w4 = float[5,2]
  b4 = float[2]
  c1 = Conv(x, w1, b1) name=c1
  r1 = Relu(c1) name=r1
  c2 = Conv(r1, w2, b2) pads=[1,1,1,1] name=c2
  r2 = Relu(c2) name=r2
  g = GlobalAveragePool(r2)
  f = Flatten(g)
  d3 = Gemm(f, w3, b3)
  r3 = Relu(d3) name=r3
  y = Gemm(r3, w4, b4)
  -> y`;

/** Both arms' networks, and values that a training might have left in each. */
function arms(options: Partial<PlanOptions> = {}) {
  const graph = parseGraph(network);
  const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
  const plan = planMigration(graph, { ...defaultPlanOptions, ...options });
  const control = controlNetwork(model, plan, 'all');
  const { parameters } = control.trainable;
  const frelu = freluNetwork(model, plan, 'all', parameters, 0);
  const random = createRandom(11);
  const trained = ({ trainable }: typeof control) =>
    new Map(
      trainable.parameters.map((name) => {
        const values = readFloats(present(trainable.graph.initializer(name), name));
        return [name, values.map((value) => value + 0.3 * random.normal())] as const;
      }),
    );
  const weights = trained(control);
  const sites = frelu.sites(new Map()).flatMap(({ shift, offset }) => [shift, offset]);
  const applied = new Map(
    [...frelu.trainable.graph.proto.initializer]
      .filter(({ name }) => graph.initializer(name) === undefined && /shift|offset/.test(name))
      .map((tensor) => [tensor.name, readFloats(tensor).map(() => 0.5 * random.normal())] as const),
  );
  expect(applied.size).toBe(sites.filter(({ length }) => length > 0).length);
  return { graph, plan, control, frelu, weights, parameters: new Map([...weights, ...applied]) };
}

const startOf = (graph: Graph, name: string): Float32Array => readFloats(present(graph.initializer(name), name));

/** What a network is with all of its sites taken back. */
const revertedBy = (network: FreluNetwork, trained: ReadonlyMap<string, Float32Array>): Graph =>
  network.bake(revertAll(network.reversions(trained), trained));

describe('a site that is taken back', () => {
  it.each([
    [{}],
    [{ form: 'explicit' }],
    [{ form: 'fused' }],
    [{ padding: 'floor' }],
    [{ granularity: 'channel' }],
    [{ granularity: 'channel', form: 'explicit' }],
  ] as const)('is a ReLU in what is written (%o): all of them, the network with its ReLUs', async (options) => {
    const { control, frelu, weights, parameters } = arms(options);
    const reversions = frelu.reversions(parameters);
    expect(reversions.map(({ sites }) => sites)).toEqual([['r1'], ['r2'], ['r3']]);
    const expected = await run(control.bake(weights));
    expect(
      Math.max(...(await run(frelu.bake(parameters))).map((value, i) => Math.abs(value - (expected[i] ?? 0)))),
    ).toBeGreaterThan(0.01);
    const [all] = reversionsTogether(reversions, 1);
    expectClose(await run(frelu.bake(present(all, 'a reversion').revert(parameters))), expected, 1e-5);
    // one alone is what a plan without it computes
    const without = arms({ ...options, exclude: ['r2'] }).frelu;
    const values = present(reversions[1], 'a reversion').revert(parameters);
    const reverted = await run(frelu.bake(values));
    const known = new Map([...parameters].filter(([name, trained]) => values.get(name) === trained));
    expectClose(reverted, await run(without.bake(known)), 1e-5);
  });

  it('is in the control arm the biases that it acts through, as they came', () => {
    const { graph, control, weights } = arms();
    const reversions = control.reversions(weights);
    expect(reversions.map(({ sites }) => sites)).toEqual([['r1'], ['r2'], ['r3']]);
    for (const [i, names] of [
      ['b1', 'b2'],
      ['b2', 'b3'],
      ['b3', 'b4'],
    ].entries()) {
      const reverted = reversions[i]?.revert(weights);
      for (const [name, values] of weights) {
        const came = readFloats(present(graph.initializer(name), name));
        expect(reverted?.get(name)).toEqual(names.includes(name) ? came : values);
      }
    }
  });

  it('that began with another b is a ReLU with nothing made up for behind it', async () => {
    const { graph, plan, control, weights } = arms();
    const { parameters } = control.trainable;
    const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
    const begun = compensated(freluNetwork(model, plan, 'all', parameters, 0.7), graph, plan, 0.7);
    const came = await run(graph);
    expectClose(await run(revertedBy(begun, new Map())), came, 1e-5);
    // training moved the constants as well: what it did to them stays
    const started = new Map([...weights].map(([name]) => [name, startOf(begun.trainable.graph, name)] as const));
    const moved = new Map([...started].map(([name, values]) => [name, values.map((value) => value + 0.1)] as const));
    const plain = new Map(
      [...weights].map(([name]) => [name, startOf(graph, name).map((value) => value + 0.1)] as const),
    );
    expectClose(await run(revertedBy(begun, moved)), await run(control.bake(plain)), 1e-5);
  });

  it('is none where training has changed nothing', () => {
    const { control, frelu, weights } = arms();
    expect(frelu.reversions(weights)).toEqual([]);
    expect(control.reversions(new Map())).toEqual([]);
  });
});

it('of many sites, neighbours are taken back together', () => {
  const site = (id: number) => ({
    sites: [`s${id}`],
    revert: (trained: ReadonlyMap<string, Float32Array>) => new Map([...trained, [`b${id}`, new Float32Array(1)]]),
  });
  const five = [0, 1, 2, 3, 4].map(site);
  const together = reversionsTogether(five, 2);
  expect(together.map(({ sites }) => sites)).toEqual([
    ['s0', 's1'],
    ['s2', 's3', 's4'],
  ]);
  expect([...(together[1]?.revert(new Map()).keys() ?? [])]).toEqual(['b2', 'b3', 'b4']);
  expect(reversionsTogether(five, 9).map(({ sites }) => sites)).toEqual(five.map(({ sites }) => sites));
});
