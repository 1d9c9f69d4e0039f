import { describe, expect, it } from 'vitest';
import { Emitter } from '../../src/autodiff/emitter.js';
import { lossInput, maskTargetShape, writeLoss, writeMaskLoss } from '../../src/autodiff/losses.js';
import type { LossKind } from '../../src/contract/settings.js';
import { float32, runOnce, type Tensor } from '../../src/runtime/session.js';
import { node, random, valueInfo } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const floatsOf = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data ?? [], Number);

interface Computed {
  readonly loss: number;
  readonly gradient: readonly number[];
}

async function compute(
  kind: LossKind,
  shape: readonly number[],
  outputs: readonly number[],
  targets: readonly number[],
): Promise<Computed> {
  const graph = graphOf({ inputs: { x: shape, t: shape }, nodes: [] });
  const emit = new Emitter(graph, 'loss');
  const { loss, gradient } = writeLoss(emit, kind, 'x', 't', shape);
  emit.flush();
  graph.proto.output = [valueInfo(loss), valueInfo(gradient)];
  const results = await runOnce(graph.model, {
    x: float32(Float32Array.from(outputs), shape),
    t: float32(Float32Array.from(targets), shape),
  });
  expect(results[gradient]?.dims).toEqual([...shape]);
  return { loss: floatsOf(results[loss])[0] ?? Number.NaN, gradient: floatsOf(results[gradient]) };
}

describe('cross-entropy', () => {
  it('is -log softmax(x) of the class, and its gradient softmax(x) - target, over the batch', async () => {
    const { loss, gradient } = await compute('cross-entropy', [2, 3], [1, 2, 3, 0, 0, 0], [0, 0, 1, 1, 0, 0]);
    const e = [1, 2, 3].map(Math.exp);
    const sum = e.reduce((a, b) => a + b);
    expect(loss).toBeCloseTo((-Math.log((e[2] ?? 0) / sum) + Math.log(3)) / 2, 6);
    const expected = [...e.map((each) => each / sum), 1 / 3, 1 / 3, 1 / 3];
    gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(((expected[i] ?? 0) - ([2, 3].includes(i) ? 1 : 0)) / 2, 6);
    });
  });

  it('takes the classes of maps [N, K, H, W] from axis 1 and averages over positions', async () => {
    const logits = [5, 0, 0, 5];
    const { loss } = await compute('cross-entropy', [1, 2, 1, 2], logits, [1, 0, 0, 1]);
    expect(loss).toBeCloseTo(Math.log(1 + Math.exp(-5)), 6);
  });

  it('stays finite where the exponentials would not', async () => {
    const { loss, gradient } = await compute('cross-entropy', [1, 2], [1000, -1000], [0, 1]);
    expect(loss).toBe(2000);
    expect(gradient).toEqual([1, -1]);
  });
});

describe('binary cross-entropy', () => {
  it('is the mean over every output, its gradient sigmoid(x) - target', async () => {
    const x = [0.5, -2, 3, 0];
    const t = [1, 0, 0.25, 1];
    const { loss, gradient } = await compute('binary-cross-entropy', [2, 2], x, t);
    const p = x.map((value) => 1 / (1 + Math.exp(-value)));
    const terms = p.map((each, i) => -(t[i] ?? 0) * Math.log(each) - (1 - (t[i] ?? 0)) * Math.log(1 - each));
    expect(loss).toBeCloseTo(terms.reduce((a, b) => a + b) / 4, 6);
    gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(((p[i] ?? 0) - (t[i] ?? 0)) / 4, 6);
    });
  });

  it('stays finite at both ends', async () => {
    const { loss, gradient } = await compute('binary-cross-entropy', [1, 2], [1000, -1000], [0, 1]);
    expect(loss).toBe(1000);
    expect(gradient).toEqual([0.5, -0.5]);
  });
});

it('mean squared error: the mean over every element', async () => {
  const { loss, gradient } = await compute('mse', [2, 1], [1, 5], [0, 2]);
  expect(loss).toBe(5);
  expect(gradient).toEqual([1, 3]);
});

