import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { Failure, messageOf } from '../contract/failure.js';
import { parseDocument } from '../contract/parse-document.js';
import { readText } from '../contract/regular-file.js';
import type { PixelSize } from './dataset.js';
import { fileSize } from './readers/files.js';

/** What it is called beside a model. */
export const preprocessorConfigName = 'preprocessor_config.json';

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
  readonly channelOrder: 'RGB' | 'BGR';
}

/** The config beside a model file (or in a model's folder); null where there is none. */
export async function findPreprocessorConfig(modelPath: string): Promise<PreprocessorConfig | null> {
  for (const folder of [modelPath, dirname(modelPath)]) {
    const path = join(folder, preprocessorConfigName);
    if ((await fileSize(path)) !== null) return readPreprocessorConfig(path);
  }
  return null;
}

/** @throws Failure('input') when the file is not such a config, or asks for a step that is not supported */
export async function readPreprocessorConfig(path: string): Promise<PreprocessorConfig> {
  let parsed: unknown;
  try {
    parsed = parseDocument(await readText(path));
  } catch (error) {
    const cause = messageOf(error);
    throw new Failure(
      'input',
      { what: `${path}: it is not readable JSON (${cause}).`, cure: 'Correct or remove it.', settings: ['preprocess'] },
      { cause: error },
    );
  }
  return parsePreprocessorConfig(path, parsed);
}

/** PIL's filters by their numbers, which the config uses. */
const interpolations = { 0: 'nearest', 1: 'lanczos3', 2: 'linear', 3: 'cubic' } as const;

// what is said of a field that a schema does not take: "size is not ..."
const positive = v.pipe(v.number('a positive number'), v.gtValue(0, 'a positive number'));
/** one number for all channels is written as it is, too */
const numbers = v.nullish(
  v.union(
    [
      v.array(v.number()),
      v.pipe(
        v.number(),
        v.transform((value) => [value]),
      ),
    ],
    'a number, or a list of numbers',
  ),
);
const flag = v.nullish(v.boolean('true or false'));
const size = v.union(
  [positive, v.object({ height: positive, width: positive }), v.object({ shortest_edge: positive })],
  'a positive number, { height, width } or { shortest_edge }',
);

/** The fields that are read; a config has others, which say nothing of how an image becomes numbers. */
const fields = v.object(
  {
    do_resize: flag,
    size: v.nullish(size),
    resample: v.nullish(v.picklist([0, 1, 2, 3], '0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)')),
    crop_pct: v.nullish(positive),
    do_center_crop: flag,
    crop_size: v.nullish(size),
    do_rescale: flag,
    rescale_factor: v.nullish(positive),
    rescale_offset: flag,
    do_normalize: flag,
    image_mean: numbers,
    image_std: numbers,
    include_top: flag,
    do_flip_channel_order: flag,
  },
  'a JSON object',
);
/** A step that is set and not among the fields: images that are not prepared by it are not what the model was trained on. */
const isOtherStep = ([name, value]: readonly [string, unknown]): boolean =>
  /^do_/.test(name) && value === true && !Object.hasOwn(fields.entries, name) && name !== 'do_convert_rgb';
// an array would pass for an object without fields
const configSchema = v.pipe(
  v.unknown(),
  v.check((json) => !Array.isArray(json), 'a JSON object'),
  fields,
);
type Config = v.InferOutput<typeof fields>;
type Size = v.InferOutput<typeof size>;

/**
 * Reads the fields of the image processors of `transformers`: do_resize, size, resample, crop_pct, do_center_crop,
 * crop_size, do_rescale, rescale_factor, rescale_offset, do_normalize, image_mean, image_std, include_top, do_flip_channel_order. A missing `do_` field counts as
 * set where the step has its values: older configs leave it out.
 * @throws Failure('input') naming the field that is wrong or not supported
 */
