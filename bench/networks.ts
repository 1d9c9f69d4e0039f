import { type Layers, untrainedNetwork } from '../fixtures/layers.js';
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

export type NetworkName = 'resnet8' | 'resnet20' | 'resnet18' | 'smallnet' | 'lstm50' | 'lstm200' | 'lstm800';

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
      const stem = normalized(layers, 'stem', input, 3, 64, { kernel: 7, stride: 2 });
      const pooled = layers.op('stem/pool', 'MaxPool', [layers.op('stem/relu', 'Relu', [stem])], {
        kernel_shape: { ints: [3, 3] },
        strides: { ints: [2, 2] },
        pads: { ints: [1, 1, 1, 1] },
      });
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

export const networks: Readonly<Record<NetworkName, Network>> = {
  resnet8,
  resnet20,
  resnet18,
  smallnet,
  lstm50: recurrent('lstm50', 50),
  lstm200: recurrent('lstm200', 200),
  lstm800: recurrent('lstm800', 800),
};

/** An LSTM of 64 units over `steps` steps of 16 numbers, its last state, two dense layers: 25 thousand parameters. */
function recurrent(name: NetworkName, steps: number): Network {
  const [size, units] = [16, 64];
  const input = [steps, size];
  return {
    name,
    title: `LSTM of ${steps} steps`,
    input,
    classes: 10,
    build: () => {
      const graph = untrainedNetwork(name, seed, input, 10, (layers, x) => {
        const first = layers.op('steps', 'Transpose', [x], { perm: { ints: [1, 0, 2] } });
        const states = layers.op('lstm', 'LSTM', [first, 'lstm/w', 'lstm/r', 'lstm/b'], {
          hidden_size: { int: units },
        });
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
        weights('lstm/w', [1, 4 * units, size]),
        weights('lstm/r', [1, 4 * units, units]),
        weights('lstm/b', [1, 8 * units]),
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
  options: { kernel?: number; stride?: number } = {},
): string {
  const conv = layers.conv(`${name}/conv`, x, inputs, outputs, { ...options, bias: false });
  return layers.batchNorm(`${name}/norm`, conv, outputs);
}

function classify(layers: Layers, x: string, channels: number, classes: number): string {
  const pooled = layers.op('pool', 'GlobalAveragePool', [x]);
  return layers.dense('logits', layers.op('flatten', 'Flatten', [pooled]), channels, classes);
}
