import { type ConvOptions, type Layers, untrainedNetwork } from '../fixtures/layers.js';
import { createRandom } from '../src/math/random.js';
import { Graph } from '../src/model/graph.js';
import { elementCount, floatTensor, int64Tensor } from '../src/model/tensor.js';

/** A network that is measured. `peers/networks.py` has the same under the same name, in PyTorch's words. */
export interface Network {
  readonly name: NetworkName;
  readonly title: string;
  /** the shape of one sample */
  readonly input: readonly number[];
  readonly classes: number;
  readonly build: () => Graph;
}

export type NetworkName =
  | 'resnet8'
  | 'resnet20'
  | 'resnet18'
  | 'resnet50'
  | 'densenet121'
  | 'densenet121x224'
  | 'vgg11'
  | 'mobilenetv2'
  | 'smallnet'
  | 'patches'
  | 'lstm50'
  | 'lstm200'
  | 'lstm800'
  | 'lstm200x2';

const seed = 1;

/** He et al. 2016, section 4.2, with projections where the width changes: 0.27 million parameters. */
const resnet20: Network = {
  name: 'resnet20',
  title: 'ResNet-20, 3x32x32',
  input: [3, 32, 32],
  classes: 10,
  build: () => residualNetwork({ width: 16, blocks: 3, size: 32 }),
};

/** The same with one block in each stage, for 28x28: 0.08 million parameters. */
const resnet8: Network = {
  name: 'resnet8',
  title: 'ResNet-8, 1x28x28',
  input: [1, 28, 28],
  classes: 10,
  build: () => residualNetwork({ width: 16, blocks: 1, size: 28, channels: 1 }),
};

/** He et al. 2016, table 1: 11.7 million parameters. */
const resnet18: Network = {
  name: 'resnet18',
  title: 'ResNet-18, 3x224x224',
  input: [3, 224, 224],
  classes: 1000,
  build: () =>
    untrainedNetwork('resnet18', seed, [3, 224, 224], 1000, (layers, input) => {
      const pooled = pooledStem(layers, input);
      return classify(layers, stages(layers, pooled, 64, [64, 128, 256, 512], 2), 512, 1000);
    }),
};

/** Three convolutions with max pooling, two dense layers, no normalization: 0.1 million parameters. */
const smallnet: Network = {
  name: 'smallnet',
  title: 'SmallNet, 1x28x28',
  input: [1, 28, 28],
  classes: 10,
  build: () =>
    untrainedNetwork('smallnet', seed, [1, 28, 28], 10, (layers, input) => {
      const widths = [1, 16, 32, 64];
      const features = widths.slice(1).reduce((x, width, i) => {
        const conv = layers.conv(`conv${i}`, x, widths[i] ?? 1, width);
        const pool = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } };
        return layers.op(`pool${i}`, 'MaxPool', [layers.op(`relu${i}`, 'Relu', [conv])], pool);
      }, input);
      const dense = layers.dense('dense', layers.op('flatten', 'Flatten', [features]), 64 * 9, 128);
      return layers.dense('logits', layers.op('dense/relu', 'Relu', [dense]), 128, 10);
    }),
};

/** One convolution, of patches: what its inputs cost decides. */
const patches: Network = {
  name: 'patches',
  title: 'one convolution, 3x224x224',
  input: [3, 224, 224],
  classes: 10,
  build: () =>
    untrainedNetwork('patches', seed, [3, 224, 224], 10, (layers, input) => {
      const convolved = layers.conv('patches', input, 3, 8, { kernel: 5, stride: 4 });
      const pooled = layers.op('pool', 'GlobalAveragePool', [layers.op('relu', 'Relu', [convolved])]);
      return layers.dense('classify', layers.op('flat', 'Flatten', [pooled]), 8, 10);
    }),
};

