import { describe, expect, it } from 'vitest';
import { Emitter } from '../../src/autodiff/emitter.js';
import { stepMemory } from '../../src/autodiff/optimizer-kernels.js';
import {
  averageDecayAt,
  clipByNorm,
  coefficientShape,
  coefficients,
  stateRows,
  takeStep,
  writeStep,
} from '../../src/autodiff/optimizers.js';
import { present } from '../../src/contract/present.js';
import type { OptimizerSettings } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import { float32, runOnce, type Tensor } from '../../src/runtime/session.js';
import { valueInfo } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const floatsOf = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data ?? [], Number);

const start = [1, -2, 0.5];
/** The gradients of three steps. */
const gradients = [
  [0.1, -0.2, 3],
  [0.4, 0.3, -1],
  [-0.2, 0.1, 0.5],
];
const rates = [0.1, 0.05, 0.02];

/** The state's rows before the first step, the average as the last one where there is one. */
function rowsAtFirst(optimizer: OptimizerSettings, averaged: boolean): readonly number[][] {
  return Array.from({ length: stateRows(optimizer, averaged) }, (_, row, last = stateRows(optimizer, true) - 1) =>
    row === 0 || (averaged && row === last) ? start : start.map(() => 0),
  );
}

/** The state's rows after three steps, with the average as the last one where a decay of it is given. */
async function rowsAfter(optimizer: OptimizerSettings, decay: number | null): Promise<readonly number[][]> {
  const byNodes = await rowsByNodes(optimizer, decay);
  const inMemory = rowsAtFirst(optimizer, decay !== null).map((row) => Float32Array.from(row));
  for (const [i, gradient] of gradients.entries()) {
    const kept = decay && averageDecayAt(decay, i + 1);
    takeStep(optimizer, inMemory, Float32Array.from(gradient), coefficients(optimizer, rates[i] ?? 0, i + 1, kept));
  }
  const inWasm = rowsInWasm(optimizer, decay);
  for (const [i, row] of byNodes.entries()) {
    expectClose([...(inMemory[i] ?? [])], row);
    expectClose([...(inWasm[i] ?? [])], row);
  }
  return byNodes;
}

/** As the functions of WebAssembly compute them. */
function rowsInWasm(optimizer: OptimizerSettings, decay: number | null): readonly Float32Array[] {
  const memory = present(stepMemory(64), 'the memory');
  const place = (values: readonly number[], i: number): Float32Array => {
    const part = memory.floats.subarray(4 * i, 4 * i + 3);
    part.set(values);
    return part;
  };
  const rows = rowsAtFirst(optimizer, decay !== null).map(place);
  for (const [i, values] of gradients.entries()) {
    const kept = decay && averageDecayAt(decay, i + 1);
    const fed = coefficients(optimizer, rates[i] ?? 0, i + 1, kept);
    memory.takeStep(optimizer, rows, place(values, rows.length), fed);
  }
  return rows;
}

/** As the ONNX nodes compute them. */
async function rowsByNodes(optimizer: OptimizerSettings, decay: number | null): Promise<readonly number[][]> {
  const averaged = decay !== null;
  const rows = stateRows(optimizer, averaged);
  const shape = coefficientShape(optimizer, averaged);
  const graph = graphOf({ inputs: { s: [rows, 3], g: [3], c: shape }, nodes: [] });
  const emit = new Emitter(graph, 'optimizer');
  const next = writeStep(emit, { optimizer, rows, size: 3, averaged, input: 's', coefficients: 'c' }, ['g']);
  emit.flush();
  graph.proto.output = [valueInfo(next)];
  let state = rowsAtFirst(optimizer, averaged).flat();
  for (const [i, gradient] of gradients.entries()) {
    const results = await runOnce(graph.model, {
      s: float32(Float32Array.from(state), [rows, 3]),
      g: float32(Float32Array.from(gradient), [3]),
      c: float32(coefficients(optimizer, rates[i] ?? 0, i + 1, decay && averageDecayAt(decay, i + 1)), shape),
    });
    state = floatsOf(results[next]);
  }
  return Array.from({ length: rows }, (_, row) => state.slice(3 * row, 3 * row + 3));
}

/** The parameters after three steps. */
async function steps(optimizer: OptimizerSettings): Promise<readonly number[]> {
  const [parameters = []] = await rowsAfter(optimizer, null);
  return parameters;
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 5);
  });
}

describe('SGD', () => {
  it.each([
    { momentum: 0, nesterov: false, weightDecay: 0 },
    { momentum: 0.9, nesterov: false, weightDecay: 0.01 },
    { momentum: 0.9, nesterov: true, weightDecay: 0.01 },
  ])('does what torch.optim.SGD documents: %j', async ({ momentum, nesterov, weightDecay }) => {
    const expected = start.map((value, k) => {
      let p = value;
      let velocity = 0;
      for (const [i, gradient] of gradients.entries()) {
        const g = (gradient[k] ?? 0) + weightDecay * p;
        velocity = momentum * velocity + g;
        p -= (rates[i] ?? 0) * (nesterov ? g + momentum * velocity : velocity);
      }
      return p;
    });
    expectClose(await steps({ kind: 'sgd', momentum, nesterov, weightDecay }), expected);
  });
});

