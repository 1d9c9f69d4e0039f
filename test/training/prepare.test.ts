import { describe, expect, it } from 'vitest';
import { untrainedNetwork } from '../../fixtures/layers.js';
import type { BatchNormMode } from '../../src/contract/settings.js';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import type { Model } from '../../src/model/model.js';
import { float32 } from '../../src/runtime/session.js';
import { controlNetwork, freluNetwork } from '../../src/training/networks.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { checkAlongGradients } from './along-gradients.js';

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
    ['batch', {}],
    ['batch', { padding: 'floor' }],
  ])('agrees with central differences: %s statistics, %j', async (batchNorm, options) => {
    const plan = planMigration(network, { ...defaultPlanOptions, ...options });
    expect(plan.summary).toMatchObject({ relu: 2, migrate: 2 });
    const { parameters } = controlNetwork(model, plan, 'all').trainable;
    const { trainable } = freluNetwork(model, plan, 'all', parameters, -0.1);
    const random = createRandom(4);
    await checkAlongGradients(
      trainable,
      { batchNorm, sampleShapes: { input: image }, loss: 'cross-entropy' },
      {
        input: float32(
          Float32Array.from({ length: batch * 72 }, () => random.normal()),
          [batch, ...image],
        ),
        targets: float32(
          Float32Array.from({ length: batch * 3 }, (_, i) => Number(i % 3 === Math.floor(i / 3) % 3)),
          [batch, 3],
        ),
      },
    );
  });
});
