import { describe, expect, it } from 'vitest';
import { parametersIn } from '../../src/autodiff/step.js';
import type { OptimizerSettings } from '../../src/contract/settings.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import type { Model } from '../../src/model/model.js';
import { floatTensor, int64Tensor, readFloats } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { controlNetwork, freluNetwork } from '../../src/training/networks.js';
import { prepareStep, type StepSettings, type Trainable } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf, type SmallModel } from '../autodiff/lower/model.js';

const [batch, steps, columns] = [8, 12, 2];
const sgd: OptimizerSettings = { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3 };
const adamw: OptimizerSettings = { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/** Numbers that are the same at every call, by the seed. */
function drawn(seed: number, count: number, factor = 1): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => factor * random.normal());
}

/** A last layer written in different ways, from h [N, 4] to y [N, 2]; what it learns is `units` times as large. */
type HeadWriter = (units: readonly number[]) => Pick<SmallModel, 'nodes' | 'constants'>;

const [u, v] = [0, 1];
const perColumn = (seed: number, rows: number, units: readonly number[]) =>
  drawn(seed, rows * columns).map((value, i) => value * (units[i % columns] ?? 1));
const perRow = (seed: number, inner: number, units: readonly number[]) =>
  drawn(seed, columns * inner).map((value, i) => value * (units[Math.floor(i / inner)] ?? 1));

const heads: Record<string, HeadWriter> = {
  'Gemm, its weights transposed': (units) => ({
    constants: [floatTensor('W', [columns, 4], perRow(u, 4, units)), floatTensor('b', [columns], perRow(v, 1, units))],
    nodes: [node('Gemm', ['h', 'W', 'b'], ['y'], { transB: { int: 1 } })],
  }),
  'MatMul and Add': (units) => ({
    constants: [
      floatTensor('W', [4, columns], perColumn(u, 4, units)),
      floatTensor('b', [columns], perRow(v, 1, units)),
    ],
    nodes: [node('MatMul', ['h', 'W'], ['m']), node('Add', ['m', 'b'], ['s']), node('Identity', ['s'], ['y'])],
  }),
  'MatMul by a transposed matrix, without a bias': (units) => ({
    constants: [floatTensor('W', [columns, 4], perRow(u, 4, units))],
    nodes: [node('Transpose', ['W'], ['T']), node('MatMul', ['h', 'T'], ['y'])],
  }),
  'a convolution of one pixel': (units) => ({
    constants: [
      floatTensor('W', [columns, 4, 1, 1], perRow(u, 4, units)),
      floatTensor('b', [columns], perRow(v, 1, units)),
      int64Tensor('pixels', [4], [0, 0, 1, 1]),
    ],
    nodes: [
      node('Reshape', ['h', 'pixels'], ['p']),
      node('Conv', ['p', 'W', 'b'], ['c']),
      node('Flatten', ['c'], ['y']),
    ],
  }),
};
// [N, 4] to [N, 4, 1, 1]
const pixelsTarget = int64Tensor('pixels', [4], [0, 4, 1, 1]);

function networkOf(head: HeadWriter, units: readonly number[]): Graph {
  const { nodes, constants = [] } = head(units);
  return graphOf({
    inputs: { x: [-1, 3] },
    constants: [
      floatTensor('w', [3, 4], drawn(5, 12)),
      floatTensor('a', [4], drawn(6, 4)),
      ...constants.map((tensor) => (tensor.name === 'pixels' ? pixelsTarget : tensor)),
    ],
    nodes: [node('MatMul', ['x', 'w'], ['k']), node('Add', ['k', 'a'], ['l']), node('Relu', ['l'], ['h']), ...nodes],
  });
}

/** The losses of a few steps, and the parameters after them. */
async function train(
  trainable: Trainable,
  units: readonly number[],
  optimizer: OptimizerSettings,
  settings: Partial<StepSettings>,
) {
  const stepper = new Stepper(
    (size) =>
      prepareStep(trainable, size, {
        provider: 'cpu',
        loss: 'mse',
        optimizer,
        batchNorm: 'frozen',
        clipNorm: 1,
        sampleShapes: { x: [3] },
        ...settings,
      }),
    trainable.graph,
  );
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const inputs = { x: float32(Float32Array.from(drawn(100 + i, batch * 3)), [batch, 3]) };
    const width = units.length;
    const targets = Float32Array.from(drawn(200 + i, batch * width).map((value, j) => value * (units[j % width] ?? 1)));
    losses.push(await stepper.run({ inputs, targets, count: batch }, { weights: 0.05, sites: 0.05 }));
  }
  return { losses, parameters: parametersIn((await stepper.step(batch)).groups, await stepper.read()) };
}

function expectSameCurve(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((loss, i) => {
    expect(Math.abs(loss / (expected[i] ?? Number.NaN) - 1), `step ${i}: ${loss} and ${expected[i]}`).toBeLessThan(
      1e-4,
    );
  });
}

