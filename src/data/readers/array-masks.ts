import { Failure } from '../../contract/failure.js';
import type { MaskTargets } from '../dataset.js';
import { maskStore } from '../masks.js';
import { heldData, type NpyArray, numbers } from './npy.js';
import type { ReadOptions } from './reader.js';

/** What is known of the samples that an array of targets belongs to. */
interface MaskedSamples {
  readonly count: number;
  /** of one sample of each input */
  readonly shapes: readonly (readonly number[])[];
}

/**
 * Whether an array of targets holds masks: it was said, or it holds whole numbers, one for each pixel of the samples:
 * [N, H, W], [N, 1, H, W] or [N, H, W, 1] beside samples of H x W.
 */
export function areMasks({ shape, type }: NpyArray, { shapes }: MaskedSamples, { targetKind }: ReadOptions): boolean {
  const mask = maskShape(shape.slice(1));
  // a column for each class, or what else it may be: the model's maps tell
  if (targetKind === 'mask') return mask !== null || shape.length !== 4;
  if (targetKind !== undefined) return false;
  if (mask === null || !/^[uib]/.test(type) || mask.some((side) => side < 2)) return false;
  const [height, width] = mask;
  // [H, W], [H, W, C], or [C, H, W]
  return shapes.some((own) =>
    [0, 1].some((at) => own.length >= 2 && own.length <= 3 && own[at] === height && own[at + 1] === width),
  );
}

/** The height and width of masks of that shape, which may have one channel; null for another shape. */
function maskShape(shape: readonly number[]): readonly [height: number, width: number] | null {
  const [a = 0, b = 0, c] = shape;
  if (shape.length === 2) return [a, b];
  if (shape.length !== 3 || c === undefined) return null;
  if (a === 1) return [b, c];
  return c === 1 ? [a, b] : null;
}

/**
 * An array of masks. Whole numbers from 0 to 65535, of any type.
 * @throws Failure('input') for another shape, or another number
 */
export function arrayMasks(path: string, name: string, array: NpyArray, { count, shapes }: MaskedSamples): MaskTargets {
  const shape = maskShape(array.shape.slice(1));
  if (shape === null) {
    throw new Failure('input', {
      what: `${path}: ${name} is [${array.shape.join(', ')}]; masks are [samples, height, width], the class of each pixel as a whole number.`,
      cure: 'Save the number of the class, not a column for each class; or say what the targets are.',
      settings: ['task'],
    });
  }
  requireOneSize(path, name, shape, shapes);
  const [height, width] = shape;
  const pixels = height * width;
  const stored = storageOf(path, name, array, pixels);
  return {
    kind: 'mask',
    map: null,
    store: maskStore({
      path,
      count,
      values: [...new Set(stored)].sort((a, b) => a - b),
      shape,
      name: (index) => `${path}: ${name}[${index}]`,
      read: async (index) => ({ values: stored.subarray(index * pixels, (index + 1) * pixels), height, width }),
      bytes: async (index) =>
        new Uint8Array(
          stored.buffer,
          stored.byteOffset + index * pixels * stored.BYTES_PER_ELEMENT,
          pixels * stored.BYTES_PER_ELEMENT,
        ),
    }),
  };
}

/** Masks at the size of their samples where these are pictures: they are resized by one geometry. */
function requireOneSize(
  path: string,
  name: string,
  [height, width]: readonly [number, number],
  shapes: MaskedSamples['shapes'],
): void {
  const fits = shapes.some((own) => own.some((side, at) => side === height && own[at + 1] === width));
  if (fits || shapes.length !== 1) return;
  throw new Failure('input', {
    what: `${path}: ${name} holds masks of ${height}x${width} for samples of [${(shapes[0] ?? []).join(', ')}].`,
    cure: 'Save the masks at the size of the samples.',
  });
}

function storageOf(path: string, name: string, array: NpyArray, pixels: number): Uint8Array | Uint16Array {
  const place = `${path}: ${name}`;
  if (array.type === 'u1') {
    const { buffer, byteOffset, byteLength } = heldData(place, array);
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const values = numbers(place, array);
  const at = values.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value < 2 ** 16));
  if (at >= 0) {
    throw new Failure('input', {
      what: `${path}: ${name}[${Math.floor(at / pixels)}] holds ${values[at]}, which is no class.`,
      cure: 'Number the classes from 0, with 255 for pixels of none; or say that the targets are amounts.',
      settings: [['task', 'regression']],
    });
  }
  return values.some((value) => value > 255) ? Uint16Array.from(values) : Uint8Array.from(values);
}
