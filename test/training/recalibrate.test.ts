import { expect, it } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { Model } from '../../src/model/model.js';
import { floatTensor, readFloats } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import type { TrainingBatches } from '../../src/training/arm.js';
import { controlNetwork, freluNetwork } from '../../src/training/networks.js';
import { recalibrate } from '../../src/training/recalibrate.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

/** relu(x) of one channel through a normalization whose running statistics are of some other data. */
const graph = graphOf({
  inputs: { x: [-1, 1] },
  constants: [
    floatTensor('gamma', [1], [1]),
    floatTensor('beta', [1], [0]),
    floatTensor('mean', [1], [100]),
    floatTensor('variance', [1], [50]),
  ],
  nodes: [node('Relu', ['x'], ['r']), node('BatchNormalization', ['r', 'gamma', 'beta', 'mean', 'variance'], ['y'])],
});
const model: Model = { format: 'onnx', path: 'small.onnx', files: [], graph };

/** Two whole batches, and one sample more. */
const samples = [[1, 2, 3, 6], [-5, 0, 2, 2], [1000]];
const batches: TrainingBatches = {
  count: 9,
  batchSize: 4,
  async *epoch() {
    for (const batch of samples) {
      const inputs = { x: float32(Float32Array.from(batch), [batch.length, 1]) };
      yield { inputs, targets: new Float32Array(batch.length), count: batch.length };
    }
  },
};
const settings = { provider: 'cpu', sampleShapes: { x: [1] } } as const;
/** of relu: batch means 3 and 1, sums of squares 14 and 4 over 3 */
const expected = { mean: 2, variance: (14 / 3 + 4 / 3) / 2 };

const numberIn = (of: Graph, name: string): number | undefined => {
  const tensor = of.initializer(name);
  return tensor === undefined ? undefined : readFloats(tensor)[0];
};

it('averages the means and unbiased variances of the whole batches', async () => {
  const { trainable } = controlNetwork(model, planMigration(graph, defaultPlanOptions), 'all');
  const statistics = await recalibrate(trainable, new Map(), batches, settings, {});
  expect([...statistics.keys()].toSorted()).toEqual(['mean', 'variance']);
  expect(statistics.get('mean')?.[0]).toBeCloseTo(expected.mean, 5);
  expect(statistics.get('variance')?.[0]).toBeCloseTo(expected.variance, 5);
});

it('leaves an offset that was folded into a running mean where it is', async () => {
  for (const form of ['explicit', 'folded'] as const) {
    const plan = planMigration(graph, { ...defaultPlanOptions, form });
    expect(plan.sites).toMatchObject([{ form }]);
    const network = freluNetwork(model, plan, 'all', ['gamma', 'beta'], 0);
    const offset = new Map(network.trainable.siteParameters.map((name) => [name, Float32Array.of(-0.5)]));
    const statistics = await recalibrate(network.trainable, offset, batches, settings, {});
    // frelu = relu - 0.5: the normalization sees the one or the other, and takes off the mean of what it sees
    expect(statistics.get('mean')?.[0]).toBeCloseTo(expected.mean - 0.5, 5);
    const baked = network.bake(new Map([...offset, ...statistics]));
    const reader = baked.nodes.find(({ opType }) => opType === 'BatchNormalization');
    expect(numberIn(baked, reader?.input[3] ?? '')).toBeCloseTo(
      form === 'folded' ? expected.mean : expected.mean - 0.5,
      5,
    );
  }
});

it('has nothing to do where nothing normalises', async () => {
  const plain: Model = { ...model, graph: graphOf({ inputs: { x: [-1, 1] }, nodes: [node('Relu', ['x'], ['y'])] }) };
  const { trainable } = controlNetwork(plain, planMigration(plain.graph, defaultPlanOptions), 'all');
  expect(await recalibrate(trainable, new Map(), batches, settings, {})).toEqual(new Map());
});