describe('a regression trains alike whatever unit its targets are given in', () => {
  const control = (graph: Graph): Trainable => {
    const model: Model = { format: 'onnx', path: 'small.onnx', files: [], graph };
    return controlNetwork(model, planMigration(graph, defaultPlanOptions), 'all').trainable;
  };
  const frelu = (graph: Graph): Trainable => {
    const model: Model = { format: 'onnx', path: 'small.onnx', files: [], graph };
    const plan = planMigration(graph, defaultPlanOptions);
    expect(plan.summary.migrate).toBe(1);
    return freluNetwork(model, plan, 'all', control(graph).parameters, -0.1).trainable;
  };

  describe.each(Object.entries(heads))('%s', (_, head) => {
    it.each([
      ['SGD, targets times 100', sgd, [100, 100]],
      ['SGD, targets times 10 000', sgd, [10_000, 10_000]],
      ['SGD, a unit per column', sgd, [100, 0.01]],
      ['AdamW, targets times 100', adamw, [100, 100]],
    ] as const)('%s', async (__, optimizer, units) => {
      const once = await train(control(networkOf(head, [1, 1])), [1, 1], optimizer, { targetScale: [1.1, 0.9] });
      const scale = [1.1 * units[0], 0.9 * units[1]];
      const other = await train(control(networkOf(head, units)), units, optimizer, { targetScale: scale });
      expectSameCurve(other.losses, once.losses);
      // what comes back is in the model's own units
      const [own, others] = [once, other].map(({ parameters }) => parameters.get('W'));
      const sums = [own, others].map((values) => Math.hypot(...(values ?? [])));
      if (units[0] === units[1]) expect((sums[1] ?? 0) / (sums[0] ?? 1) / units[0]).toBeCloseTo(1, 3);
      expect(other.parameters.get('w')).toSatisfy((values: Float32Array) =>
        values.every((value, i) => Math.abs(value - (once.parameters.get('w')?.[i] ?? Number.NaN)) < 1e-3),
      );
    });

    it('in the parametric form too, whose bias is derived from weights and offsets', async () => {
      const units = [100, 100];
      const once = await train(frelu(networkOf(head, [1, 1])), [1, 1], sgd, { targetScale: [1] });
      const other = await train(frelu(networkOf(head, units)), units, sgd, { targetScale: [100] });
      expectSameCurve(other.losses, once.losses);
    });
  });

  it('whose weights lie in blocks, like any other', async () => {
    const wide = 16;
    const scale = Array.from({ length: wide }, (_, i) => 2 ** (i % 7));
    const network = (constants: SmallModel['constants'], nodes: SmallModel['nodes']): Trainable =>
      control(
        graphOf({
          inputs: { x: [-1, 3] },
          constants: [floatTensor('w', [3, 4], drawn(5, 12)), ...(constants ?? [])],
          nodes: [node('MatMul', ['x', 'w'], ['k']), node('Relu', ['k'], ['h']), ...nodes],
        }),
      );
    const weights = drawn(1, wide * 4);
    const blocked = network(
      [floatTensor('W', [wide, 4, 1, 1], weights), pixelsTarget],
      [node('Reshape', ['h', 'pixels'], ['p']), node('Conv', ['p', 'W'], ['c']), node('Flatten', ['c'], ['y'])],
    );
    const plain = network(
      [floatTensor('W', [wide, 4], weights)],
      [node('Gemm', ['h', 'W'], ['y'], { transB: { int: 1 } })],
    );
    const [one, other] = await Promise.all(
      [blocked, plain].map((trainable) => train(trainable, scale, sgd, { targetScale: scale })),
    );
    expectSameCurve(one?.losses ?? [], other?.losses ?? []);
    const expected = other?.parameters.get('W');
    one?.parameters.get('W')?.forEach((value, i) => {
      expect(Math.abs(value - (expected?.[i] ?? Number.NaN))).toBeLessThan(1e-3 * Math.max(1, Math.abs(value)));
    });
  });

  it('without a scale it does not: the same units make another training', async () => {
    const head = heads['MatMul and Add'] ?? (() => ({ nodes: [] }));
    const once = await train(control(networkOf(head, [1, 1])), [1, 1], sgd, {});
    const other = await train(control(networkOf(head, [100, 100])), [100, 100], sgd, {});
    expect((other.losses.at(-1) ?? 0) / 1e4 / (once.losses.at(-1) ?? 1)).not.toBeCloseTo(1, 1);
  });

  it('begins with the model as it is: its parameters come back unchanged', async () => {
    const graph = networkOf(heads['MatMul and Add'] ?? (() => ({ nodes: [] })), [3, 700]);
    const trainable = control(graph);
    const settings: StepSettings = {
      provider: 'cpu',
      loss: 'mse',
      optimizer: sgd,
      batchNorm: 'frozen',
      clipNorm: null,
      sampleShapes: { x: [3] },
      targetScale: [4, 512],
    };
    const stepper = new Stepper((size) => prepareStep(trainable, size, settings), trainable.graph);
    const { groups } = await stepper.step(batch);
    expect(groups.flatMap(({ slots }) => slots.map(({ name, scale }) => [name, scale?.factors]))).toEqual([
      ['w', undefined],
      ['a', undefined],
      ['W', [4, 512]],
      ['b', [4, 512]],
    ]);
    // powers of two: exactly
    for (const [name, values] of parametersIn(groups, await stepper.read())) {
      const tensor = graph.initializer(name);
      expect(values, name).toEqual(tensor && readFloats(tensor));
    }
  });
});
