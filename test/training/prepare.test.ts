import { describe, expect, it } from 'vitest';
import { untrainedNetwork } from '../../fixtures/layers.js';
import type { BatchNormMode } from '../../src/contract/settings.js';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import type { Model } from '../../src/model/model.js';
import { readFloats, writeFloats } from '../../src/model/tensor.js';
import { float32, openSession } from '../../src/runtime/session.js';
import { controlNetwork, freluNetwork } from '../../src/training/networks.js';
import { prepareBackward } from '../../src/training/prepare.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { valueInfo } from '../autodiff/check-gradient.js';

const batch = 6;
const image = [2, 6, 6];

/** Conv, normalization, ReLU, twice, the second with a shortcut around it; then pooling and a dense layer. */
const network: Graph = untrainedNetwork('small', 3, image, 3, (layers, input) => {
  const stage = (name: string, x: string, inputs: number): string =>
    layers.batchNorm(`${name}/norm`, layers.conv(`${name}/conv`, x, inputs, 4, { bias: false }), 4);
  const first = layers.op('first/relu', 'Relu', [stage('first', input, image[0] ?? 0)]);
  const sum = layers.op('add', 'Add', [stage('second', first, 4), first]);
  const pooled = layers.op('pool', 'GlobalAveragePool', [layers.op('second/relu', 'Relu', [sum])]);
  return layers.dense('logits', layers.op('flatten', 'Flatten', [pooled]), 4, 3);
});
const model: Model = { format: 'onnx', path: 'small.onnx', files: [], graph: network };

describe('the gradient of a whole network in its parametric form', () => {
  it.each<[BatchNormMode, Partial<PlanOptions>]>([
    ['frozen', {}],
    ['frozen', { padding: 'floor', granularity: 'channel' }],
    ['frozen', { form: 'explicit' }],
    ['batch', {}],
    ['batch', { padding: 'floor' }],
  ])('agrees with central differences: %s statistics, %j', async (batchNorm, options) => {
    const plan = planMigration(network, { ...defaultPlanOptions, ...options });
    expect(plan.summary).toMatchObject({ relu: 2, migrate: 2 });
    const { parameters } = controlNetwork(model, plan, 'all').trainable;
    const { trainable } = freluNetwork(model, plan, 'all', parameters, -0.1);
    const { graph, loss, targets, gradients } = await prepareBackward(trainable, batch, {
      provider: 'cpu',
      loss: 'cross-entropy',
      optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
      batchNorm,
      clipNorm: null,
      sampleShape: image,
    });
    const random = createRandom(4);
    const feeds = {
      input: float32(
        Float32Array.from({ length: batch * 72 }, () => random.normal()),
        [batch, ...image],
      ),
      [targets]: float32(
        Float32Array.from({ length: batch * 3 }, (_, i) => Number(i % 3 === Math.floor(i / 3) % 3)),
        [batch, 3],
      ),
    };
    const all = [...trainable.parameters, ...trainable.siteParameters];
    expect([...gradients.keys()].toSorted()).toEqual(all.toSorted());
    graph.proto.output = [loss, ...gradients.values()].map((name) => valueInfo(name));

    const run = async () => {
      const session = await openSession(graph.model);
      const results = await session.run(feeds);
      await session.release();
      return (value: string): readonly number[] => Array.from(results[value]?.data ?? [], Number);
    };
    const computed = await run();
    for (const name of all) {
      const tensor = graph.initializer(name);
      if (tensor === undefined) throw new Error(`${name} is no initializer`);
      const values = readFloats(tensor);
      const gradient = computed(gradients.get(name) ?? '');
      expect(gradient, name).toHaveLength(values.length);
      // along the gradient itself: one difference sees all elements of a parameter
      const norm = Math.hypot(...gradient);
      const along = async (distance: number): Promise<number> => {
        writeFloats(
          tensor,
          values.map((value, i) => value + (distance * (gradient[i] ?? 0)) / norm),
        );
        return (await run())(loss)[0] ?? Number.NaN;
      };
      const step = 4e-3;
      const numeric = ((await along(step)) - (await along(-step))) / (2 * step);
      writeFloats(tensor, values);
      expect(Math.abs(numeric - norm), `${name}: ${numeric} and ${norm}`).toBeLessThan(0.02 * Math.max(norm, 0.02));
    }
  });
});