export function parsePreprocessorConfig(path: string, json: unknown): PreprocessorConfig {
  const parsed = v.safeParse(configSchema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new Failure('input', {
      what: `${path}: ${v.getDotPath(issue) ?? 'it'} is not ${issue.message}.`,
      cure: 'Correct it, or give the preprocessor_config.json that was saved with the model.',
      settings: ['preprocess'],
    });
  }
  const config = parsed.output;
  const other = Object.entries(Object(json)).find(isOtherStep);
  if (other !== undefined) {
    throw new Failure('input', {
      what: `${path}: ${other[0]} is not supported.`,
      cure: 'Prepare the data that way and set it to false.',
    });
  }
  const cropSize = config.crop_size ?? config.size;
  if (config.do_center_crop === true && cropSize == null) {
    throw new Failure('input', { what: `${path}: do_center_crop is set without crop_size.`, cure: 'Add crop_size.' });
  }
  const crop = config.do_center_crop === true && cropSize != null ? rectangle(cropSize) : null;
  const resize = config.do_resize === false || config.size == null ? null : resizeOf(config, config.size);
  const normalizes = config.do_normalize !== false;
  const flips = config.do_flip_channel_order === true;
  if (flips && normalizes && (variesByChannel(config.image_mean) || variesByChannel(config.image_std))) {
    throw new Failure('input', {
      what: `${path}: do_flip_channel_order is set beside an image_mean or image_std for each channel: which order they are in is not known.`,
      cure: 'Say the mean, the standard deviation and the order of the channels without it.',
      settings: ['mean', 'std', 'channelOrder'],
    });
  }
  return {
    path,
    resize: resize?.resize ?? null,
    crop: crop ?? resize?.crop ?? null,
    ...arithmeticOf(path, config),
    channelOrder: flips ? 'BGR' : 'RGB',
  };
}

/**
 * (x * scale - mean) / std. EfficientNet's processor has two steps more: `rescale_offset`, which brings pixels to [-1, 1], and
 * `include_top`, by which what was normalized is divided by the standard deviation once more.
 */
function arithmeticOf(path: string, config: Config): Pick<PreprocessorConfig, 'scale' | 'mean' | 'std'> {
  const scale = config.do_rescale === false ? null : (config.rescale_factor ?? 1 / 255);
  const normalizes = config.do_normalize !== false;
  const mean = normalizes ? (config.image_mean ?? null) : null;
  const std = normalizes ? (config.image_std ?? null) : null;
  const again = config.include_top === true ? (config.image_std ?? null) : null;
  if (config.rescale_offset !== true || scale === null) return { scale, mean, std: productOf(std, again) };
  // releases disagree, (x - 127.5) * scale or x * scale - 1, but for this one scale
  if (Math.abs(scale * 127.5 - 1) > 1e-4) {
    throw new Failure('input', {
      what: `${path}: rescale_offset is set beside a rescale_factor of ${scale}, which releases of transformers read differently.`,
      cure: 'Say the scale, the mean and the standard deviation without it.',
      settings: ['scale', 'mean', 'std'],
    });
  }
  return { scale, mean: (mean ?? [0]).map((value) => value + 1), std: productOf(std, again) };
}

/** What divides as two standard deviations in turn do. */
function productOf(a: readonly number[] | null, b: readonly number[] | null): readonly number[] | null {
  if (a === null || b === null) return a ?? b;
  return a.map((value, i) => value * (b[i] ?? 1));
}

function variesByChannel(values: readonly number[] | null | undefined): boolean {
  return values?.some((value) => value !== values[0]) ?? false;
}

function resizeOf(config: Config, wanted: Size): Pick<PreprocessorConfig, 'resize' | 'crop'> {
  const interpolation = interpolations[config.resample ?? 2];
  const crops = config.do_center_crop === true;
  const edge =
    typeof wanted === 'number' ? (crops ? wanted : null) : 'shortest_edge' in wanted ? wanted.shortest_edge : null;
  if (edge === null) return { resize: { ...rectangle(wanted), fit: 'stretch', interpolation }, crop: null };
  const square = { height: edge, width: edge };
  // the central square of the resized image is what every crop that fits is cut from
  if (config.crop_pct == null) return { resize: { ...square, fit: 'cover', interpolation }, crop: null };
  // ConvNeXT: small images are resized larger and cropped back, large ones are stretched
  if (edge >= 384) return { resize: { ...square, fit: 'stretch', interpolation }, crop: null };
  const larger = Math.floor(edge / config.crop_pct);
  return { resize: { height: larger, width: larger, fit: 'cover', interpolation }, crop: square };
}

/** A number, and a shortest edge that is not that of a resize, is a square. */
function rectangle(wanted: Size): { readonly height: number; readonly width: number } {
  if (typeof wanted === 'number') return { height: wanted, width: wanted };
  if ('shortest_edge' in wanted) return { height: wanted.shortest_edge, width: wanted.shortest_edge };
  return { height: wanted.height, width: wanted.width };
}
