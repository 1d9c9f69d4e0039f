import { describe, expect, it } from 'vitest';
import { Emitter } from '../../src/autodiff/emitter.js';
import { type Distillation, writeTaughtLoss } from '../../src/autodiff/losses.js';
import { appendBackward } from '../../src/autodiff/step.js';
import { present } from '../../src/contract/present.js';
import type { LossKind } from '../../src/contract/settings.js';
import { float32, runOnce, type Tensor } from '../../src/runtime/session.js';
import { observeShapes } from '../../src/runtime/shapes.js';
import { node, random, valueInfo } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const floatsOf = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data ?? [], Number);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Rows of K numbers as the classes of a batch [N, K, ...]: positions behind the class axis are samples of their own. */
function columns(shape: readonly number[], values: readonly number[]): number[][] {
  const [n = 1, k = 1, ...rest] = shape;
  const inner = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: n * inner }, (_, i) =>
    Array.from({ length: k }, (_, c) => values[(Math.floor(i / inner) * k + c) * inner + (i % inner)] ?? Number.NaN),
  );
}

const softmax = (z: readonly number[]): number[] => {
  const e = z.map(Math.exp);
  return e.map((value) => value / sum(e));
};
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** The plain losses in float64, from their definitions. */
const plain: Readonly<
  Record<LossKind, (shape: readonly number[], z: readonly number[], t: readonly number[]) => number>
> = {
  'cross-entropy'(shape, z, t) {
    const [rows, targets] = [columns(shape, z), columns(shape, t)];
    const each = rows.map((row, i) => -sum(softmax(row).map((p, c) => (targets[i]?.[c] ?? 0) * Math.log(p))));
    return sum(each) / each.length;
  },
  'binary-cross-entropy': (_, z, t) =>
    -sum(z.map((x, i) => (t[i] ?? 0) * Math.log(sigmoid(x)) + (1 - (t[i] ?? 0)) * Math.log(1 - sigmoid(x)))) / z.length,
  mse: (_, z, t) => sum(z.map((x, i) => (x - (t[i] ?? 0)) ** 2)) / z.length,
};

interface Case {
  readonly z: readonly number[];
  readonly hard: readonly number[];
  readonly soft: readonly number[];
}

/** (1 - W) loss(z, hard) + W T^2 loss(z / T, soft), in float64 */
function expectedLoss(kind: LossKind, shape: readonly number[], { z, hard, soft }: Case, how: Distillation): number {
  const { weight: w, temperature: t } = how;
  const tempered = z.map((value) => value / t);
  return (1 - w) * plain[kind](shape, z, hard) + w * t * t * plain[kind](shape, tempered, soft);
}

async function compute(kind: LossKind, shape: readonly number[], { z, hard, soft }: Case, how: Distillation) {
  const graph = graphOf({ inputs: { z: shape, hard: shape, soft: shape }, nodes: [] });
  const emit = new Emitter(graph, 'loss');
  const targets = { hard: how.weight < 1 ? 'hard' : null, soft: 'soft' };
  const { loss, gradient } = writeTaughtLoss(emit, kind, 'z', targets, shape, how);
  emit.flush();
  graph.proto.output = [valueInfo(loss), valueInfo(gradient)];
  const tensor = (values: readonly number[]): Tensor => float32(Float32Array.from(values), shape);
  const results = await runOnce(graph.model, { z: tensor(z), hard: tensor(hard), soft: tensor(soft) });
  expect(results[gradient]?.dims).toEqual([...shape]);
  return { loss: floatsOf(results[loss])[0] ?? Number.NaN, gradient: floatsOf(results[gradient]) };
}

