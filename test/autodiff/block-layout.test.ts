import { clone, create } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { reorderWeights, type WeightOrder } from '../../src/autodiff/blocked.js';
import { differentiate } from '../../src/autodiff/differentiate.js';
import { useBatchStatistics } from '../../src/autodiff/lower/batch-statistics.js';
import { blockLayout } from '../../src/autodiff/lower/block-layout.js';
import { canonicalOpset } from '../../src/autodiff/opset.js';
import { Graph, type NodeProto } from '../../src/model/graph.js';
import { DataType, elementCount, floatTensor, int64Tensor } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { observeShapes } from '../../src/runtime/shapes.js';
import { findBlockSize } from '../../src/training/block-size.js';
import { node, random } from './check-gradient.js';

interface Network {
  readonly x: readonly number[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly nodes: readonly NodeProto[];
}

const blockSize = await findBlockSize();
const ints = (...values: number[]) => ({ ints: values });
const conv = (inputs: string[], output: string, kernel: number, stride = 1, pads = [0, 0, 0, 0], group = 1) =>
  node('Conv', inputs, [output], {
    kernel_shape: ints(kernel, kernel),
    strides: ints(stride, stride),
    pads: ints(...pads),
    group: { int: group },
  });

/** A variance is positive, and a running mean lies near what it is the mean of; a ceiling is above zero. */
function drawn(name: string, uniform: number): number {
  if (/^(n\dv|t4)$/.test(name)) return uniform + 0.5;
  if (name === 'zero' || name === 'half') return name === 'zero' ? 0 : 0.5;
  return /^n\dm$/.test(name) ? (uniform - 0.5) / 10 : uniform - 0.5;
}

function build({ x, weights, nodes }: Network): Graph {
  const next = random(3);
  const dim = x.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }));
  const type = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType: DataType.FLOAT, shape: { dim } } },
  });
  return new Graph(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [create(OperatorSetIdProtoSchema, { version: BigInt(canonicalOpset) })],
      graph: create(GraphProtoSchema, {
        name: 'network',
        input: [create(ValueInfoProtoSchema, { name: 'x', type })],
        output: [create(ValueInfoProtoSchema, { name: 'y' })],
        initializer: [
          int64Tensor('others', [3], [1, 2, 3]),
          ...Object.entries({ floor: [], ...weights, zero: [], half: [] }).map(([name, shape]) =>
            floatTensor(
              name,
              shape,
              Array.from({ length: elementCount(shape) }, () => drawn(name, next())),
            ),
          ),
        ],
        // copies: rewriting one graph leaves the network as it is for the next
        node: nodes.map((each) => clone(NodeProtoSchema, each)),
      }),
    }),
  );
}

/** Not at all; with weights that are reordered on each run; with weights kept in a convolution's order. */
type Blocking = 'plain' | 'blocked' | 'kept';

