import { describe, expect, it } from 'vitest';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import type { Model } from '../../src/model/model.js';
import { floatTensor } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { controlNetwork, freluNetwork } from '../../src/training/networks.js';
import type { Trainable } from '../../src/training/prepare.js';
import { recalibrate } from '../../src/training/recalibrate.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { plainStepper } from './plain-stepper.js';

const statistics = ['gamma', 'beta', 'mean', 'variance'];

/** relu(x), and twice that, through the one normalization: y = BN(relu(x)) + BN(2 relu(x)) */
const graph = graphOf({
  inputs: { x: [-1, 1] },
  constants: [
    floatTensor('gamma', [1], [1]),
    floatTensor('beta', [1], [0]),
    floatTensor('mean', [1], [10]),
    floatTensor('variance', [1], [5]),
    floatTensor('two', [1, 1], [2]),
  ],
  nodes: [
    node('Relu', ['x'], ['r']),
    node('BatchNormalization', ['r', ...statistics], ['once']),
    node('MatMul', ['r', 'two'], ['doubled']),
    node('BatchNormalization', ['doubled', ...statistics], ['twice']),
    node('Add', ['once', 'twice'], ['y']),
  ],
});
const model: Model = { format: 'onnx', path: 'shared.onnx', files: [], graph };

/** mean 3 and 6, unbiased variance 14/3 and 56/3 */
const inputs = { x: float32(Float32Array.of(1, 2, 3, 6), [4, 1]) };
const after = (start: number, first: number, second: number) => 0.9 * (0.9 * start + 0.1 * first) + 0.1 * second;
const expected = { mean: after(10, 3, 6), variance: after(5, 14 / 3, 56 / 3) };

async function stepped(trainable: Trainable) {
  const stepper = plainStepper(trainable, { batchNorm: 'batch', sampleShapes: { x: [1] } });
  await stepper.run({ inputs, targets: new Float32Array(4), count: 4 }, { weights: 0, sites: 0 });
  const state = await stepper.read();
  return { mean: state.get('mean')?.[0], variance: state.get('variance')?.[0] };
}

describe('a normalization that is applied twice', () => {
  it('moves its running statistics twice in a step, as PyTorch does', async () => {
    const { trainable } = controlNetwork(model, planMigration(graph, defaultPlanOptions), 'all');
    const { mean, variance } = await stepped(trainable);
    expect(mean).toBeCloseTo(expected.mean, 5);
    expect(variance).toBeCloseTo(expected.variance, 5);
  });

  it.each<Partial<PlanOptions>>([{ form: 'explicit' }, {}])('in the parametric graph too: %j', async (options) => {
    const plan = planMigration(graph, { ...defaultPlanOptions, ...options });
    const { mean, variance } = await stepped(freluNetwork(model, plan, 'all', [], 0).trainable);
    expect(mean).toBeCloseTo(expected.mean, 5);
    expect(variance).toBeCloseTo(expected.variance, 5);
  });

  it('counts both uses where its statistics are estimated anew', async () => {
    const { trainable } = controlNetwork(model, planMigration(graph, defaultPlanOptions), 'all');
    const batches = {
      count: 4,
      batchSize: 4,
      async *epoch() {
        yield { inputs, targets: new Float32Array(4), count: 4 };
      },
    };
    const settings = { provider: 'cpu', sampleShapes: { x: [1] } } as const;
    const found = await recalibrate(trainable, new Map(), batches, settings, {});
    expect(found.get('mean')?.[0]).toBeCloseTo((3 + 6) / 2, 5);
    expect(found.get('variance')?.[0]).toBeCloseTo((14 / 3 + 56 / 3) / 2, 5);
  });
});

it('a statistic that is a learned parameter too is refused where it would follow the batch', async () => {
  const copied = graph.copy();
  for (const each of copied.nodes) if (each.opType === 'BatchNormalization') copied.setInput(each, 3, 'beta');
  const { trainable } = controlNetwork({ ...model, graph: copied }, planMigration(copied, defaultPlanOptions), 'all');
  await expect(stepped(trainable)).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringMatching(/^shared\.onnx: 'beta' is a running statistic .* and a parameter/),
    settings: [['batchNorm', 'frozen']],
  });
});
