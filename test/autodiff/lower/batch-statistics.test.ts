import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, OperatorSetIdProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { type RunningStatistics, useBatchStatistics } from '../../../src/autodiff/lower/batch-statistics.js';
import { canonicalOpset } from '../../../src/autodiff/opset.js';
import type { Provider } from '../../../src/contract/settings.js';
import { Graph } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { float32, runOnce, type Tensor } from '../../../src/runtime/session.js';
import { checkGradient, node, random, valueInfo } from '../check-gradient.js';

const providers: Provider[] = ['cpu', 'webgpu'];

/** x through one or two BatchNormalizations of two channels to y; their parameters are equal in value, as in a fresh network */
function network(
  shape: readonly number[],
  provider: Provider,
  layers: readonly [string, string][] = [['x', 'y']],
): { graph: Graph; running: RunningStatistics[] } {
  const parameters = ['scale', 'bias', 'mean', 'variance'];
  const graph = new Graph(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(canonicalOpset) })],
      graph: create(GraphProtoSchema, {
        name: 'network',
        input: [valueInfo('x', shape)],
        output: [create(ValueInfoProtoSchema, { name: 'y' })],
        initializer: parameters.map((name, i) => floatTensor(name, [2], i % 3 === 0 ? [1, 1] : [0, 0])),
        node: layers.map(([x, y]) => node('BatchNormalization', [x, ...parameters], [y], { epsilon: { float: 0 } })),
      }),
    }),
  );
  const shapes = new Map(layers.map(([x]) => [x, shape]));
  return { graph, running: useBatchStatistics(graph, { provider, shapes, momentum: 0.75 }) };
}

const floats = (tensor: Tensor | undefined): number[] =>
  tensor?.data instanceof Float32Array ? Array.from(tensor.data) : [];

describe.each(providers)('batch statistics on %s', (provider) => {
  it('keeps the statistics of every layer apart', async () => {
    const { graph, running } = network([4, 2], provider, [
      ['x', 'h'],
      ['h', 'y'],
    ]);
    graph.proto.output.push(...running.map(({ newMean }) => create(ValueInfoProtoSchema, { name: newMean })));
    const outputs = await runOnce(graph.model, { x: float32(Float32Array.of(1, 10, 3, 10, 5, 30, 7, 30), [4, 2]) });
    const means = running.map(({ newMean }) => floats(outputs[newMean]));
    expect(means[0]).toEqual([1, 5]);
    for (const mean of means[1] ?? []) expect(mean).toBeCloseTo(0, 6);
  });

  it('normalises by the batch and moves the running statistics towards it', async () => {
    const { graph, running } = network([4, 2], provider);
    const { newMean = '', newVariance = '' } = running[0] ?? {};
    graph.proto.output.push(...[newMean, newVariance].map((name) => create(ValueInfoProtoSchema, { name })));
    const x = Float32Array.of(1, 10, 3, 10, 5, 30, 7, 30);
    const outputs = await runOnce(graph.model, { x: float32(x, [4, 2]) });

    // channel 0: mean 4, variance 5 (unbiased 20/3); channel 1: mean 20, variance 100 (unbiased 400/3)
    const expected = [-3, -10, -1, -10, 1, 10, 3, 10].map((d, i) => d / Math.sqrt(i % 2 === 0 ? 5 : 100));
    for (const [i, value] of floats(outputs.y).entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
    expect(floats(outputs[newMean])).toEqual([1, 5]);
    const [first, second] = floats(outputs[newVariance]);
    expect(first).toBeCloseTo(0.75 + 0.25 * (20 / 3), 5);
    expect(second).toBeCloseTo(0.75 + 0.25 * (400 / 3), 4);
  });

  it.each([[[1, 2]], [[1, 2, 1, 1]]])('has none of a single number per channel: %j', async (shape) => {
    const { graph, running } = network(shape, provider);
    const { newMean = '', newVariance = '' } = running[0] ?? {};
    graph.proto.output.push(...[newMean, newVariance].map((name) => create(ValueInfoProtoSchema, { name })));
    const outputs = await runOnce(graph.model, { x: float32(Float32Array.of(3, -7), shape) });
    // by the running statistics, mean 0 and variance 1, which stay
    expect(floats(outputs.y)).toEqual([3, -7]);
    expect(floats(outputs[newMean])).toEqual([0, 0]);
    expect(floats(outputs[newVariance])).toEqual([1, 1]);
  });

  it.each([
    ['vectors', [5, 2]],
    ['series', [3, 2, 4]],
    ['images', [2, 2, 3, 2]],
    ['volumes', [1, 2, 2, 3, 2]],
  ])('the gradient flows through the statistics: %s', async (_, shape) => {
    const { graph } = network(shape, provider);
    const channel = { shape: [2] };
    const next = random(3);
    await checkGradient({
      inputs: {
        // away from zero mean, with deviations that differ
        x: { shape, values: Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 + 3 * next()) },
        scale: channel,
        bias: channel,
      },
      constants: graph.proto.initializer.filter(({ name }) => name !== 'scale' && name !== 'bias'),
      nodes: graph.nodes,
      outputs: ['y'],
      provider,
      tolerance: 5e-3,
    });
  });

  it('changes a graph once', () => {
    const { graph } = network([4, 2], provider);
    const nodes = graph.nodes.length;
    expect(useBatchStatistics(graph, { provider, shapes: new Map([['x', [4, 2]]]), momentum: 0.9 })).toEqual([]);
    expect(graph.nodes).toHaveLength(nodes);
  });
});