/** Logits, one-hot labels and a teacher's probabilities; or for other losses numbers in [0, 1]. */
function example(kind: LossKind, shape: readonly number[], seed: number): Case {
  const next = random(seed);
  const [n = 1, k = 1, ...rest] = shape;
  const inner = rest.reduce((a, b) => a * b, 1);
  const z = Array.from({ length: n * k * inner }, () => 4 * next() - 2);
  if (kind !== 'cross-entropy') return { z, hard: z.map(() => Math.round(next())), soft: z.map(() => next()) };
  const [hard, soft] = [z.map(() => 0), z.map(() => 0)];
  for (let i = 0; i < n * inner; i++) {
    const at = (c: number): number => (Math.floor(i / inner) * k + c) * inner + (i % inner);
    hard[at(Math.floor(next() * k))] = 1;
    softmax(Array.from({ length: k }, () => 4 * next())).forEach((p, c) => {
      soft[at(c)] = p;
    });
  }
  return { z, hard, soft };
}

describe('the loss of a taught model', () => {
  it.each([
    ['cross-entropy', [4, 3], { weight: 0.3, temperature: 4 }],
    ['cross-entropy', [2, 3, 2], { weight: 0.5, temperature: 2.5 }],
    ['cross-entropy', [3, 5], { weight: 1, temperature: 3 }],
    ['cross-entropy', [1, 2], { weight: 0, temperature: 2 }],
    ['cross-entropy', [3, 4], { weight: 0.7, temperature: 1 }],
    ['binary-cross-entropy', [3, 2], { weight: 0.4, temperature: 3 }],
    ['binary-cross-entropy', [5, 1], { weight: 0.9, temperature: 0.5 }],
    ['mse', [3, 2], { weight: 0.25, temperature: 1 }],
  ] as const)(
    '%s of %j with %j is what Hinton et al. write, and its gradient that of central differences',
    async (...given) => {
      const [kind, shape, how] = given;
      const one = example(kind, shape, 11);
      const { loss, gradient } = await compute(kind, shape, one, how);
      expect(loss).toBeCloseTo(expectedLoss(kind, shape, one, how), 5);
      gradient.forEach((found, i) => {
        const moved = (by: number) =>
          expectedLoss(kind, shape, { ...one, z: one.z.with(i, (one.z[i] ?? 0) + by) }, how);
        expect(found).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 5);
      });
    },
  );

  it('at a high temperature has a gradient of the size that it has at 1', async () => {
    const shape = [8, 10];
    const one = example('cross-entropy', shape, 5);
    const size = async (temperature: number): Promise<number> => {
      const soft = columns(
        shape,
        one.z.map((value, i) => value + Math.sin(i)),
      ).flatMap((row) => softmax(row.map((value) => value / temperature)));
      const { gradient } = await compute('cross-entropy', shape, { ...one, soft }, { weight: 1, temperature });
      return Math.hypot(...gradient);
    };
    const ratio = (await size(20)) / (await size(1));
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });
});

it('a backward pass takes labels and answers side by side, sample by sample', async () => {
  // the value that the loss reads has another shape than the input, and positions behind its classes
  const shape = [3, 2, 2];
  const how = { weight: 0.4, temperature: 2 };
  const graph = graphOf({ inputs: { x: [3, 2, 2] }, nodes: [node('Neg', ['x'], ['y'])] });
  const one = example('cross-entropy', shape, 3);
  const x = float32(
    Float32Array.from(one.z, (value) => -value),
    shape,
  );
  const shapes = await observeShapes(graph, { x });
  const options = { path: 'small.onnx', provider: 'cpu', shapes, output: 'y', loss: 'cross-entropy' } as const;
  const { loss, targets, targetShape, gradients } = appendBackward(graph, ['x'], { ...options, distillation: how });
  expect(targetShape).toEqual([3, 2, 4]);
  const gradient = gradients.get('x') ?? '';
  graph.proto.output = [valueInfo(loss), valueInfo(gradient)];
  const rows = [0, 1, 2].flatMap((i) => [one.hard, one.soft].flatMap((side) => side.slice(4 * i, 4 * i + 4)));
  const results = await runOnce(graph.model, {
    x,
    [present(targets, 'the input of targets')]: float32(Float32Array.from(rows), targetShape),
  });
  const expected = await compute('cross-entropy', shape, one, how);
  expect(floatsOf(results[loss])[0]).toBeCloseTo(expected.loss, 6);
  floatsOf(results[gradient]).forEach((value, i) => {
    expect(value).toBeCloseTo(-(expected.gradient[i] ?? Number.NaN), 6);
  });
});
