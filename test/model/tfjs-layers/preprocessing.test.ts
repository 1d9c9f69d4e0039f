import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type Feed, feed, open, readingError, save } from './compare.js';

const { layers } = tf;

/** Behind another layer: TensorFlow.js 4.22 writes the output shape of these layers over that of the value which they read. */
function alone(layer: tf.layers.Layer, inputShape: readonly number[]): tf.LayersModel {
  const model = tf.sequential();
  model.add(layers.inputLayer({ inputShape: [...inputShape] }));
  model.add(layers.reshape({ targetShape: [...inputShape] }));
  model.add(layer);
  return model;
}

describe('CenterCrop', () => {
  it.each([
    ['even margins', [8, 10], [4, 6]],
    ['odd margins', [9, 8], [4, 5]],
    ['one column more', [6, 6], [6, 5]],
    ['a single pixel', [7, 7], [1, 1]],
    ['all of it', [5, 6], [5, 6]],
  ] as const)('%s', async (_, [rows, columns], [height, width]) => {
    const model = alone(layers.centerCrop({ height, width }), [rows, columns, 3]);
    expect(await readingError(model, [feed([2, rows, columns, 3])])).toBeLessThan(1e-5);
  });
});

describe('CategoryEncoding', () => {
  const numbers: Feed = { shape: [3, 4], values: [0, 2, 2, 4, 1, 1, 1, 0, 3, 2, 1, 0] };
  const single: Feed = { shape: [3, 1], values: [0, 4, 2] };

  it.each([
    ['multiHot', numbers],
    ['count', numbers],
    ['oneHot', single],
  ] as const)('%s', async (outputMode, given) => {
    const model = alone(layers.categoryEncoding({ numTokens: 5, outputMode }), given.shape.slice(1));
    expect(await readingError(model, [given])).toBe(0);
  });
});

it('a layer that changes images in training alone passes them on, and one that always does is refused', async () => {
  const files = new Map(await save(alone(layers.dense({ units: 2 }), [3])));
  const json: object = JSON.parse(new TextDecoder().decode(files.get('model.json')));
  const withLayer = (className: string) => {
    const text = JSON.stringify(json).replace(
      '{"class_name":"Dense"',
      `{"class_name":"${className}","config":{"name":"r"}},{"class_name":"Dense"`,
    );
    return open(new Map([...files, ['model.json', new TextEncoder().encode(text)]]));
  };
  const { graph } = await withLayer('RandomFlip');
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Reshape', 'Gemm']);
  await expect(withLayer('RandomWidth')).rejects.toThrow(/r \(RandomWidth\): .*at random/);
});
