import { Failure } from '../../contract/failure.js';
import { openRegular, readFully } from '../../contract/regular-file.js';
import type { Dataset, PixelSize } from '../dataset.js';
import { type ArrayDataset, readResized, requireFinite } from './arrays.js';
import { type FileElements, floats, type NpyArray } from './npy.js';

/** An array of samples whose elements stay in their file. */
export interface FileArray extends Omit<ArrayDataset, 'storage' | 'rounded'> {
  readonly array: NpyArray & { readonly file: FileElements };
  /** what names the array in a message */
  readonly place: string;
}

/**
 * A data set whose samples are read from an array in a file as they are used: it may be larger than memory.
 * Its numbers are looked at as they are read: one that is not finite, or that float32 would take for another, is refused then.
 */
export function fileArrayDataset({ array, place, ...data }: FileArray): Dataset {
  const { path, format, part, shape, layout, names, targets } = data;
  const { file, type } = array;
  const count = array.shape[0] ?? 0;
  const bytesPerSample = file.byteLength / count;
  const isPixels = type === 'u1';

  const gather = async (indices: ArrayLike<number>): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = new Uint8Array(indices.length * bytesPerSample);
    const handle = await openRegular(file.path);
    try {
      for (let from = 0; from < indices.length; ) {
        const to = endOfRun(indices, from);
        const run = bytes.subarray(from * bytesPerSample, to * bytesPerSample);
        await readFully(handle, run, file.offset + (indices[from] ?? 0) * bytesPerSample);
        from = to;
      }
    } finally {
      await handle.close();
    }
    return bytes;
  };

  const numbersOf = async (indices: ArrayLike<number>): Promise<Float32Array> => {
    const bytes = await gather(indices);
    const some = { ...array, shape: [indices.length, ...shape], data: new DataView(bytes.buffer) };
    const { values, rounded } = floats(place, some);
    requireFinite(path, values, values.length / indices.length, indices);
    if (rounded === undefined) return values;
    throw new Failure('input', {
      what: `${place} holds ${rounded}, which is beyond the whole numbers that are exact here (2^24).`,
      cure: 'Number them anew, from 0 on.',
    });
  };

  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    sample: { shape, layout, dtype: isPixels ? 'uint8' : 'float32', ...(names === undefined ? {} : { names }) },
    targets,
    async read(indices, into, size?: PixelSize) {
      if (!isPixels) return into.set(await numbersOf(indices));
      const pixels = await gather(indices);
      if (size === undefined || layout === 'values') return into.set(pixels);
      return readResized(
        pixels,
        shape,
        layout,
        Array.from(indices, (_, i) => i),
        into,
        size,
      );
    },
    ...(isPixels && { pixels: gather }),
    bytes: (index) => gather([index]),
  };
}

/** Where samples that follow each other in the file end, among those from `from` on. */
function endOfRun(indices: ArrayLike<number>, from: number): number {
  let to = from + 1;
  while (to < indices.length && indices[to] === (indices[to - 1] ?? 0) + 1) to += 1;
  return to;
}
