import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { bottlenecks } from './networks.js';

const { layers } = tf;

/** A LayersModel that is measured, untrained, in stock layers alone. */
export interface LayersNetwork {
  readonly title: string;
  readonly batch: number;
  /** tfjs-node trains by the statistics of the batch */
  readonly batchNorm: 'batch' | 'frozen';
  readonly build: () => tf.LayersModel;
}

/** The SmallNet of `networks.ts`, as Keras has it: images [28, 28, 1], ReLU within its layers. */
const smallnet: LayersNetwork = {
  title: 'SmallNet, 28x28x1',
  batch: 128,
  batchNorm: 'frozen',
  build: () =>
    tf.sequential({
      layers: [
        ...[16, 32, 64].flatMap((filters, i) => [
          layers.conv2d({
            filters,
            kernelSize: 3,
            padding: 'same',
            activation: 'relu',
            ...(i === 0 && { inputShape: [28, 28, 1] }),
          }),
          layers.maxPooling2d({ poolSize: 2 }),
        ]),
        layers.flatten(),
        layers.dense({ units: 128, activation: 'relu' }),
        layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
};

/** MobileNetV2 of width 1, with ReLU6, at 96x96: 2.3 million parameters, 10 classes. */
const mobilenetV2: LayersNetwork = {
  title: 'MobileNetV2, 96x96x3',
  batch: 8,
  batchNorm: 'batch',
  build: () => {
    const input = tf.input({ shape: [96, 96, 3] });
    const relu6 = (x: tf.SymbolicTensor) => apply(layers.reLU({ maxValue: 6 }), x);
    const normed = (x: tf.SymbolicTensor) => apply(layers.batchNormalization(), x);
    const pointwise = (x: tf.SymbolicTensor, filters: number) =>
      normed(apply(layers.conv2d({ filters, kernelSize: 1, useBias: false }), x));
    const stem = layers.conv2d({ filters: 32, kernelSize: 3, strides: 2, padding: 'same', useBias: false });
    let x = relu6(normed(apply(stem, input)));
    let channels = 32;
    for (const [expansion, filters, repetitions, first] of bottlenecks) {
      for (let i = 0; i < repetitions; i++) {
        const strides = i === 0 ? first : 1;
        const expanded = expansion === 1 ? x : relu6(pointwise(x, expansion * channels));
        const depthwise = layers.depthwiseConv2d({ kernelSize: 3, strides, padding: 'same', useBias: false });
        const narrowed = pointwise(relu6(normed(apply(depthwise, expanded))), filters);
        x = strides === 1 && channels === filters ? apply(layers.add(), [x, narrowed]) : narrowed;
        channels = filters;
      }
    }
    const features = apply(layers.globalAveragePooling2d({}), relu6(pointwise(x, 1280)));
    return tf.model({
      inputs: input,
      outputs: apply(layers.dense({ units: 10, activation: 'softmax' }), features),
    });
  },
};

export const layersNetworks = { smallnet, mobilenetV2 };

function apply(layer: tf.layers.Layer, input: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor {
  const output = layer.apply(input);
  if (!(output instanceof tf.SymbolicTensor)) throw new Error(`the layer '${layer.name}' gives several values`);
  return output;
}

/** Writes a model's files into a new temporary folder, as TensorFlow.js has them; gives the path of its model.json. */
export async function saveLayersModel(model: tf.LayersModel): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData = new ArrayBuffer(0) }) => {
      const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
      await writeFile(join(folder, 'weights.bin'), weights);
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      await writeFile(
        join(folder, 'model.json'),
        JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return join(folder, 'model.json');
}