/** y and the gradients of sum(y * R) by x and every weight, in the model's order. */
async function gradients(
  network: Network,
  blocking: Blocking,
  ownStatistics = false,
): Promise<{ values: Map<string, Float32Array>; count: number }> {
  const graph = build(network);
  const next = random(5);
  const x = Float32Array.from({ length: elementCount(network.x) }, () => next() - 0.5);
  const feeds = { x: float32(x, network.x) };
  const statistics = ownStatistics
    ? useBatchStatistics(graph, { provider: 'cpu', shapes: await observeShapes(graph, feeds), momentum: 0.9 })
    : [];
  const centres = new Map(statistics.map(({ output, mean }) => [output, mean]));
  const plain = await observeShapes(graph, feeds);
  const keepWeights = blocking === 'kept';
  const { convolutions: count, reordered } =
    blocking === 'plain'
      ? { convolutions: 0, reordered: new Map<string, WeightOrder>() }
      : blockLayout(graph, {
          blockSize: blockSize ?? 1,
          shapes: plain,
          centres,
          trained: new Set(Object.keys(network.weights)),
          keepWeights,
        });
  const shapes = await observeShapes(graph, feeds);
  const shape = shapes.get('y') ?? [];
  const seed = graph.addInitializer(
    floatTensor(
      'seed',
      shape,
      Array.from({ length: elementCount(shape) }, () => next() - 0.5),
    ),
  );
  // running statistics are no parameters
  const wanted = ['x', ...Object.keys(network.weights).filter((name) => !/^n\d[mv]$/.test(name))];
  const found = differentiate(graph, new Map([['y', seed]]), new Set(wanted), {
    path: 'network.onnx',
    provider: 'cpu',
    shapes,
    ...(blocking === 'plain' ? {} : { blockSize: blockSize ?? 1 }),
  });
  const updates = statistics.flatMap(({ newMean, newVariance }) => [newMean, newVariance]);
  const outputs = new Map([['y', 'y'], ...found, ...updates.map((name) => [name, name] as const)]);
  graph.proto.output = [...new Set(outputs.values())].map((name) => create(ValueInfoProtoSchema, { name }));
  const results = await runOnce(graph.model, feeds);
  const values = new Map<string, Float32Array>();
  for (const [name, output] of outputs) {
    const data = results[output]?.data;
    const order = reordered.get(name);
    if (data instanceof Float32Array) values.set(name, order ? reorderWeights(data, order, 'plain') : data);
  }
  expect(reordered.size > 0).toBe(keepWeights && count > 0);
  return { values, count };
}

const residual: Network = {
  x: [16, 16, 6, 6],
  weights: { w1: [16, 16, 3, 3], b1: [16], w2: [16, 16, 3, 3], b2: [16] },
  nodes: [
    node('Relu', ['x'], ['r0']),
    conv(['r0', 'w1', 'b1'], 'c1', 3, 1, [1, 1, 1, 1]),
    node('Relu', ['c1'], ['r1']),
    conv(['r1', 'w2', 'b2'], 'c2', 3, 1, [1, 1, 1, 1]),
    node('Add', ['c2', 'r0'], ['s']),
    node('Relu', ['s'], ['y']),
  ],
};

const downsampling: Network = {
  x: [20, 16, 8, 8],
  weights: { w1: [32, 16, 3, 3], w2: [32, 32, 3, 3], b2: [32], w3: [32, 16, 1, 1], b3: [32] },
  nodes: [
    conv(['x', 'w1'], 'c1', 3, 2, [1, 1, 1, 1]),
    node('Relu', ['c1'], ['r1']),
    conv(['r1', 'w2', 'b2'], 'c2', 3, 1, [1, 1, 1, 1]),
    conv(['x', 'w3', 'b3'], 'c3', 1, 2),
    node('Add', ['c2', 'c3'], ['s']),
    node('Relu', ['s'], ['y']),
  ],
};

const pooled: Network = {
  x: [16, 16, 9, 6],
  weights: { w1: [16, 16, 3, 3], b1: [16], w2: [16, 16, 1, 1] },
  nodes: [
    conv(['x', 'w1', 'b1'], 'c1', 3, 1, [1, 1, 1, 1]),
    // a floor below zero: many equal maxima, none of them stopped by a Relu
    node('Clip', ['c1', 'floor'], ['r1']),
    node('MaxPool', ['r1'], ['p1'], { kernel_shape: ints(2, 3), strides: ints(2, 3) }),
    conv(['p1', 'w2'], 'y', 1),
  ],
};

/** The same of windows that overlap, are padded, have holes between them or leave something unread. */
const pooledBy = (
  x: number[],
  kernel: [number, number],
  strides: [number, number],
  pads: number[],
  ceil = 0,
): Network => ({
  x,
  weights: { w1: [16, 16, 1, 1], b1: [16], w2: [16, 16, 1, 1] },
  nodes: [
    conv(['x', 'w1', 'b1'], 'c1', 1),
    node('Clip', ['c1', 'floor'], ['r1']),
    node('MaxPool', ['r1'], ['p1'], {
      kernel_shape: ints(...kernel),
      strides: ints(...strides),
      pads: ints(...pads),
      ceil_mode: { int: ceil },
    }),
    conv(['p1', 'w2'], 'y', 1),
  ],
});