it.each([
  ['cross-entropy', [4, 3]],
  ['cross-entropy', [2, 3, 2]],
  ['binary-cross-entropy', [3, 2]],
  ['mse', [3, 2]],
] as const)('the gradient of %s on %j agrees with central differences', async (kind, shape) => {
  const count = shape.reduce((product, dim) => product * dim, 1);
  const next = random(11);
  const x = Array.from({ length: count }, () => 4 * next() - 2);
  const t = Array.from({ length: count }, () => next());
  if (kind === 'cross-entropy') {
    // targets are probabilities: they sum to 1 over the classes, on axis 1
    const inner = count / (shape[0] * shape[1]);
    const groupOf = (i: number) => Math.floor(i / (shape[1] * inner)) * inner + (i % inner);
    const sums = new Map<number, number>();
    t.forEach((value, i) => {
      sums.set(groupOf(i), (sums.get(groupOf(i)) ?? 0) + value);
    });
    t.forEach((value, i) => {
      t[i] = value / (sums.get(groupOf(i)) ?? 1);
    });
  }
  const { gradient } = await compute(kind, shape, x, t);
  for (let i = 0; i < count; i++) {
    const moved = async (by: number) => (await compute(kind, shape, x.with(i, (x[i] ?? 0) + by), t)).loss;
    expect(((await moved(0.02)) - (await moved(-0.02))) / 0.04).toBeCloseTo(gradient[i] ?? Number.NaN, 3);
  }
});

describe('what the loss takes over from the end of a model', () => {
  const ending = (...args: Parameters<typeof node>) => graphOf({ inputs: { x: [2, 3] }, nodes: [node(...args)] });

  it.each([
    ['Softmax', 'cross-entropy', 'softmax'],
    ['LogSoftmax', 'cross-entropy', 'log-softmax'],
    ['Sigmoid', 'binary-cross-entropy', 'sigmoid'],
  ] as const)('a final %s under %s', (op, loss, activation) => {
    expect(lossInput(ending(op, ['x'], ['y']), 'y', loss, 2)).toEqual({ value: 'x', activation });
  });

  it('nothing where the two do not belong together, or the Softmax is over other axes', () => {
    const kept = { value: 'y', activation: 'none' };
    expect(lossInput(ending('Sigmoid', ['x'], ['y']), 'y', 'cross-entropy', 2)).toEqual(kept);
    expect(lossInput(ending('Softmax', ['x'], ['y']), 'y', 'mse', 2)).toEqual(kept);
    expect(lossInput(ending('Softmax', ['x'], ['y'], { axis: { int: 0 } }), 'y', 'cross-entropy', 2)).toEqual(kept);
    expect(lossInput(ending('Relu', ['x'], ['y']), 'y', 'cross-entropy', 2)).toEqual(kept);
  });
});