/** He et al. 2016, table 1, with the stride in the 3x3 convolution: 25.6 million parameters. */
const resnet50: Network = {
  name: 'resnet50',
  title: 'ResNet-50, 3x64x64',
  input: [3, 64, 64],
  classes: 1000,
  build: () =>
    untrainedNetwork('resnet50', seed, [3, 64, 64], 1000, (layers, input) => {
      let [x, channels] = [pooledStem(layers, input), 64];
      for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
        const width = 64 << stage;
        for (let i = 0; i < blocks; i++) {
          const name = `stage${stage}/block${i}`;
          const stride = stage > 0 && i === 0 ? 2 : 1;
          const step = (part: string, from: string, inputs: number, outputs: number, options: ConvOptions) =>
            normalized(layers, `${name}/${part}`, from, inputs, outputs, options);
          const relu = (part: string, from: string) => layers.op(`${name}/${part}/relu`, 'Relu', [from]);
          const first = relu('first', step('first', x, channels, width, { kernel: 1 }));
          const second = relu('second', step('second', first, width, width, { stride }));
          const third = step('third', second, width, 4 * width, { kernel: 1 });
          const shortcut = i === 0 ? step('shortcut', x, channels, 4 * width, { kernel: 1, stride }) : x;
          x = relu('add', layers.op(`${name}/add`, 'Add', [third, shortcut]));
          channels = 4 * width;
        }
      }
      return classify(layers, x, channels, 1000);
    }),
};

/** Huang et al. 2017, table 1, growth 32: 8.0 million parameters. */
const densenet = (name: NetworkName, size: number): Network => ({
  name,
  title: `DenseNet-121, 3x${size}x${size}`,
  input: [3, size, size],
  classes: 1000,
  build: () =>
    untrainedNetwork(name, seed, [3, size, size], 1000, (layers, input) => {
      const activated = (name: string, x: string, channels: number) =>
        layers.op(`${name}/relu`, 'Relu', [layers.batchNorm(`${name}/norm`, x, channels)]);
      const conv = (name: string, x: string, inputs: number, outputs: number, kernel: number) =>
        layers.conv(`${name}/conv`, activated(name, x, inputs), inputs, outputs, { kernel, bias: false });
      let [x, channels] = [pooledStem(layers, input), 64];
      for (const [stage, count] of [6, 12, 24, 16].entries()) {
        if (stage > 0) {
          const narrowed = conv(`transition${stage}`, x, channels, channels / 2, 1);
          x = layers.op(`transition${stage}/pool`, 'AveragePool', [narrowed], {
            kernel_shape: { ints: [2, 2] },
            strides: { ints: [2, 2] },
          });
          channels /= 2;
        }
        for (let i = 0; i < count; i++, channels += 32) {
          const name = `stage${stage}/layer${i}`;
          const grown = conv(`${name}/second`, conv(`${name}/first`, x, channels, 128, 1), 128, 32, 3);
          x = layers.op(`${name}/concat`, 'Concat', [x, grown], { axis: { int: 1 } });
        }
      }
      return classify(layers, activated('last', x, channels), channels, 1000);
    }),
});

/** Simonyan and Zisserman 2015, table 1, configuration A: 133 million parameters, 124 of them in three dense layers. */
const vgg11: Network = {
  name: 'vgg11',
  title: 'VGG-11, 3x224x224',
  input: [3, 224, 224],
  classes: 1000,
  build: () =>
    untrainedNetwork('vgg11', seed, [3, 224, 224], 1000, (layers, input) => {
      const relu = (name: string, x: string): string => layers.op(`${name}/relu`, 'Relu', [x]);
      let [x, channels] = [input, 3];
      for (const [stage, widths] of [[64], [128], [256, 256], [512, 512], [512, 512]].entries()) {
        for (const [i, width] of widths.entries()) {
          const name = `stage${stage}/conv${i}`;
          x = relu(name, layers.conv(name, x, channels, width));
          channels = width;
        }
        const halving = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } };
        x = layers.op(`stage${stage}/pool`, 'MaxPool', [x], halving);
      }
      const flat = layers.op('flatten', 'Flatten', [x]);
      const first = relu('dense0', layers.dense('dense0', flat, channels * 49, 4096));
      const second = relu('dense1', layers.dense('dense1', first, 4096, 4096));
      return layers.dense('logits', second, 4096, 1000);
    }),
};

