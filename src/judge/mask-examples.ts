import type { MaskExample } from '../contract/result.js';
import type { MapReading } from '../data/dataset.js';
import { loadSharp } from '../data/images/sharp.js';
import type { NamedInputs } from '../data/inputs.js';
import { gatherMasks, maskSize } from '../data/masks.js';
import type { MaskScores } from '../evaluation/metrics.js';
import { readSource } from '../model/source.js';
import { elementCount } from '../model/tensor.js';
import { meanIousByImage } from '../reading/mask-sanity.js';
import { type Predictions, predict } from '../reading/predictions.js';
import { pictureOf } from './examples.js';
import type { Subject } from './subject.js';

/** Images shown of those that gained, and of those that lost. */
const shown = 4;
const side = 96;

/**
 * The test images whose masks changed the most for the better and for the worse, with what both models say about them: they are asked
 * again, since answers are counted and not kept.
 */
export async function changedMasks(
  subject: Subject,
  scores: { readonly before: MaskScores; readonly frelu: MaskScores },
): Promise<readonly MaskExample[]> {
  const { data, model, signature, staged, device } = subject;
  const { samples, split, inputs } = data.test;
  const { targets } = samples;
  if (targets.kind !== 'mask' || targets.map === null) return [];
  const { map } = targets;
  const [before, frelu] = [meanIousByImage(scores.before), meanIousByImage(scores.frelu)];
  const positions = mostChanged(before, frelu);
  const indices = Int32Array.from(positions, (position) => split.indices[position] ?? 0);
  if (positions.length === 0) return [];
  const size = maskSize(inputs, samples.path);
  const actual = await gatherMasks(targets, indices, size);
  // one by one: of maps, predictions keep the first alone
  const answers = async (source: Parameters<typeof predict>[0], index: number): Promise<Float32Array> => {
    const one = { ...data.test, split: { ...split, indices: Int32Array.of(index), count: 1 } };
    return answersOf(await predict(source, signature, one, device.session), map);
  };
  const pixels = map.height * map.width;
  const examples: MaskExample[] = [];
  for (const [i, position] of positions.entries()) {
    const index = indices[i] ?? 0;
    const [input] = inputs;
    examples.push({
      index: position,
      before: before[position] ?? 0,
      frelu: frelu[position] ?? 0,
      image: input === undefined ? null : await imageOf(input, index),
      masks: {
        actual: await drawMask(actual.subarray(i * pixels, (i + 1) * pixels), map),
        before: await drawMask(await answers(readSource(model, signature), index), map),
        frelu: await drawMask(await answers(readSource(staged.model, signature), index), map),
      },
    });
  }
  return examples;
}

/** An image under the geometry of its mask, so that one lies over the other. */
async function imageOf({ dataset, preprocessing: { size } }: NamedInputs, index: number): Promise<string | null> {
  const channels = size?.channels;
  if (size === null || (channels !== 1 && channels !== 3)) return (await pictureOf(dataset, index)).thumbnail;
  const { height, width } = size;
  const pixels = new Float32Array(height * width * channels);
  await dataset.read([index], pixels, size);
  return drawn(Uint8Array.from(pixels), { height, width, channels });
}

/** Places in the test split: those that gained the most, the most first, then those that lost the most. */
function mostChanged(before: Float64Array, frelu: Float64Array): readonly number[] {
  const change = (i: number): number => (frelu[i] ?? 0) - (before[i] ?? 0);
  const order = [...before.keys()].filter((i) => change(i) !== 0).sort((a, b) => change(b) - change(a) || a - b);
  const gained = order.filter((i) => change(i) > 0).slice(0, shown);
  const lost = order
    .filter((i) => change(i) < 0)
    .toReversed()
    .slice(0, shown);
  return [...gained, ...lost];
}

/** The most probable class of each pixel of one image; kept maps have their columns first. */
function answersOf({ values }: Predictions, { columns, height, width, scores }: MapReading): Float32Array {
  const pixels = height * width;
  const threshold = scores === 'logits' ? 0 : 0.5;
  return Float32Array.from({ length: pixels }, (_, pixel) => {
    if (columns === 1) return Number((values[pixel] ?? Number.NaN) >= threshold);
    let best = 0;
    for (let c = 1; c < columns; c++) {
      if ((values[c * pixels + pixel] ?? Number.NaN) > (values[best * pixels + pixel] ?? Number.NaN)) best = c;
    }
    return best;
  });
}

/** Black for class 0, then Okabe and Ito's colours, told apart by colour-blind readers too; white for what is of no class. */
const colours = [
  [0, 0, 0],
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
] as const;
const white = [255, 255, 255] as const;

function colourOf(label: number): readonly [number, number, number] {
  if (label < 0) return white;
  const known = colours[label];
  if (known !== undefined) return known;
  // beyond those, any that differ: a golden step around the circle of hues
  const hue = (label * 0.618034) % 1;
  const channel = (shift: number): number => Math.round(255 * (0.5 + 0.4 * Math.cos(2 * Math.PI * (hue + shift))));
  return [channel(0), channel(1 / 3), channel(2 / 3)];
}

async function drawMask(labels: Float32Array, { height, width }: MapReading): Promise<string> {
  const pixels = new Uint8Array(elementCount([height, width, 3]));
  labels.forEach((label, at) => {
    pixels.set(colourOf(label), 3 * at);
  });
  return drawn(pixels, { height, width, channels: 3 });
}

async function drawn(
  pixels: Uint8Array,
  raw: { readonly height: number; readonly width: number; readonly channels: 1 | 3 },
): Promise<string> {
  const sharp = await loadSharp();
  const png = await sharp(pixels, { raw })
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true, kernel: 'nearest' })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}
