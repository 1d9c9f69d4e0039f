import { Failure } from '../contract/failure.js';
import type { SettingHint } from '../contract/settings.js';
import { gatherInputs } from '../data/batches.js';
import type { NamedInputs } from '../data/inputs.js';
import { dtypeName } from '../model/tensor.js';
import type { SignatureInput } from '../runtime/predictor.js';
import { wholeRange } from '../runtime/tensors.js';
import { type DataPart, evenly } from './data.js';
import { type Ends, ends, storedRange } from './stored-range.js';

/** What float32 leaves of a whole number that was saved as a share of 255. */
const roundingError = 1e-3;

/**
 * Holds some samples, as they are fed, against inputs that take whole numbers of a certain size: 8-bit pixels are no signed bytes, and
 * pixels in [0, 1] no bytes at all. Cut to the type they would be other numbers, silently.
 * @param path of the model, for messages
 * @throws Failure('input') with the arithmetic that makes them fit, where what is stored says which
 */
export async function requireWhole(
  path: string,
  inputs: readonly SignatureInput[],
  { inputs: fed, split, samples }: DataPart,
): Promise<void> {
  const whole = inputs.filter(({ elementType }) => wholeRange(elementType) !== null);
  if (whole.length === 0) return;
  const gathered = await gatherInputs(fed, evenly(split, 64).indices);
  for (const { name, elementType } of whole) {
    const range = wholeRange(elementType);
    const values = gathered[name]?.values;
    const own = fed.find((each) => each.name === name);
    if (range === null || values === undefined || own === undefined) continue;
    const { min, max } = ends(values);
    const isOutside = min < range[0] || max > range[1];
    const isCut = !isOutside && areCut(own, values, max - min);
    if (!isOutside && !isCut) continue;
    const dtype = dtypeName(elementType);
    const is = isOutside ? `from ${shown(min)} to ${shown(max)}` : 'no whole numbers';
    throw new Failure('input', {
      what: `${samples.path}: the input '${name}' of ${path} takes ${dtype}, whole numbers from ${range[0]} to ${range[1]}, and the samples as they are fed are ${is} (${own.preprocessing.sentence}).`,
      ...cureFor(range, await storedRange(own, split), own),
      written: 'nothing',
    });
  }
}

/**
 * Whether whole numbers would be made of shares. The gaps of a table are filled with means, and these are rounded; so is what comes of
 * arithmetic that was given, as long as more than two numbers are left of it.
 */
function areCut({ dataset, preprocessing }: NamedInputs, values: Float32Array, range: number): boolean {
  const { scale, mean, std } = preprocessing.sources;
  const isGiven = [scale, mean, std].includes('option');
  if (dataset.encoding !== undefined || (isGiven && range > 2)) return false;
  return values.some((value) => Math.abs(value - Math.round(value)) > roundingError);
}

const shown = (value: number): string => String(Number(value.toPrecision(4)));

/** Values of 8 bits, as pixels from 0 to 255 less this: what quantisers make of them where the type has a sign. */
const middle = 128;

/** Which arithmetic makes stored pixels fit 8 bits; for other numbers, or a wider type, nobody knows. */
function cureFor([low, high]: readonly [number, number], stored: Ends, { preprocessing }: NamedInputs) {
  const isSigned = low === -middle;
  const unit = isSigned || (low === 0 && high === 255) ? pixelUnit(stored) : null;
  const known = unit === null ? null : { scale: unit.scale, mean: unit.mean + (isSigned ? middle : 0) };
  if (known === null) {
    return {
      cure: `Save the samples as whole numbers from ${low} to ${high}, or give the arithmetic that makes them such.`,
      settings: ['scale', 'mean', 'std'] as const,
    };
  }
  const { scale, mean } = known;
  const settings: SettingHint[] = [
    ...(scale === preprocessing.scale ? [] : [['scale', `${scale}`] as const]),
    ...(preprocessing.mean.every((each) => each === mean) ? [] : [['mean', `${mean}`] as const]),
    ...(preprocessing.std.every((each) => each === 1) ? [] : [['std', '1'] as const]),
  ];
  const name = isSigned ? 'pixels less 128, from -128 to 127' : 'pixels from 0 to 255';
  return { cure: `Feed ${name}.`, settings, ways: [{ name: `it is fed with ${name}`, settings }] };
}

/** Pixels from 0 to 255 as stored * scale - mean; null for numbers that are plainly none. */
function pixelUnit({ min, max }: Ends): { readonly scale: number; readonly mean: number } | null {
  if (min >= 0 && max <= 1) return { scale: 255, mean: 0 };
  if (min < 0 && min >= -middle && max < middle && (min < -1 || max > 1)) return { scale: 1, mean: -middle };
  if (min >= 0 && max <= 255) return { scale: 1, mean: 0 };
  return null;
}