/** Sandler et al. 2018, table 2: the expansion, channels, repetitions and first stride of each row. */
export const bottlenecks = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** The same paper's network of width 1: 3.5 million parameters. */
const mobilenetv2: Network = {
  name: 'mobilenetv2',
  title: 'MobileNetV2, 3x64x64',
  input: [3, 64, 64],
  classes: 1000,
  build: () => {
    const graph = untrainedNetwork('mobilenetv2', seed, [3, 64, 64], 1000, (layers, input) => {
      const step = (name: string, x: string, inputs: number, outputs: number, options: ConvOptions) =>
        layers.op(`${name}/relu6`, 'Clip', [normalized(layers, name, x, inputs, outputs, options), 'zero', 'six']);
      let [x, channels] = [step('stem', input, 3, 32, { stride: 2 }), 32];
      for (const [row, [expansion, outputs, repetitions, first]] of bottlenecks.entries()) {
        for (let i = 0; i < repetitions; i++) {
          const name = `row${row}/block${i}`;
          const [stride, inner] = [i === 0 ? first : 1, expansion * channels];
          const wide = expansion === 1 ? x : step(`${name}/expand`, x, channels, inner, { kernel: 1 });
          const moved = step(`${name}/depthwise`, wide, inner, inner, { stride, depthwise: true });
          const narrow = normalized(layers, `${name}/project`, moved, inner, outputs, { kernel: 1 });
          x = stride === 1 && channels === outputs ? layers.op(`${name}/add`, 'Add', [x, narrow]) : narrow;
          channels = outputs;
        }
      }
      return classify(layers, step('last', x, channels, 1280, { kernel: 1 }), 1280, 1000);
    });
    graph.proto.initializer.push(floatTensor('zero', [], [0]), floatTensor('six', [], [6]));
    return new Graph(graph.model);
  },
};

export const networks: Readonly<Record<NetworkName, Network>> = {
  resnet8,
  resnet20,
  resnet18,
  resnet50,
  densenet121: densenet('densenet121', 64),
  densenet121x224: densenet('densenet121x224', 224),
  vgg11,
  mobilenetv2,
  smallnet,
  patches,
  lstm50: recurrent('lstm50', 50),
  lstm200: recurrent('lstm200', 200),
  lstm800: recurrent('lstm800', 800),
  lstm200x2: recurrent('lstm200x2', 200, 2),
};

/** LSTMs of 64 units, one upon the other, over `steps` steps of 16 numbers, the last state, two dense layers: 25 thousand parameters with one. */
function recurrent(name: NetworkName, steps: number, depth = 1): Network {
  const [size, units] = [16, 64];
  const input = [steps, size];
  const cells = Array.from({ length: depth }, (_, i) => (i === 0 ? 'lstm' : `lstm${i}`));
  return {
    name,
    title: depth === 1 ? `LSTM of ${steps} steps` : `LSTM of ${depth} layers, ${steps} steps`,
    input,
    classes: 10,
    build: () => {
      const graph = untrainedNetwork(name, seed, input, 10, (layers, x) => {
        const first = layers.op('steps', 'Transpose', [x], { perm: { ints: [1, 0, 2] } });
        const states = cells.reduce((sequence, cell, i) => {
          const each = i === 0 ? sequence : layers.op(`${cell}/steps`, 'Squeeze', [sequence, 'lstm/direction']);
          return layers.op(cell, 'LSTM', [each, `${cell}/w`, `${cell}/r`, `${cell}/b`], {
            hidden_size: { int: units },
          });
        }, first);
        const last = layers.op('last', 'Squeeze', [
          layers.op('picked', 'Slice', [states, 'last/from', 'last/to']),
          'last/axes',
        ]);
        const dense = layers.dense('dense', last, units, units);
        return layers.dense('logits', layers.op('dense/relu', 'Relu', [dense]), units, 10);
      });
      const random = createRandom(seed);
      const weights = (tensor: string, shape: readonly number[]) =>
        floatTensor(
          tensor,
          shape,
          // as PyTorch draws them
          Float32Array.from({ length: elementCount(shape) }, () => (2 * random.uniform() - 1) / Math.sqrt(units)),
        );
      graph.proto.initializer.push(
        ...cells.flatMap((cell, i) => [
          weights(`${cell}/w`, [1, 4 * units, i === 0 ? size : units]),
          weights(`${cell}/r`, [1, 4 * units, units]),
          weights(`${cell}/b`, [1, 8 * units]),
        ]),
        ...(depth > 1 ? [int64Tensor('lstm/direction', [1], [1])] : []),
        int64Tensor('last/from', [1], [steps - 1]),
        int64Tensor('last/to', [1], [steps]),
        int64Tensor('last/axes', [2], [0, 1]),
      );
      return new Graph(graph.model);
    },
  };
}