describe('masks', () => {
  /** The same loss in float64, for differences of it. */
  type Terms = (logits: Float64Array, label: number) => number;
  const crossEntropy: Terms = (logits, label) => {
    const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
    return Math.log(sum) - (logits[label] ?? Number.NaN);
  };
  const binary: Terms = ([logit = Number.NaN], label) => Math.log1p(Math.exp(label === 1 ? -logit : logit));

  async function computeMasks(
    kind: LossKind,
    shape: readonly number[],
    outputs: readonly number[],
    labels: readonly number[],
    axis: number,
    smoothing = 0,
  ): Promise<Computed> {
    const targetShape = maskTargetShape(kind, shape, { axis, smoothing });
    const graph = graphOf({ inputs: { x: shape, t: targetShape }, nodes: [] });
    const emit = new Emitter(graph, 'loss');
    const { loss, gradient } = writeMaskLoss(emit, kind, 'x', 't', shape, { axis, smoothing });
    emit.flush();
    graph.proto.output = [valueInfo(loss), valueInfo(gradient)];
    const results = await runOnce(graph.model, {
      x: float32(Float32Array.from(outputs), shape),
      t: float32(Float32Array.from(labels), targetShape),
    });
    expect(results[gradient]?.dims).toEqual([...shape]);
    return { loss: floatsOf(results[loss])[0] ?? Number.NaN, gradient: floatsOf(results[gradient]) };
  }

  /** Element-wise difference quotients of the mean of `terms` over the positions that count. */
  function byDifferences(
    shape: readonly number[],
    outputs: readonly number[],
    labels: readonly number[],
    axis: number,
    terms: Terms,
  ) {
    const classes = shape[axis] ?? 1;
    const inner = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
    const mean = (x: readonly number[]): number => {
      let [sum, count] = [0, 0];
      labels.forEach((label, position) => {
        if (label < 0) return;
        const start = Math.floor(position / inner) * classes * inner + (position % inner);
        sum += terms(
          Float64Array.from({ length: classes }, (_, c) => x[start + c * inner] ?? Number.NaN),
          label,
        );
        count++;
      });
      return count === 0 ? 0 : sum / count;
    };
    const step = 1e-5;
    const gradient = outputs.map(
      (value, i) => (mean(outputs.with(i, value + step)) - mean(outputs.with(i, value - step))) / (2 * step),
    );
    return { loss: mean(outputs), gradient };
  }

  it.each<[string, LossKind, readonly number[], number, Terms]>([
    ['[N, K, H, W]', 'cross-entropy', [2, 4, 3, 5], 1, crossEntropy],
    ['[N, H, W, K]', 'cross-entropy', [3, 2, 5, 3], 3, crossEntropy],
    ['one row of pixels', 'cross-entropy', [1, 2, 1, 7], 1, crossEntropy],
    ['[N, 1, H, W] of two classes', 'binary-cross-entropy', [2, 1, 3, 5], 1, binary],
    ['[N, H, W] of two classes', 'binary-cross-entropy', [3, 5, 2], 1, binary],
  ])('are compared pixel by pixel, those of no class left out: %s', async (_, kind, shape, axis, terms) => {
    const next = random(7);
    const classes = kind === 'cross-entropy' ? (shape[axis] ?? 1) : 2;
    const outputs = Array.from({ length: shape.reduce((a, b) => a * b) }, () => 4 * next() - 2);
    const positions = outputs.length / (kind === 'cross-entropy' ? classes : 1);
    const labels = Array.from({ length: positions }, (_, i) => (i % 4 === 1 ? -1 : Math.floor(next() * classes)));
    const { loss, gradient } = await computeMasks(kind, shape, outputs, labels, axis);
    // without an axis of classes every element is a position of its own
    const expected = byDifferences(
      kind === 'cross-entropy' ? shape : [positions, 1],
      outputs,
      labels,
      kind === 'cross-entropy' ? axis : 1,
      terms,
    );
    expect(loss).toBeCloseTo(expected.loss, 5);
    gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.gradient[i] ?? Number.NaN, 5);
    });
  });

  it.each([
    [0, 1.3390195163572685, [-0.1020349, 0.0275219, 0, 0.0782138, 0.0275219, -0.1020349]],
    [0.1, 1.3511888285265807, [-0.0946275, 0.0238182, 0, 0.0745101, 0.0238182, -0.0946275]],
  ])(
    'are what PyTorch 2.13 says of F.cross_entropy(x, t, ignore_index=255, label_smoothing=%f)',
    async (smoothing, wanted, first) => {
      const x = Array.from({ length: 36 }, (_, i) => ((i * 37) % 23) / 7 - 1.5);
      const t = [0, 2, -1, 1, 1, 0, -1, -1, 2, 0, 2, 1];
      const { loss, gradient } = await computeMasks('cross-entropy', [2, 3, 2, 3], x, t, 1, smoothing);
      expect(loss).toBeCloseTo(wanted, 6);
      first.forEach((value, i) => {
        expect(gradient[i]).toBeCloseTo(value, 6);
      });
    },
  );

  it('are what PyTorch says of F.binary_cross_entropy_with_logits with weights of 0 and 1', async () => {
    const x = Array.from({ length: 12 }, (_, i) => ((i * 37) % 23) / 7 - 1.5);
    const t = [0, 1, -1, 1, 1, 0, -1, -1, 1, 0, 0, 1];
    const { loss, gradient } = await computeMasks('binary-cross-entropy', [2, 1, 2, 3], x, t, 1);
    expect(loss).toBeCloseTo(0.38756799320013385, 6);
    const wanted = [0.0202695, -0.041949, 0, -0.0254382, -0.0575388, 0.022745, 0, 0, -0.022745, 0.0575388, 0.0254382];
    wanted.forEach((value, i) => {
      expect(gradient[i]).toBeCloseTo(value, 6);
    });
  });

  it('of no class at all have neither loss nor gradient', async () => {
    const { loss, gradient } = await computeMasks('cross-entropy', [1, 2, 1, 2], [3, 1, 0, 2], [-1, -1], 1);
    expect(loss).toBe(0);
    expect(gradient.every((value) => value === 0)).toBe(true);
  });
});
