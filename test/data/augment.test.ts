import { describe, expect, it } from 'vitest';
import type { Augmentation } from '../../src/contract/settings.js';
import { arePictures, augmenter } from '../../src/data/augment.js';
import type { SampleLayout } from '../../src/data/dataset.js';
import { createInputs, type Inputs } from '../../src/data/inputs.js';
import { type PreprocessingOptions, planPreprocessing } from '../../src/data/preprocess.js';
import { memoryDataset, ramp } from './memory.js';
import { pixelCases } from './pixel-cases.js';

const [height, width] = [8, 16];

interface Feeding {
  readonly layout: SampleLayout;
  /** of a stored sample, and of the model's input behind the batch */
  readonly stored: readonly number[];
  readonly input: readonly number[];
  readonly options?: PreprocessingOptions;
}

/** Two pictures as a model takes them; no pixel of theirs is stored as 0. */
async function pictures({ layout, stored, input, options = {} }: Feeding): Promise<[Inputs, Float32Array]> {
  const length = stored.reduce((total, dim) => total * dim, 1);
  const storage = ramp(2 * length).map((value) => 1 + (value % 250));
  const dataset = memoryDataset({ shape: stored, layout, storage });
  const inputs = createInputs(dataset, planPreprocessing(dataset, { shape: [null, ...input] }, options));
  return [inputs, await inputs.gather([0, 1])];
}

function vary(inputs: Inputs, values: Float32Array, kinds: readonly Augmentation[], seed: number): Float32Array {
  const varied = values.slice();
  augmenter(inputs, kinds)(varied, [0, 1], seed);
  return varied;
}

const planar: Feeding = {
  layout: 'HWC',
  stored: [height, width, 3],
  input: [3, height, width],
  options: { mean: [0.5, 0.4, 0.3], std: [0.5, 0.25, 0.2] },
};
const interleaved: Feeding = { ...planar, input: [height, width, 3] };

/** [height, width] of channel c of the first picture. */
const channelOf = (values: Float32Array, { input }: Feeding, c: number): readonly (readonly number[])[] =>
  Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      input[0] === 3 ? (values[(c * height + y) * width + x] ?? 0) : (values[(y * width + x) * 3 + c] ?? 0),
    ),
  );

/** What a stored 0 is to the model, by channel. */
const blanks = [-1, -1.6, -1.5];
const seeds = Array.from({ length: 40 }, (_, seed) => seed);

describe.each([
  ['channels first', planar],
  ['channels last', interleaved],
] as const)('pictures with %s', (_, feeding) => {
  it('are mirrored half of the time, all channels alike', async () => {
    const [inputs, values] = await pictures(feeding);
    const mirrored = seeds.map((seed) => {
      const varied = vary(inputs, values, ['flip'], seed);
      const isMirrored = [0, 1, 2].every((c) => {
        // torch.flip(picture, (-1,))
        const expected = channelOf(values, feeding, c).map((row) => row.toReversed());
        return String(channelOf(varied, feeding, c)) === String(expected);
      });
      if (!isMirrored) expect(channelOf(varied, feeding, 0)).toEqual(channelOf(values, feeding, 0));
      return isMirrored;
    });
    const count = mirrored.filter(Boolean).length;
    expect(count).toBeGreaterThan(10);
    expect(count).toBeLessThan(30);
  });

  it('are cut out of themselves with a border of what a stored 0 becomes', async () => {
    const [inputs, values] = await pictures(feeding);
    const shifts = seeds.map((seed) => {
      const varied = vary(inputs, values, ['crop'], seed);
      const found = possibleShifts().find(([down, right]) =>
        [0, 1, 2].every(
          (c) =>
            String(channelOf(varied, feeding, c)) ===
            String(shifted(channelOf(values, feeding, c), down, right, Math.fround(blanks[c] ?? 0))),
        ),
      );
      return String(found);
    });
    expect(shifts).not.toContain('undefined');
    // all 3 x 5 places, of which 40 draws meet most
    expect(new Set(shifts).size).toBeGreaterThan(9);
  });

  it('lose a rectangle of up to a third half of the time', async () => {
    const [inputs, values] = await pictures(feeding);
    const shares = seeds.map((seed) => {
      const [varied, before] = [vary(inputs, values, ['erase'], seed), channelOf(values, feeding, 1)];
      const changed = channelOf(varied, feeding, 1).flatMap((row, y) =>
        row.flatMap((value, x) => (value === before[y]?.[x] ? [] : [{ x, y, value }])),
      );
      if (changed.length === 0) return 0;
      const [xs, ys] = [changed.map(({ x }) => x), changed.map(({ y }) => y)];
      const side = (places: readonly number[]): number => Math.max(...places) - Math.min(...places) + 1;
      expect(side(xs) * side(ys)).toBe(changed.length);
      expect(new Set(changed.map(({ value }) => value))).toEqual(new Set([Math.fround(blanks[1] ?? 0)]));
      return changed.length / (height * width);
    });
    expect(shares.filter((share) => share === 0).length).toBeGreaterThan(8);
    expect(shares.filter((share) => share > 0).length).toBeGreaterThan(8);
    expect(Math.max(...shares)).toBeLessThan(0.4);
  });

  it('are varied by the seed and their own index, whatever batch they are in', async () => {
    const [inputs, values] = await pictures(feeding);
    const both = vary(inputs, values, ['flip', 'crop', 'erase'], 5);
    const second = values.slice(values.length / 2);
    augmenter(inputs, ['flip', 'crop', 'erase'])(second, [1], 5);
    expect(second).toEqual(both.slice(values.length / 2));
    expect(vary(inputs, values, ['flip', 'crop', 'erase'], 6)).not.toEqual(both);
  });
});

