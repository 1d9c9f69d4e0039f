import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { MaskStore, Masks, MaskTargets, PixelSize } from './dataset.js';
import type { NamedInputs } from './inputs.js';

/** One mask as it is stored, row by row. */
export type Mask = Masks;

export interface MaskSource extends Pick<MaskStore, 'count' | 'values' | 'shape' | 'name' | 'bytes'> {
  readonly path: string;
  read(index: number): Promise<Mask>;
}

/** Bytes of masks that are kept once they are brought to a size. */
const cacheLimit = 2 ** 28;

/** What a pixel counts as that is of no class. */
const uncounted = -1;

/** Masks as a store, which keeps what it has decoded where all of it fits into 256 MiB. */
export function maskStore(source: MaskSource): MaskStore {
  const { path, count, values, shape, name, bytes } = source;
  const Pixels = (values.at(-1) ?? 0) > 255 ? Uint16Array : Uint8Array;
  let cached: { readonly size: string; readonly masks: (Masks['values'] | undefined)[] } | null = null;

  const cacheFor = (size: PixelSize | null, pixels: number): (Masks['values'] | undefined)[] | null => {
    if (count * pixels * Pixels.BYTES_PER_ELEMENT > cacheLimit) return null;
    const key = JSON.stringify(size);
    if (cached?.size !== key) cached = { size: key, masks: [] };
    return cached.masks;
  };

  return {
    count,
    values,
    shape,
    name,
    bytes,
    async gather(indices, size) {
      const [height, width] = size === null ? requireShape(path, shape) : [size.height, size.width];
      const pixels = height * width;
      const kept = cacheFor(size, pixels);
      const gathered = new Pixels(indices.length * pixels);
      await Promise.all(
        Array.from({ length: indices.length }, async (_, i) => {
          const index = present(indices[i], 'the index of a mask');
          const known = kept?.[index];
          const mask = known ?? resizeMask(await source.read(index), size);
          if (known === undefined && kept !== null) kept[index] = mask;
          gathered.set(mask, i * pixels);
        }),
      );
      return { values: gathered, height, width };
    },
  };
}

function requireShape(path: string, shape: MaskStore['shape']): readonly [number, number] {
  if (shape !== null) return shape;
  throw new Failure('usage', {
    what: `${path}: its masks are of various sizes.`,
    cure: 'Say to which size they are resized, with their images.',
    settings: ['resize'],
  });
}

/**
 * A mask under the geometry by which `resizePixels` brings its image to `size`: each pixel has the value of the stored one that
 * its centre falls into, so that no value arises that no pixel had.
 */
function resizeMask({ values, height, width }: Mask, size: PixelSize | null): Masks['values'] {
  if (size === null) return values;
  const rows = placesAlong('height', { height, width }, size);
  const columns = placesAlong('width', { height, width }, size);
  const resized =
    values instanceof Uint16Array
      ? new Uint16Array(rows.length * columns.length)
      : new Uint8Array(rows.length * columns.length);
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      resized[y * columns.length + x] = values[row * width + column] ?? 0;
    });
  });
  return resized;
}

/** The stored row (or column) that each row (column) of the result is taken from. */
function placesAlong(
  side: 'height' | 'width',
  stored: { readonly height: number; readonly width: number },
  { resized, fit, ...result }: PixelSize,
): Int32Array {
  const whole = fit === 'cover' ? covering(side, stored, resized) : resized[side];
  // sharp cuts the excess off as libvips's centre gravity does, then `resizePixels` takes the middle
  const offset = Math.floor((whole - resized[side] + 1) / 2) + Math.floor((resized[side] - result[side]) / 2);
  return Int32Array.from({ length: result[side] }, (_, at) =>
    Math.min(stored[side] - 1, Math.floor(((at + offset + 0.5) * stored[side]) / whole)),
  );
}

/** How long a side is when the image just covers `resized`, its aspect kept. */
function covering(
  side: 'height' | 'width',
  stored: { readonly height: number; readonly width: number },
  resized: PixelSize['resized'],
): number {
  const factor = Math.max(resized.height / stored.height, resized.width / stored.width);
  return Math.max(resized[side], Math.round(stored[side] * factor));
}

/** The size that the images which masks belong to are brought to; null where they are fed as stored. */
export function maskSize(inputs: readonly NamedInputs[], path: string): PixelSize | null {
  const [first, ...others] = inputs.map(({ preprocessing }) => preprocessing.size);
  if (others.length === 0 || [first, ...others].every((size) => size === null)) return first ?? null;
  throw new Failure('input', {
    what: `${path}: of several inputs some are resized, and which of them the masks follow is not known.`,
    cure: "Save the arrays at the model's size.",
    settings: ['resize'],
    written: 'nothing',
  });
}

/**
 * The class of every pixel of the masks of `indices`, [indices.length, height, width]; `uncounted` where it has none.
 * Requires: `targets.map`.
 * @throws Failure('input') for masks of another size than the maps, or a value that is none of the classes
 */
export async function gatherMasks(
  { store, map }: MaskTargets,
  indices: Int32Array,
  size: PixelSize | null,
): Promise<Float32Array> {
  const { height, width, ...reading } = present(map, 'how masks are read');
  if (store === null) return new Float32Array(indices.length * height * width).fill(uncounted);
  const masks = await store.gather(indices, size);
  if (masks.height !== height || masks.width !== width) {
    throw new Failure('input', {
      what: `${store.name(indices[0] ?? 0)}: its mask is ${masks.height}x${masks.width}, the model's maps are ${height}x${width}.`,
      cure: "Give masks of the maps' size, or a model whose maps have the size of its images.",
      settings: ['resize'],
    });
  }
  const classes = classTable(reading);
  const pixels = height * width;
  return Float32Array.from(masks.values, (value, at) => {
    const found = classes[value];
    if (found !== undefined) return found;
    throw beyondClasses(store.name(indices[Math.floor(at / pixels)] ?? 0), value, reading.classes);
  });
}

/** The class that each value of a mask stands for. */
function classTable({
  classes,
  ignored,
  foreground,
}: Pick<NonNullable<MaskTargets['map']>, 'classes' | 'ignored' | 'foreground'>): readonly (number | undefined)[] {
  const table: (number | undefined)[] = Array.from({ length: classes }, (_, label) => label);
  if (ignored !== null) table[ignored] = uncounted;
  if (foreground !== null) table[foreground] = 1;
  return table;
}

export function beyondClasses(place: string, value: number, classes: number): Failure {
  return new Failure('input', {
    what: `${place}: a pixel of the mask has the value ${value}, but the model knows ${classes} classes, numbered from 0.`,
    cure: 'Number the classes from 0 in the order of the model, with 255 for what is of none; or say that the targets are amounts.',
    settings: ['data', ['task', 'regression']],
  });
}
