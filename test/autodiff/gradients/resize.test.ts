import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { floatTensor, int64Tensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

async function byScales(shape: readonly number[], scales: readonly number[], attributes: Attributes): Promise<void> {
  await checkGradient({
    inputs: { x: { shape } },
    constants: [floatTensor('scales', [scales.length], scales)],
    nodes: [node('Resize', ['x', '', 'scales'], ['y'], attributes)],
  });
}

async function bySizes(shape: readonly number[], sizes: readonly number[], attributes: Attributes): Promise<void> {
  await checkGradient({
    inputs: { x: { shape } },
    constants: [int64Tensor('sizes', [sizes.length], sizes)],
    nodes: [node('Resize', ['x', '', '', 'sizes'], ['y'], attributes)],
  });
}

const text = (string: string) => ({ string });

describe('Resize', () => {
  it.each(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'])('nearest, half_pixel, %s', async (rounding) => {
    await byScales([1, 2, 3, 2], [1, 1, 2, 3], { nearest_mode: text(rounding) });
    await byScales([1, 2, 3, 4], [1, 1, 1.7, 0.6], { nearest_mode: text(rounding) });
    // twice as long, but not at the scale 2
    await byScales([1, 2, 3, 4], [1, 1, 2.3, 2], { nearest_mode: text(rounding) });
  });

  it.each(['asymmetric', 'align_corners', 'pytorch_half_pixel', 'half_pixel_symmetric'])(
    'nearest, %s',
    async (mode) => {
      const attributes = { coordinate_transformation_mode: text(mode), nearest_mode: text('floor') };
      await byScales([1, 2, 3, 2], [1, 1, 2, 3], attributes);
      await bySizes([1, 2, 3, 4], [1, 2, 5, 3], attributes);
    },
  );

  it.each(['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'])('linear, %s', async (mode) => {
    const attributes = { mode: text('linear'), coordinate_transformation_mode: text(mode) };
    await byScales([1, 2, 3, 2], [1, 1, 2, 2.5], attributes);
    await bySizes([1, 2, 4, 5], [1, 2, 7, 2], attributes);
  });

  it('linear with antialiasing', () =>
    bySizes([1, 1, 6, 7], [1, 1, 3, 4], { mode: text('linear'), antialias: { int: 1 } }));

  it.each([0, 1])('cubic, exclude_outside %d', async (exclude) => {
    const attributes = { mode: text('cubic'), cubic_coeff_a: { float: -0.5 }, exclude_outside: { int: exclude } };
    await byScales([1, 2, 3, 4], [1, 1, 2, 0.7], attributes);
  });

  it('sequences and volumes', async () => {
    await byScales([2, 3, 4], [1, 1, 2], {});
    await byScales([2, 3, 4], [1, 1, 1.5], { mode: text('linear') });
    await byScales([1, 2, 2, 3, 2], [1, 1, 2, 1, 2], {});
    await byScales([1, 2, 2, 3, 2], [1, 1, 2, 1.5, 2], { mode: text('linear') });
  });

  it('named axes only', () => bySizes([1, 2, 3, 4], [6, 2], { axes: { ints: [2, -1] } }));

  it('refuses to keep an aspect ratio', async () => {
    const check = bySizes([1, 1, 2, 4], [4, 6], {
      axes: { ints: [2, 3] },
      keep_aspect_ratio_policy: text('not_larger'),
    });
    await expect(check).rejects.toThrow('it keeps the aspect ratio (not_larger)');
  });
});
