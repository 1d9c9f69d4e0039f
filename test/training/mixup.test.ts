import { expect, it } from 'vitest';
import { mixRows } from '../../src/data/mixup.js';
import { floatTensor } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { makeTrainable, prepareStep } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

it('a loss against mixed targets is the mix of two losses, as the authors of mixup have it in PyTorch', async () => {
  const graph = graphOf({
    inputs: { x: [-1, 2] },
    constants: [floatTensor('w', [2, 3], [0.5, -1, 0.25, 1, 0.75, -0.5])],
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
  });
  const trainable = makeTrainable('mixed.onnx', graph, 'all');
  const settings = {
    provider: 'cpu',
    loss: 'cross-entropy',
    optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
    batchNorm: 'frozen',
    clipNorm: null,
    sampleShapes: { x: [2] },
  } as const;
  const stepper = new Stepper((size) => prepareStep(trainable, size, settings), trainable.graph);
  const mixing = { share: 0.7, partners: Int32Array.of(2, 0, 3, 1) };
  const feed = {
    inputs: { x: float32(mixRows(Float32Array.of(1, 2, -1, 0.5, 0.25, -2, 3, 0), mixing), [4, 2]) },
    targets: mixRows(Float32Array.of(1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1), mixing),
    count: 4,
  };
  const rates = { weights: 0.1, sites: 0.1 };
  const losses = await stepper.runAll([feed, feed, feed], [rates, rates, rates]);
  // z = (l x + (1 - l) x[p]) @ w; l * cross_entropy(z, y) + (1 - l) * cross_entropy(z, y[p]); torch 2.13, SGD(lr=0.1)
  const expected = [1.5549627542495728, 1.5182878971099854, 1.4830942153930664];
  losses.forEach((loss, i) => {
    expect(loss).toBeCloseTo(expected[i] ?? Number.NaN, 5);
  });
  await stepper.release();
});
