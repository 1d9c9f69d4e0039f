import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import {
  difference,
  type Feed,
  feed,
  indices,
  open,
  randomize,
  readingError,
  runGraph,
  runStock,
  save,
} from './compare.js';

const { layers } = tf;
type Layer = tf.layers.Layer;

/** A model of the layers in a row, for inputs of `shape`. */
function chain(shape: readonly (number | null)[], ...row: readonly Layer[]): tf.LayersModel {
  const model = tf.sequential();
  model.add(layers.inputLayer({ batchInputShape: [null, ...shape] }));
  for (const layer of row) model.add(layer);
  return model;
}

const image = feed([2, 7, 9, 4]);
const imageFirst = feed([2, 4, 7, 9]);
const series = feed([3, 11, 4]);
const volume = feed([2, 5, 6, 7, 2]);
const rows = feed([5, 6]);

/** name, the input, the layers */
type Case = readonly [string, Feed, () => readonly Layer[]];

function compareEach(cases: readonly Case[]): void {
  it.each(cases)('%s', async (_, input, row) => {
    expect(await readingError(chain(input.shape.slice(1), ...row()), [input])).toBeLessThan(1e-5);
  });
}

describe('convolutions give what TensorFlow.js gives', () => {
  compareEach([
    ['Conv2D valid', image, () => [layers.conv2d({ filters: 3, kernelSize: [2, 3] })]],
    ['Conv2D same, stride 2', image, () => [layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' })]],
    ['Conv2D same, even kernel', image, () => [layers.conv2d({ filters: 3, kernelSize: [4, 2], padding: 'same' })]],
    [
      'Conv2D stride wider than the kernel',
      image,
      () => [layers.conv2d({ filters: 2, kernelSize: 1, strides: [3, 2], padding: 'same' })],
    ],
    [
      'Conv2D dilated',
      image,
      () => [layers.conv2d({ filters: 3, kernelSize: 3, dilationRate: [2, 3], padding: 'same' })],
    ],
    [
      'Conv2D without bias',
      image,
      () => [layers.conv2d({ filters: 3, kernelSize: 3, useBias: false, activation: 'relu' })],
    ],
    [
      'Conv2D channels first',
      imageFirst,
      () => [
        layers.conv2d({
          filters: 3,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          dataFormat: 'channelsFirst',
          activation: 'relu',
        }),
      ],
    ],
    ['Conv2D with softmax', image, () => [layers.conv2d({ filters: 3, kernelSize: 3, activation: 'softmax' })]],
    [
      'Conv1D',
      series,
      () => [layers.conv1d({ filters: 5, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' })],
    ],
    ['Conv1D dilated', series, () => [layers.conv1d({ filters: 5, kernelSize: 3, dilationRate: 2 })]],
    [
      'Conv3D',
      volume,
      () => [
        layers.conv3d({ filters: 3, kernelSize: [2, 3, 3], strides: [1, 2, 2], padding: 'same', activation: 'relu' }),
      ],
    ],
    ['Conv2DTranspose valid', image, () => [layers.conv2dTranspose({ filters: 3, kernelSize: [4, 3], strides: 2 })]],
    [
      'Conv2DTranspose same',
      image,
      () => [layers.conv2dTranspose({ filters: 3, kernelSize: [4, 3], strides: [2, 2], padding: 'same' })],
    ],
    [
      'Conv2DTranspose with a stride wider than the kernel',
      image,
      () => [layers.conv2dTranspose({ filters: 3, kernelSize: 2, strides: 3 })],
    ],
    [
      'Conv2DTranspose channels first',
      imageFirst,
      () => [layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, dataFormat: 'channelsFirst' })],
    ],
    [
      'DepthwiseConv2D',
      image,
      () => [layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu6' })],
    ],
    [
      'DepthwiseConv2D, stride 2',
      image,
      () => [layers.depthwiseConv2d({ kernelSize: 3, strides: [2, 2], padding: 'same' })],
    ],
    [
      'DepthwiseConv2D channels first',
      imageFirst,
      () => [layers.depthwiseConv2d({ kernelSize: 2, dataFormat: 'channelsFirst' })],
    ],
    [
      'SeparableConv2D',
      image,
      () => [
        layers.separableConv2d({
          filters: 5,
          kernelSize: 3,
          depthMultiplier: 2,
          strides: 2,
          padding: 'same',
          activation: 'relu',
        }),
      ],
    ],
    ['SeparableConv2D dilated', image, () => [layers.separableConv2d({ filters: 5, kernelSize: 3, dilationRate: 2 })]],
  ]);
});

describe('pooling', () => {
  compareEach([
    ['MaxPooling2D', image, () => [layers.maxPooling2d({ poolSize: 2 })]],
    [
      'MaxPooling2D same, overlapping',
      image,
      () => [layers.maxPooling2d({ poolSize: [3, 2], strides: [2, 1], padding: 'same' })],
    ],
    [
      'MaxPooling2D channels first',
      imageFirst,
      () => [layers.maxPooling2d({ poolSize: 3, dataFormat: 'channelsFirst' })],
    ],
    ['AveragePooling2D same', image, () => [layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })]],
    ['MaxPooling1D', series, () => [layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' })]],
    ['AveragePooling1D', series, () => [layers.averagePooling1d({ poolSize: 2 })]],
    ['MaxPooling3D', volume, () => [layers.maxPooling3d({ poolSize: 2 })]],
    ['AveragePooling3D', volume, () => [layers.averagePooling3d({ poolSize: [2, 3, 2], strides: 2, padding: 'same' })]],
    ['GlobalMaxPooling1D', series, () => [layers.globalMaxPooling1d({})]],
    ['GlobalAveragePooling1D', series, () => [layers.globalAveragePooling1d({})]],
    ['GlobalMaxPooling2D', image, () => [layers.globalMaxPooling2d({})]],
    ['GlobalAveragePooling2D', image, () => [layers.globalAveragePooling2d({})]],
    [
      'GlobalAveragePooling2D channels first',
      imageFirst,
      () => [layers.globalAveragePooling2d({ dataFormat: 'channelsFirst' })],
    ],
  ]);
});

describe('normalization', () => {
  compareEach([
    ['BatchNormalization of images', image, () => [layers.batchNormalization({ epsilon: 0.01 })]],
    ['BatchNormalization of rows', rows, () => [layers.batchNormalization()]],
    ['BatchNormalization of series', series, () => [layers.batchNormalization({ scale: false })]],
    ['BatchNormalization without centre', image, () => [layers.batchNormalization({ center: false })]],
    ['LayerNormalization', series, () => [layers.layerNormalization()]],
    ['LayerNormalization of several axes', image, () => [layers.layerNormalization({ axis: [2, 3], scale: false })]],
    ['LayerNormalization bare', rows, () => [layers.layerNormalization({ center: false, scale: false })]],
  ]);
});

describe('core', () => {
  compareEach([
    ['Dense', rows, () => [layers.dense({ units: 4, activation: 'relu' })]],
    ['Dense without bias', rows, () => [layers.dense({ units: 4, useBias: false })]],
    ['Dense over images', image, () => [layers.conv2d({ filters: 3, kernelSize: 3 }), layers.dense({ units: 4 })]],
    [
      'Flatten',
      image,
      () => [
        layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 4 }),
      ],
    ],
    ['Flatten channels first', imageFirst, () => [layers.flatten({ dataFormat: 'channelsFirst' })]],
    ['Reshape', image, () => [layers.conv2d({ filters: 3, kernelSize: 3 }), layers.reshape({ targetShape: [7, -1] })]],
    ['Permute', image, () => [layers.conv2d({ filters: 3, kernelSize: 3 }), layers.permute({ dims: [3, 1, 2] })]],
    ['RepeatVector', rows, () => [layers.repeatVector({ n: 3 })]],
    [
      'Dropout and its relatives',
      rows,
      () => [
        layers.dropout({ rate: 0.5 }),
        layers.gaussianNoise({ stddev: 1 }),
        layers.gaussianDropout({ rate: 0.5 }),
        layers.alphaDropout({ rate: 0.5 }),
      ],
    ],
    ['SpatialDropout1D', series, () => [layers.spatialDropout1d({ rate: 0.5 })]],
    ['Rescaling', image, () => [layers.rescaling({ scale: 1 / 127.5, offset: -1 })]],
  ]);

  it('Embedding', async () => {
    const model = tf.sequential();
    model.add(layers.embedding({ inputDim: 6, outputDim: 3, inputLength: 5 }));
    model.add(layers.flatten());
    expect(await readingError(model, [indices([4, 5], 6)])).toBeLessThan(1e-5);
  });
});

describe('images', () => {
  compareEach([
    [
      'ZeroPadding2D',
      image,
      () => [
        layers.zeroPadding2d({
          padding: [
            [1, 0],
            [2, 3],
          ],
        }),
      ],
    ],
    [
      'ZeroPadding2D channels first',
      imageFirst,
      () => [layers.zeroPadding2d({ padding: 2, dataFormat: 'channelsFirst' })],
    ],
    [
      'Cropping2D',
      image,
      () => [
        layers.cropping2D({
          cropping: [
            [1, 0],
            [2, 3],
          ],
        }),
      ],
    ],
    [
      'Cropping2D channels first',
      imageFirst,
      () => [
        layers.cropping2D({
          cropping: [
            [1, 0],
            [2, 3],
          ],
          dataFormat: 'channelsFirst',
        }),
      ],
    ],
    ['UpSampling2D nearest', image, () => [layers.upSampling2d({ size: [2, 3] })]],
    ['UpSampling2D bilinear', image, () => [layers.upSampling2d({ size: [2, 3], interpolation: 'bilinear' })]],
    ['UpSampling2D channels first', imageFirst, () => [layers.upSampling2d({ dataFormat: 'channelsFirst' })]],
  ]);

  // A model that holds a Resizing layer does not run in TensorFlow.js 4.22, since the layer is given a list; alone it does.
  it.each([
    ['bilinear', { height: 5, width: 13 }],
    ['bilinear, cropping', { height: 5, width: 13, cropToAspectRatio: true }],
    ['nearest', { height: 5, width: 13, interpolation: 'nearest' }],
    ['nearest, cropping', { height: 14, width: 5, interpolation: 'nearest', cropToAspectRatio: true }],
  ] as const)('Resizing %s', async (_, options) => {
    const { graph } = await open(await save(chain([7, 9, 4], layers.resizing(options))));
    const input = tf.tensor4d([...image.values], [2, 7, 9, 4]);
    const expected = layers.resizing(options).apply(input);
    if (!(expected instanceof tf.Tensor)) throw new Error('one tensor was expected');
    const stock = [{ shape: expected.shape, values: Float32Array.from(await expected.data()) }];
    expect(difference(stock, await runGraph(graph, [image]))).toBeLessThan(1e-5);
  });
});

describe('BatchNormalization of an axis that is not the last', () => {
  // TensorFlow.js's CPU kernel takes the statistics along the last axis whatever the axis is, so it is asked with the axis moved.
  it('normalizes that axis', async () => {
    const first = chain([4, 7, 9], layers.batchNormalization({ axis: 1 }));
    const last = chain(
      [4, 7, 9],
      layers.permute({ dims: [2, 3, 1] }),
      layers.batchNormalization(),
      layers.permute({ dims: [3, 1, 2] }),
    );
    randomize(first);
    last.setWeights(first.getWeights());
    const { graph } = await open(await save(first));
    expect(difference(await runStock(last, [imageFirst]), await runGraph(graph, [imageFirst]))).toBeLessThan(1e-5);
  });
});