describe('AdamW', () => {
  it.each([0, 0.1])('does what torch.optim.AdamW documents, weight decay %d', async (weightDecay) => {
    const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
    const expected = start.map((value, k) => {
      let [p, m, v] = [value, 0, 0];
      for (const [i, gradient] of gradients.entries()) {
        const [g, rate] = [gradient[k] ?? 0, rates[i] ?? 0];
        p *= 1 - rate * weightDecay;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        p -= (rate * (m / (1 - beta1 ** (i + 1)))) / (Math.sqrt(v / (1 - beta2 ** (i + 1))) + epsilon);
      }
      return p;
    });
    expectClose(await steps({ kind: 'adamw', beta1, beta2, epsilon, weightDecay }), expected);
  });
});

it('of many numbers are the same in WebAssembly, and write nothing that lies behind them', () => {
  const optimizer = { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01 } as const;
  const count = 1001;
  const random = createRandom(7);
  const memory = present(stepMemory(4 * 1004), 'the memory');
  const rows = [0, 1, 2].map((i) => memory.floats.subarray(1004 * i, 1004 * i + count));
  for (const row of rows) for (let i = 0; i < count; i++) row[i] = random.normal();
  const [p, v, gradient = new Float32Array()] = rows.map((row) => row.slice());
  const fed = coefficients(optimizer, 0.1, 1);
  memory.floats[3 * 1004] = 5;
  takeStep(
    optimizer,
    [p, v].flatMap((row) => row ?? []),
    gradient,
    fed,
  );
  memory.takeStep(optimizer, rows.slice(0, 2), rows[2] ?? gradient, fed);
  for (const [i, row] of [p, v, gradient].entries()) {
    for (let k = 0; k < count; k++) expect(rows[i]?.[k]).toBeCloseTo(row?.[k] ?? Number.NaN, 5);
  }
  expect(memory.floats[3 * 1004]).toBe(5);
  memory.takeStep(optimizer, [], new Float32Array(), fed);
});

it('has no memory of more than WebAssembly has', () => {
  expect(stepMemory(2 ** 31)).toBeNull();
});

describe('the running average', () => {
  // PyTorch 2.13: torch.optim.swa_utils.AveragedModel, avg_fn = a + (1 - min(0.2, (1 + t) / (10 + t))) (p - a), updated once with the start
  it.each<[OptimizerSettings, readonly number[], readonly number[]]>([
    [
      { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01 },
      [0.934717, -1.980314, -0.144149],
      [0.936804, -1.979032, -0.129619],
    ],
    [
      { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 },
      [0.832927, -1.886326, 0.36416],
      [0.837354, -1.886411, 0.367574],
    ],
  ])('is that of PyTorch, beside the parameters: %j', async (optimizer, parameters, average) => {
    const rows = await rowsAfter(optimizer, 0.2);
    expectClose(rows[0] ?? [], parameters);
    expectClose(rows.at(-1) ?? [], average);
    expect(rows[0]).toEqual(await steps(optimizer));
  });

  it('gives the start no more weight than it must have, and is of float32, so that its weights are 1 together', () => {
    expect(averageDecayAt(0.999, 1)).toBe(Math.fround(2 / 11));
    expect(averageDecayAt(0.999, 1e6)).toBe(Math.fround(0.999));
    const settings = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;
    const row = coefficients(settings, 0, 1e6, averageDecayAt(0.999, 1e6)).subarray(8);
    expect([...row].reduce((sum, weight) => sum + weight)).toBe(1);
  });
});

describe('the limit of the gradient norm', () => {
  async function clipped(groups: readonly (readonly number[])[], limit: number): Promise<number[][]> {
    const inputs = Object.fromEntries(groups.map((group, i) => [`g${i}`, [1, group.length]]));
    const graph = graphOf({ inputs, nodes: [] });
    const emit = new Emitter(graph, 'clip');
    const names = clipByNorm(emit, Object.keys(inputs), limit);
    emit.flush();
    graph.proto.output = names.map((name) => valueInfo(name));
    const feeds = groups.map((group, i) => [`g${i}`, float32(Float32Array.from(group), [1, group.length])] as const);
    const results = await runOnce(graph.model, Object.fromEntries(feeds));
    return names.map((name) => floatsOf(results[name]));
  }

  it('is over all groups together', async () => {
    const [a, b] = await clipped([[3, 0], [4]], 1);
    expectClose(a ?? [], [0.6, 0]);
    expectClose(b ?? [], [0.8]);
  });

  it('leaves what is below it, and zeros', async () => {
    expect(await clipped([[3], [4]], 6)).toEqual([[3], [4]]);
    expect(await clipped([[0], [0]], 6)).toEqual([[0], [0]]);
  });

  it('has nothing to do where nothing is trained', () => {
    expect(clipByNorm(new Emitter(graphOf({ inputs: {}, nodes: [] }), 'clip'), [], 1)).toEqual([]);
  });
});