function possibleShifts(): readonly (readonly [down: number, right: number])[] {
  return [-1, 0, 1].flatMap((down) => [-2, -1, 0, 1, 2].map((right) => [down, right] as const));
}

/** torch.nn.functional.pad(picture, border, value=blank), cut out `down` and `right` of the middle. */
function shifted(
  rows: readonly (readonly number[])[],
  down: number,
  right: number,
  blank: number,
): readonly (readonly number[])[] {
  return rows.map((row, y) => row.map((_, x) => rows[y + down]?.[x + right] ?? blank));
}

it.each(pixelCases.filter(({ dataset }) => dataset.sample.layout !== 'values'))(
  'are varied as they are stored to what they are varied to as a model takes them: $name',
  async ({ dataset, shape, options }) => {
    const inputs = createInputs(dataset, planPreprocessing(dataset, { shape: [null, ...shape] }, options));
    const { pixels } = inputs;
    if (pixels === undefined) throw new Error('these are samples of 8 bits');
    const varying = augmenter(inputs, ['flip', 'crop', 'erase']);
    const order = [2, 0, 1];
    for (const seed of seeds) {
      const [fed, stored] = [await inputs.gather(order), await pixels.gather(order)];
      varying(fed, order, seed);
      varying(stored, order, seed);
      expect(pixels.toFloats(stored)).toEqual(fed);
    }
  },
);

describe('the samples that are pictures', () => {
  it('are pixels, flattened and of one channel too; not rows, nor series of floats', async () => {
    const grey = { layout: 'HW', stored: [height, width] } as const;
    for (const input of [[1, height, width], [height, width, 1], [height, width], [height * width]]) {
      const [inputs, values] = await pictures({ ...grey, input });
      expect(arePictures(inputs)).toBe(true);
      const flipped = seeds.map((seed) => vary(inputs, values, ['flip'], seed));
      expect(flipped.some((varied) => varied[0] === values[width - 1] && varied[width - 1] === values[0])).toBe(true);
    }
    const [rows] = await pictures({ layout: 'values', stored: [12], input: [12] });
    const series = memoryDataset({ shape: [8, 4], layout: 'HW', storage: new Float32Array(64) });
    const fed = createInputs(series, planPreprocessing(series, { shape: [null, 8, 4] }));
    expect([rows, fed].map(arePictures)).toEqual([false, false]);
    expect(() => augmenter(rows, ['flip'])).toThrow('no picture');
  });
});
