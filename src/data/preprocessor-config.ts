import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../contract/failure.js';
import type { PixelSize } from './dataset.js';
import { fileSize } from './readers/files.js';

/** What a Hugging Face `preprocessor_config.json` asks for, in the order in which it is applied. */
export interface PreprocessorConfig {
  readonly path: string;
  readonly resize: {
    readonly height: number;
    readonly width: number;
    readonly fit: PixelSize['fit'];
    readonly interpolation: PixelSize['interpolation'];
  } | null;
  readonly crop: { readonly height: number; readonly width: number } | null;
  /** what stored pixels are multiplied by; null for none */
  readonly scale: number | null;
  readonly mean: readonly number[] | null;
  readonly std: readonly number[] | null;
}

/** The config beside a model file (or in a model's folder); null where there is none. */
export async function findPreprocessorConfig(modelPath: string): Promise<PreprocessorConfig | null> {
  for (const folder of [modelPath, dirname(modelPath)]) {
    const path = join(folder, 'preprocessor_config.json');
    if ((await fileSize(path)) !== null) return readPreprocessorConfig(path);
  }
  return null;
}

/** @throws Failure('input') when the file is not such a config, or asks for a step that is not supported */
export async function readPreprocessorConfig(path: string): Promise<PreprocessorConfig> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const cause = messageOf(error);
    throw new Failure('input', `${path}: it is not readable JSON (${cause}). Correct or remove it.`, { cause: error });
  }
  return parsePreprocessorConfig(path, parsed);
}

/** PIL's filters by their numbers, which the config uses. */
const interpolations: readonly PixelSize['interpolation'][] = ['nearest', 'lanczos3', 'linear', 'cubic'];

const unsupported = ['do_flip_channel_order', 'do_convert_grayscale', 'do_pad', 'do_reduce_labels'] as const;

/**
 * Reads the fields of the image processors of `transformers`: do_resize, size, resample, crop_pct, do_center_crop,
 * crop_size, do_rescale, rescale_factor, do_normalize, image_mean, image_std. A missing `do_` field counts as
 * set where the step has its values: older configs leave it out.
 * @throws Failure('input')
 */
export function parsePreprocessorConfig(path: string, config: unknown): PreprocessorConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new Failure('input', `${path}: it is not a JSON object. Give a preprocessor_config.json.`);
  }
  const field = (name: string): unknown => Reflect.get(config, name);
  for (const name of unsupported) {
    if (field(name) === true) {
      throw new Failure('input', `${path}: ${name} is not supported. Prepare the data that way and set it to false.`);
    }
  }
  const crops = field('do_center_crop') === true;
  const crop = crops ? rectangle(path, 'crop_size', field('crop_size') ?? field('size')) : null;
  const resize =
    field('do_resize') === false || field('size') === undefined ? null : resizeOf(path, field, crop !== null);
  const normalizes = field('do_normalize') !== false;
  return {
    path,
    resize:
      resize === null
        ? null
        : { height: resize.height, width: resize.width, fit: resize.fit, interpolation: resize.interpolation },
    crop: crop ?? resize?.crop ?? null,
    scale: field('do_rescale') === false ? null : numberOf(path, 'rescale_factor', field('rescale_factor') ?? 1 / 255),
    mean: normalizes ? numbersOf(path, 'image_mean', field('image_mean')) : null,
    std: normalizes ? numbersOf(path, 'image_std', field('image_std')) : null,
  };
}

function resizeOf(path: string, field: (name: string) => unknown, crops: boolean) {
  const size = field('size');
  const interpolation = interpolations[Number(field('resample') ?? 2)] ?? 'linear';
  const edge =
    typeof size === 'object' && size !== null ? Reflect.get(size, 'shortest_edge') : crops ? size : undefined;
  if (edge === undefined) {
    return { ...rectangle(path, 'size', size), fit: 'stretch' as const, interpolation, crop: null };
  }
  const shortest = numberOf(path, 'size.shortest_edge', edge);
  const cropShare = field('crop_pct');
  if (cropShare === undefined || cropShare === null) {
    // the central square of the resized image is what every crop that fits is cut from
    return { height: shortest, width: shortest, fit: 'cover' as const, interpolation, crop: null };
  }
  // ConvNeXT: small images are resized larger and cropped back, large ones are stretched
  if (shortest >= 384) return { height: shortest, width: shortest, fit: 'stretch' as const, interpolation, crop: null };
  const larger = Math.floor(shortest / numberOf(path, 'crop_pct', cropShare));
  return {
    height: larger,
    width: larger,
    fit: 'cover' as const,
    interpolation,
    crop: { height: shortest, width: shortest },
  };
}

function rectangle(path: string, name: string, value: unknown): { height: number; width: number } {
  if (typeof value === 'number') return { height: value, width: value };
  if (typeof value === 'object' && value !== null) {
    const height: unknown = Reflect.get(value, 'height');
    const width: unknown = Reflect.get(value, 'width');
    if (typeof height === 'number' && typeof width === 'number') return { height, width };
    const edge: unknown = Reflect.get(value, 'shortest_edge');
    if (typeof edge === 'number') return { height: edge, width: edge };
  }
  throw new Failure('input', `${path}: ${name} is neither a number nor { height, width }. Correct it.`);
}

function numberOf(path: string, name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  throw new Failure('input', `${path}: ${name} is not a positive number. Correct it.`);
}

function numbersOf(path: string, name: string, value: unknown): readonly number[] | null {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return value;
  throw new Failure('input', `${path}: ${name} is not a list of numbers. Correct it.`);
}
