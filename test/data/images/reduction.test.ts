import sharp from 'sharp';
import { expect, it } from 'vitest';
import { reducePixels } from '../../../src/data/images/reduce.js';
import { planReduction } from '../../../src/data/images/reduction.js';
import { createRandom } from '../../../src/math/random.js';

const kernels = ['linear', 'cubic', 'lanczos3'] as const;

/** Pixels of every size of step, full black and white among them: what a kernel overshoots at. */
function noise(length: number): Uint8Array {
  const random = createRandom(1);
  return Uint8Array.from({ length }, () => Math.max(0, Math.min(255, Math.floor(400 * random.uniform() - 70))));
}

interface Side {
  readonly height: number;
  readonly width: number;
}

const size = (height: number, width: number): Side => ({ height, width });

it.each(kernels)('reduces as libvips does, to the last bit (%s)', async (kernel) => {
  for (const channels of [1, 3] as const) {
    for (const [from, to] of [
      [size(256, 256), size(224, 224)],
      [size(97, 50), size(97, 31)],
      [size(41, 300), size(40, 299)],
      [size(64, 61), size(33, 20)],
      [size(190, 255), size(64, 90)],
      [size(332, 318), size(219, 186)],
      [size(282, 58), size(142, 37)],
    ] as const) {
      const pixels = noise(from.height * from.width * channels);
      const rows = planReduction(from.height, from.height / to.height, kernel);
      const columns = planReduction(from.width, from.width / to.width, kernel);
      if (rows === null || columns === null) throw new Error('it is not reduced here');
      const theirs = await sharp(pixels, { raw: { ...from, channels } })
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .resize({ ...to, fit: 'fill', kernel })
        .raw()
        .toBuffer();
      expect(theirs.equals(reducePixels(pixels, channels, rows, columns)), JSON.stringify([from, to])).toBe(true);
    }
  }
});

it('leaves to libvips what it does otherwise', () => {
  expect(planReduction(100, 0.5, 'linear'), 'enlarged').toBeNull();
  expect(planReduction(100, 4, 'linear'), 'means of whole pixels first').toBeNull();
  expect(planReduction(100, 2, 'nearest')).toBeNull();
});