/** A ResNet for small images: three stages of `blocks` blocks, the first of them `width` channels wide. */
export function residualNetwork({
  width,
  blocks,
  size,
  channels = 3,
}: {
  width: number;
  blocks: number;
  size: number;
  channels?: number;
}): Graph {
  return untrainedNetwork('residual', seed, [channels, size, size], 10, (layers, input) => {
    const stem = layers.op('stem/relu', 'Relu', [normalized(layers, 'stem', input, channels, width)]);
    return classify(layers, stages(layers, stem, width, [width, 2 * width, 4 * width], blocks), 4 * width, 10);
  });
}

/** What ResNets and DenseNets for large images begin with: 7x7 with stride 2, then max pooling with stride 2; 64 channels. */
function pooledStem(layers: Layers, input: string): string {
  const stem = normalized(layers, 'stem', input, 3, 64, { kernel: 7, stride: 2 });
  return layers.op('stem/pool', 'MaxPool', [layers.op('stem/relu', 'Relu', [stem])], {
    kernel_shape: { ints: [3, 3] },
    strides: { ints: [2, 2] },
    pads: { ints: [1, 1, 1, 1] },
  });
}

function stages(layers: Layers, x: string, inputs: number, widths: readonly number[], blocks: number): string {
  let at = x;
  let from = inputs;
  for (const [stage, width] of widths.entries()) {
    for (let i = 0; i < blocks; i++) {
      at = block(layers, `stage${stage}/block${i}`, at, from, width, stage > 0 && i === 0 ? 2 : 1);
      from = width;
    }
  }
  return at;
}

function block(layers: Layers, name: string, x: string, inputs: number, outputs: number, stride: number): string {
  const first = normalized(layers, `${name}/first`, x, inputs, outputs, { stride });
  const inner = layers.op(`${name}/first/relu`, 'Relu', [first]);
  const second = normalized(layers, `${name}/second`, inner, outputs, outputs);
  const same = stride === 1 && inputs === outputs;
  const shortcut = same ? x : normalized(layers, `${name}/shortcut`, x, inputs, outputs, { stride, kernel: 1 });
  return layers.op(`${name}/relu`, 'Relu', [layers.op(`${name}/add`, 'Add', [second, shortcut])]);
}

function normalized(
  layers: Layers,
  name: string,
  x: string,
  inputs: number,
  outputs: number,
  options: ConvOptions = {},
): string {
  const conv = layers.conv(`${name}/conv`, x, inputs, outputs, { ...options, bias: false });
  return layers.batchNorm(`${name}/norm`, conv, outputs);
}

function classify(layers: Layers, x: string, channels: number, classes: number): string {
  const pooled = layers.op('pool', 'GlobalAveragePool', [x]);
  return layers.dense('logits', layers.op('flatten', 'Flatten', [pooled]), channels, classes);
}