const floored: Network = {
  x: [16, 16, 6, 5],
  weights: { w1: [16, 16, 3, 3], b1: [16], o1: [], w2: [16, 16, 3, 3], b2: [16], o2: [] },
  nodes: [
    conv(['x', 'w1', 'b1'], 'c1', 3, 1, [1, 1, 1, 1]),
    node('Clip', ['c1', 'o1'], ['r1']),
    conv(['r1', 'w2', 'b2'], 'c2', 3, 1, [1, 1, 1, 1]),
    node('Add', ['c2', 'r1'], ['s']),
    node('Identity', ['o2'], ['f2']),
    node('Clip', ['s', 'f2'], ['y']),
  ],
};

/** FReLU made of ReLU6, behind a depthwise convolution and behind a pooling; ReLU6 as it was; a ceiling that is trained by itself. */
const capped: Network = {
  x: [5, 16, 6, 8],
  weights: {
    w1: [16, 1, 3, 3],
    b1: [16],
    o1: [],
    w2: [16, 16, 3, 3],
    o2: [],
    w3: [16, 16, 1, 1],
    w4: [16, 16, 1, 1],
    t4: [],
  },
  nodes: [
    conv(['x', 'w1', 'b1'], 'c1', 3, 1, [1, 1, 1, 1], 16),
    node('Add', ['o1', 'half'], ['l1']),
    node('Clip', ['c1', 'o1', 'l1'], ['r1']),
    conv(['r1', 'w2'], 'c2', 3, 1, [1, 1, 1, 1]),
    node('MaxPool', ['c2'], ['p2'], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    node('Add', ['half', 'o2'], ['l2']),
    node('Clip', ['p2', 'o2', 'l2'], ['r2']),
    conv(['r2', 'w3'], 'c3', 1),
    node('Clip', ['c3', 'zero', 'half'], ['r3']),
    conv(['r3', 'w4'], 'c4', 1),
    node('Clip', ['c4', 'zero', 't4'], ['y']),
  ],
};

/** As pooling before an activation leaves it; a convolution that something else reads, too, is not lowered. */
const flooredBehindPooling: Network = {
  x: [16, 16, 9, 6],
  weights: { w1: [16, 16, 3, 3], b1: [16], o1: [], w2: [32, 16, 3, 3], o2: [], w3: [16, 32, 1, 1], w4: [16, 32, 3, 3] },
  nodes: [
    conv(['x', 'w1', 'b1'], 'c1', 3, 1, [1, 1, 1, 1]),
    node('MaxPool', ['c1'], ['p1'], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    node('Clip', ['p1', 'o1'], ['r1']),
    conv(['r1', 'w2'], 'c2', 3, 1, [1, 1, 1, 1]),
    node('MaxPool', ['c2'], ['p2'], { kernel_shape: ints(3, 2), strides: ints(3, 2) }),
    node('Clip', ['p2', 'o2'], ['r2']),
    conv(['r2', 'w3'], 'c3', 1),
    conv(['c2', 'w4'], 'c4', 3, 4, [1, 1, 1, 1]),
    node('MaxPool', ['c4'], ['p4'], { kernel_shape: ints(1, 1), strides: ints(1, 1) }),
    node('Sub', ['c3', 'p4'], ['y']),
  ],
};

const normalization = (x: string, name: string, output: string) =>
  node('BatchNormalization', [x, `${name}g`, `${name}b`, `${name}m`, `${name}v`], [output], {
    epsilon: { float: 1e-3 },
  });
const vectors = (name: string) => ({ [`${name}g`]: [16], [`${name}b`]: [16], [`${name}m`]: [16], [`${name}v`]: [16] });

const normalized: Network = {
  x: [12, 16, 5, 6],
  weights: { w1: [16, 16, 3, 3], ...vectors('n1'), w2: [16, 16, 3, 3], b2: [16], ...vectors('n2'), ...vectors('n3') },
  nodes: [
    conv(['x', 'w1'], 'c1', 3, 1, [1, 1, 1, 1]),
    normalization('c1', 'n1', 'a1'),
    node('Relu', ['a1'], ['r1']),
    conv(['r1', 'w2', 'b2'], 'c2', 3, 1, [1, 1, 1, 1]),
    normalization('c2', 'n2', 'a2'),
    node('Add', ['a2', 'r1'], ['s']),
    normalization('s', 'n3', 'y'),
  ],
};

/** Maps of more positions than are summed at once. */
const normalizedMaps: Network = { ...normalized, x: [3, 16, 19, 17] };

/** 1x1, depthwise, 1x1; the depthwise one leaves a column that no window reads, and has holes. */
const depthwise: Network = {
  x: [3, 16, 7, 9],
  weights: { w1: [16, 16, 1, 1], w2: [16, 1, 3, 2], b2: [16], w3: [16, 16, 1, 1] },
  nodes: [
    conv(['x', 'w1'], 'c1', 1),
    node('Conv', ['c1', 'w2', 'b2'], ['c2'], {
      group: { int: 16 },
      kernel_shape: ints(3, 2),
      strides: ints(2, 3),
      dilations: ints(1, 2),
      pads: ints(1, 1, 1, 0),
    }),
    node('Relu', ['c2'], ['r2']),
    conv(['r2', 'w3'], 'y', 1),
  ],
};

const perChannel = (x: number[], kernel: [number, number], strides: [number, number], pads: number[]): Network => {
  const [, channels = 1] = x;
  return {
    x,
    weights: { w1: [channels, 1, ...kernel], f1: [channels, 1, 1, 1], b1: [channels], w2: [16, channels, 1, 1] },
    nodes: [
      node('Mul', ['w1', 'f1'], ['scaled']),
      node('Conv', ['x', 'scaled', 'b1'], ['c1'], {
        group: { int: channels },
        kernel_shape: ints(...kernel),
        strides: ints(...strides),
        pads: ints(...pads),
      }),
      node('Relu', ['c1'], ['r1']),
      conv(['r1', 'w2'], 'y', 1),
    ],
  };
};

/** Channels that are joined, some of them plain so far and some read by others too, and joined again. */
const joined: Network = {
  x: [5, 16, 6, 5],
  weights: { w1: [32, 16, 1, 1], w2: [16, 48, 3, 3], w3: [16, 64, 1, 1] },
  nodes: [
    conv(['x', 'w1'], 'c1', 1),
    node('Concat', ['x', 'c1'], ['j1'], { axis: { int: 1 } }),
    node('Relu', ['j1'], ['r1']),
    conv(['r1', 'w2'], 'c2', 3, 1, [1, 1, 1, 1]),
    node('Concat', ['j1', 'c2'], ['j2'], { axis: { int: -3 } }),
    conv(['j2', 'w3'], 'c3', 1),
    node('Concat', ['c3', 'c2'], ['y'], { axis: { int: 2 } }),
  ],
};

const scaled: Network = {
  x: [4, 16, 5, 6],
  weights: { w1: [32, 16, 3, 3], f1: [32, 1, 1, 1], b1: [32] },
  nodes: [node('Mul', ['w1', 'f1'], ['scaled']), conv(['x', 'scaled', 'b1'], 'y', 3, 1, [1, 1, 1, 1])],
};

/** An offset that is folded into what reads it: the sums of its weights, of one with a factor per filter, and of a depthwise one. */
const folded: Network = {
  x: [4, 16, 5, 6],
  weights: { w1: [32, 16, 3, 3], f1: [32, 1, 1, 1], o1: [], w2: [32, 1, 3, 3], b2: [32], w3: [16, 32, 1, 1], o3: [] },
  nodes: [
    node('ReduceSum', ['w1', 'others'], ['s1'], { keepdims: { int: 0 } }),
    node('Mul', ['s1', 'o1'], ['b1']),
    node('Mul', ['w1', 'f1'], ['scaled']),
    conv(['x', 'scaled', 'b1'], 'c1', 3, 1, [1, 1, 1, 1]),
    node('ReduceSum', ['w2', 'others'], ['s2'], { keepdims: { int: 0 } }),
    node('Add', ['s2', 'b2'], ['t2']),
    conv(['c1', 'w2', 't2'], 'c2', 3, 2, [1, 1, 1, 1], 32),
    node('ReduceSum', ['w3', 'others'], ['s3'], { keepdims: { int: 0 } }),
    node('Mul', ['s3', 'o3'], ['b3']),
    conv(['c2', 'w3', 'b3'], 'y', 1),
  ],
};

const single = (x: number[], w: number[], kernel: number, stride: number, pads: number[]): Network => ({
  x,
  weights: { w, b: [w[0] ?? 1] },
  nodes: [conv(['x', 'w', 'b'], 'y', kernel, stride, pads)],
});

function expectEqual(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
  tolerance: number,
) {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of expected) {
    const others = actual.get(name) ?? new Float32Array();
    expect(others.length).toBe(values.length);
    // a shift that a normalization takes off again has no effect: its gradient is rounding, where others are of the order of 1
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const difference = values.reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] ?? 0))), 0);
    expect(difference / scale, name).toBeLessThan(tolerance);
  }
}

