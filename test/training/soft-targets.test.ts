import { expect, it } from 'vitest';
import type { Distillation } from '../../src/autodiff/losses.js';
import { parametersIn } from '../../src/autodiff/step.js';
import { mixRows } from '../../src/data/mixup.js';
import { floatTensor } from '../../src/model/tensor.js';
import { softTargets } from '../../src/reading/task.js';
import { float32 } from '../../src/runtime/session.js';
import { makeTrainable, prepareStep } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

/*
 * PyTorch 2.13: z = x @ w, torch.optim.SGD([w], lr=0.1), three steps on one batch
 *   x = [[1, 2], [-1, .5], [.25, -2], [3, 0]], y = [0, 2, 1, 2], w = [[.5, -1, .25], [1, .75, -.5]]
 */
const x = Float32Array.of(1, 2, -1, 0.5, 0.25, -2, 3, 0);
const labels = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1);

/** The losses before each of three steps, and the weights after them. */
async function threeSteps(inputs: Float32Array, targets: Float32Array, distillation: Distillation | null) {
  const graph = graphOf({
    inputs: { x: [-1, 2] },
    constants: [floatTensor('w', [2, 3], [0.5, -1, 0.25, 1, 0.75, -0.5])],
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
  });
  const trainable = makeTrainable('soft.onnx', graph, 'all');
  const settings = {
    provider: 'cpu',
    loss: 'cross-entropy',
    optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
    batchNorm: 'frozen',
    clipNorm: null,
    sampleShapes: { x: [2] },
    distillation,
  } as const;
  const stepper = new Stepper((size) => prepareStep(trainable, size, settings), trainable.graph);
  const feed = { inputs: { x: float32(inputs, [4, 2]) }, targets, count: 4 };
  const rates = { weights: 0.1, sites: 0.1 };
  try {
    const losses = await stepper.runAll([feed, feed, feed], [rates, rates, rates]);
    return { losses, weights: parametersIn((await stepper.step(4)).groups, await stepper.read()).get('w') ?? [] };
  } finally {
    await stepper.release();
  }
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of Array.from(actual).entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
}

it('a loss against mixed targets is the mix of two losses, as the authors of mixup have it', async () => {
  const mixing = { share: 0.7, partners: Int32Array.of(2, 0, 3, 1) };
  const { losses, weights } = await threeSteps(mixRows(x, mixing), mixRows(labels, mixing), null);
  // z = (0.7 * x + 0.3 * x[p]) @ w; 0.7 * F.cross_entropy(z, y) + 0.3 * F.cross_entropy(z, y[p]), p = [2, 0, 3, 1]
  expectClose(losses, [1.5549627542495728, 1.5182878971099854, 1.4830942153930664]);
  expectClose(weights, [0.41077158, -0.92983186, 0.26906025, 1.00383019, 0.65130484, -0.40513507]);
});

it('half of a loss against a teacher leads where its divergence from the teacher does', async () => {
  const teacher = Float32Array.of(2, 0.5, -1, -0.5, 0, 1.5, 0.25, 1, -2, 0, -1, 3);
  const soft = softTargets({ scores: 'logits', loss: 'cross-entropy', width: 3 }, teacher, 4);
  const both = Float32Array.from({ length: 24 }, (_, i) => {
    const [sample, side, column] = [Math.floor(i / 6), Math.floor(i / 3) % 2, i % 3];
    return (side === 0 ? labels : soft)[3 * sample + column] ?? Number.NaN;
  });
  const { losses, weights } = await threeSteps(x, both, { weight: 0.5, temperature: 4 });
  // 0.5 * F.cross_entropy(z, y) + 0.5 * 16 * F.kl_div(F.log_softmax(z / 4, -1), F.softmax(t / 4, -1), reduction='batchmean')
  const divergences = [1.519242763519287, 1.4195257425308228, 1.33130943775177];
  // the loss here is the cross-entropy: a divergence, and the teacher's own entropy, which no weight changes
  const entropy = -soft.reduce((sum, share) => sum + share * Math.log(share), 0) / 4;
  expectClose(
    losses.map((loss) => loss - 8 * entropy),
    divergences,
  );
  expectClose(weights, [0.36275294, -0.92122257, 0.30846956, 0.96860307, 0.60440242, -0.3230055]);
});
