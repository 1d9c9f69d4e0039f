import { expect, it } from 'vitest';
import { createInputs } from '../../src/data/inputs.js';
import { applyPreprocessing, inputLength, planPreprocessing } from '../../src/data/preprocess.js';
import { pixelCases } from './pixel-cases.js';

it.each(pixelCases)('8-bit samples become by a table what they become by arithmetic: $name', async (each) => {
  const { dataset, shape, options } = each;
  const preprocessing = planPreprocessing(dataset, { shape: [null, ...shape] }, options);
  const inputs = createInputs(dataset, preprocessing);
  const raw = new Float32Array(2 * preprocessing.raw.shape.reduce((product, dim) => product * dim, 1));
  await dataset.read([2, 0], raw);
  const expected = new Float32Array(2 * inputLength(preprocessing));
  applyPreprocessing(preprocessing, raw, 2, expected);
  expect(inputs.pixels).toBeDefined();
  expect(await inputs.gather([2, 0])).toEqual(expected);
});