describe.skipIf(blockSize === null)('blocked channel layout', () => {
  it.each<[string, number, Network]>([
    ['3x3', 1, single([16, 16, 5, 7], [32, 16, 3, 3], 3, 1, [1, 1, 1, 1])],
    ['a batch that is no multiple of the block', 1, single([5, 32, 5, 4], [16, 32, 3, 3], 3, 1, [1, 1, 1, 1])],
    ['no padding', 1, single([16, 16, 6, 6], [16, 16, 3, 3], 3, 1, [0, 0, 0, 0])],
    ['asymmetric padding', 1, single([16, 16, 6, 5], [16, 16, 3, 3], 3, 1, [0, 1, 2, 0])],
    ['1x1', 1, single([32, 48, 3, 5], [16, 48, 1, 1], 1, 1, [0, 0, 0, 0])],
    ['1x1 with stride', 1, single([16, 16, 6, 6], [32, 16, 1, 1], 1, 2, [0, 0, 0, 0])],
    ['1x1 with stride on an odd size', 1, single([16, 16, 7, 5], [32, 16, 1, 1], 1, 2, [0, 0, 0, 0])],
    ['3x3 with stride', 1, single([16, 16, 8, 6], [16, 16, 3, 3], 3, 2, [1, 1, 1, 1])],
    ['3x3 with stride on an odd size', 1, single([16, 16, 7, 9], [16, 16, 3, 3], 3, 2, [1, 1, 1, 1])],
    ['5x5 with stride 3', 1, single([16, 16, 9, 9], [16, 16, 5, 5], 5, 3, [2, 2, 2, 2])],
    ['a row and a column that no window reads', 1, single([16, 16, 12, 12], [16, 16, 5, 5], 5, 4, [2, 2, 2, 2])],
    ['the same of three channels', 1, single([32, 3, 12, 12], [16, 3, 5, 5], 5, 4, [2, 2, 2, 2])],
    ['7x7 of three channels', 1, single([16, 3, 16, 16], [16, 3, 7, 7], 7, 2, [3, 3, 3, 3])],
    ['3x3 of one channel', 1, single([32, 1, 8, 8], [16, 1, 3, 3], 3, 1, [1, 1, 1, 1])],
    ['a kernel larger than the image', 1, single([16, 16, 2, 2], [16, 16, 3, 3], 3, 1, [1, 1, 1, 1])],
    [
      'half a block of images, in strips of an odd height',
      1,
      single([8, 32, 5, 7], [16, 32, 3, 3], 3, 1, [1, 1, 1, 1]),
    ],
    ['one image, in strips with stride', 1, single([1, 16, 8, 18], [32, 16, 3, 3], 3, 2, [1, 1, 1, 1])],
    ['three blocks of strips', 1, single([24, 32, 4, 7], [16, 32, 3, 3], 3, 1, [1, 1, 1, 1])],
    ['strips, and images of zeros', 1, single([6, 16, 5, 8], [16, 16, 3, 3], 3, 1, [1, 0, 1, 2])],
    ['strips that leave a row and a column unread', 1, single([8, 16, 7, 9], [16, 16, 2, 2], 2, 3, [0, 0, 0, 0])],
    ['strips that leave a row unread', 1, single([4, 16, 11, 7], [16, 16, 2, 2], 2, 3, [0, 0, 0, 0])],
    ['strips of a row each', 1, single([1, 32, 9, 5], [16, 32, 3, 3], 3, 1, [1, 1, 1, 1])],
    ['strips of three channels', 1, single([8, 3, 14, 18], [16, 3, 7, 7], 7, 2, [3, 3, 3, 3])],
    ['a residual block', 2, residual],
    ['a residual block that halves the size', 3, downsampling],
    ['a depthwise convolution between two others', 2, depthwise],
    ['one channel per filter', 2, perChannel([3, 32, 5, 7], [3, 3], [1, 1], [1, 1, 1, 1])],
    ['the same with stride', 2, perChannel([2, 16, 8, 6], [3, 3], [2, 2], [1, 1, 1, 1])],
    ['the same, padded at the end alone', 2, perChannel([2, 16, 8, 6], [3, 3], [2, 2], [0, 0, 1, 1])],
    ['the same on odd sizes, of a wide kernel', 2, perChannel([2, 16, 7, 9], [3, 5], [2, 2], [1, 2, 1, 2])],
    [
      'the same with a row and columns that no window reads',
      2,
      perChannel([3, 16, 8, 11], [3, 2], [2, 3], [1, 0, 0, 0]),
    ],
    ['the same of one tap with stride', 2, perChannel([3, 16, 6, 5], [1, 1], [2, 3], [0, 0, 0, 0])],
    ['the same with a kernel larger than the image', 2, perChannel([3, 16, 2, 1], [5, 3], [1, 1], [2, 1, 2, 1])],
    ['channels that are joined', 3, joined],
    ['floors that are learned', 2, floored],
    ['floors with ceilings', 4, capped],
    ['floors that are learned, behind poolings', 4, flooredBehindPooling],
    ['normalizations with frozen statistics', 2, normalized],
    ['the same of large maps', 2, normalizedMaps],
    ['max pooling with equal maxima and a rest that no window reads', 2, pooled],
    ['max pooling of windows that overlap', 2, pooledBy([3, 16, 8, 10], [3, 3], [2, 2], [1, 1, 1, 1])],
    ['the same on odd sizes', 2, pooledBy([2, 16, 7, 9], [3, 3], [2, 2], [1, 1, 1, 1])],
    [
      'the same unpadded, of which the last reach beyond the end',
      2,
      pooledBy([2, 16, 8, 12], [3, 3], [2, 2], [0, 0, 0, 0], 1),
    ],
    ['the same unpadded, with a rest', 2, pooledBy([2, 16, 8, 6], [3, 3], [2, 2], [0, 0, 0, 0])],
    ['the same around every element', 2, pooledBy([2, 16, 5, 6], [3, 3], [1, 1], [1, 1, 1, 1])],
    ['the same padded on one side, of other sizes', 2, pooledBy([2, 16, 9, 11], [4, 5], [3, 2], [0, 3, 2, 0])],
    ['the same with holes between them', 2, pooledBy([2, 16, 9, 8], [2, 1], [4, 3], [1, 0, 0, 0])],
    ['the same along one axis, of a window per row', 2, pooledBy([2, 16, 4, 6], [1, 6], [1, 1], [0, 0, 0, 0])],
    ['the same of a window larger than its image', 2, pooledBy([2, 16, 2, 3], [3, 5], [1, 2], [1, 2, 1, 2])],
    ['max pooling of windows of many taps', 2, pooledBy([2, 16, 12, 4], [12, 2], [1, 2], [0, 0, 0, 0])],
    ['weights times a factor per filter', 1, scaled],
    ['weights whose sums are read', 3, folded],
  ])('%s: values and gradients are those of the plain layout', async (_, count, network) => {
    const plain = await gradients(network, 'plain');
    for (const blocking of ['blocked', 'kept'] as const) {
      const blocked = await gradients(network, blocking);
      expect(blocked.count).toBe(count);
      expectEqual(blocked.values, plain.values, 2e-5);
    }
  });

  it.each([
    ['small maps', normalized],
    ['large maps', normalizedMaps],
  ])(
    'normalizations by the statistics of the batch, %s: the same, and the same running statistics',
    async (_, network) => {
      const blocked = await gradients(network, 'kept', true);
      expect(blocked.count).toBe(2);
      expectEqual(blocked.values, (await gradients(network, 'plain', true)).values, 2e-4);
    },
  );

  it('a floor behind a convolution is its activation: no Clip is left', () => {
    const graph = build(floored);
    const shapes = new Map(Object.entries({ ...floored.weights, x: floored.x, f2: [] }));
    for (const value of ['c1', 'r1', 'c2', 's', 'y']) shapes.set(value, floored.x);
    blockLayout(graph, { blockSize: blockSize ?? 1, shapes });
    expect(graph.nodes.filter(({ opType }) => opType === 'Clip')).toEqual([]);
  });

  it('so is one behind a pooling, where nothing else reads the convolution', () => {
    const graph = build(flooredBehindPooling);
    const shapes = new Map(Object.entries({ ...flooredBehindPooling.weights, x: flooredBehindPooling.x }));
    const [high, low] = [
      [16, 16, 9, 6],
      [16, 16, 4, 3],
    ];
    for (const [value, shape] of Object.entries({ c1: high, p1: low, r1: low, c2: [16, 32, 4, 3] })) {
      shapes.set(value, shape);
    }
    for (const value of ['p2', 'r2']) shapes.set(value, [16, 32, 1, 1]);
    for (const value of ['c3', 'c4', 'p4', 'y']) shapes.set(value, [16, 16, 1, 1]);
    blockLayout(graph, { blockSize: blockSize ?? 1, shapes });
    expect(graph.nodes.filter(({ opType }) => opType === 'Clip').map(({ input }) => input[1])).toEqual(['o2']);
  });

  it.each([
    ['sums', folded],
    ['a factor per filter', scaled],
  ])('weights with %s lie as the convolution reads them: no node reorders any', async (_, network) => {
    const graph = build(network);
    const feeds = { x: float32(new Float32Array(elementCount(network.x)), network.x) };
    const shapes = await observeShapes(graph, feeds);
    const { reordered } = blockLayout(graph, { blockSize: blockSize ?? 1, shapes, keepWeights: true });
    const weights = Object.keys(network.weights).filter((name) => name.startsWith('w'));
    expect([...reordered.keys()]).toEqual(weights);
    const reorderings = graph.nodes.filter(({ opType }) => opType.startsWith('Reorder'));
    expect(
      reorderings.map(({ input, output }) => [...input, ...output].filter((name) => ['x', 'y'].includes(name))),
    ).toEqual([['x'], ['y']]);
  });

  it('ReLU6, and FReLU made of it, is the activation of what it follows, but for one with a ceiling of its own', async () => {
    const graph = build(capped);
    const feeds = { x: float32(new Float32Array(elementCount(capped.x)), capped.x) };
    const trained = new Set(Object.keys(capped.weights));
    blockLayout(graph, { blockSize: blockSize ?? 1, shapes: await observeShapes(graph, feeds), trained });
    const clips = graph.nodes.filter(({ opType }) => opType === 'Clip');
    expect(clips.map(({ input }) => input[2])).toEqual([expect.stringContaining('const'), 't4']);
  });

  it('leaves convolutions alone that have no room for a block, groups or holes', async () => {
    const twelve = single([4, 16, 5, 5], [12, 16, 3, 3], 3, 1, [1, 1, 1, 1]);
    const twenty = single([4, 20, 5, 5], [16, 20, 3, 3], 3, 1, [1, 1, 1, 1]);
    for (const network of [twelve, twenty]) expect((await gradients(network, 'kept')).count).toBe(0);
  });
});
