import type { Example } from '../contract/result.js';
import type { Dataset } from '../data/dataset.js';
import { loadSharp } from '../data/images/sharp.js';
import type { NamedInputs } from '../data/inputs.js';
import { classProbabilities, predictedClasses, type Scores, type Truth, topConfidence } from '../evaluation/metrics.js';
import type { DataPart } from '../reading/data.js';

const shown = 12;
const side = 96;
const featuresShown = 8;

/** Test samples whose answer changed from wrong to right or back, the most confident first, with a picture or the row. */
export async function changedExamples(
  { inputs, split }: DataPart,
  scores: { readonly before: Scores; readonly frelu: Scores },
  truth: Extract<Truth, { kind: 'class' }>,
  names: readonly string[],
): Promise<{ readonly fixed: readonly Example[]; readonly broken: readonly Example[] }> {
  const before = {
    predicted: predictedClasses(scores.before),
    confidence: topConfidence(classProbabilities(scores.before)),
  };
  const frelu = {
    predicted: predictedClasses(scores.frelu),
    confidence: topConfidence(classProbabilities(scores.frelu)),
  };
  const name = (index: number | undefined): string => names[index ?? -1] ?? String(index);
  const side = (of: typeof before, i: number) => {
    const confidence = of.confidence[i];
    return { predicted: name(of.predicted[i]), confidence: Number.isFinite(confidence) ? (confidence ?? null) : null };
  };
  const pick = async (wasRight: boolean): Promise<Example[]> => {
    const changed = [...truth.labels.keys()].filter((i) => {
      const right = before.predicted[i] === truth.labels[i];
      const isRight = frelu.predicted[i] === truth.labels[i];
      return right === wasRight && isRight !== wasRight;
    });
    changed.sort((a, b) => (frelu.confidence[b] ?? 0) - (frelu.confidence[a] ?? 0));
    return Promise.all(
      changed.slice(0, shown).map(async (i) => ({
        index: i,
        actual: name(truth.labels[i]),
        before: side(before, i),
        frelu: side(frelu, i),
        ...(await picturesOf(inputs, split.indices[i] ?? 0)),
      })),
    );
  };
  return { fixed: await pick(false), broken: await pick(true) };
}

/** A sample of several inputs: the picture among them, or their features one after another. */
async function picturesOf(inputs: readonly NamedInputs[], index: number): Promise<Pick<Example, 'thumbnail' | 'row'>> {
  const views = await Promise.all(
    inputs.map(async ({ name, dataset }) => ({ name, ...(await pictureOf(dataset, index)) })),
  );
  const picture = views.find(({ thumbnail }) => thumbnail !== null);
  if (picture !== undefined) return { thumbnail: picture.thumbnail, row: null };
  if (inputs.length === 1) return { thumbnail: null, row: views[0]?.row ?? null };
  const rows = views.flatMap(({ name, row }) => (row ?? []).map((each) => ({ ...each, name: `${name}/${each.name}` })));
  return { thumbnail: null, row: rows.length === 0 ? null : rows };
}

/** A sample as people look at it: pixels as a small PNG, a row as its first features. */
export async function pictureOf(dataset: Dataset, index: number): Promise<Pick<Example, 'thumbnail' | 'row'>> {
  const { sample } = dataset;
  if (sample.layout === 'values') return { thumbnail: null, row: await rowOf(dataset, index) };
  if (sample.dtype !== 'uint8') return { thumbnail: null, row: null };
  const shape = sample.shape ?? [side, side, 3];
  const [height = side, width = side, channels = 1] =
    sample.layout === 'CHW' ? [shape[1] ?? side, shape[2] ?? side, shape[0] ?? 1] : shape;
  if (channels !== 1 && channels !== 3) return { thumbnail: null, row: null };
  const scale = Math.min(1, side / Math.max(height, width));
  const size = { height: Math.max(1, Math.round(height * scale)), width: Math.max(1, Math.round(width * scale)) };
  const pixels = new Float32Array(size.height * size.width * channels);
  await dataset.read([index], pixels, { ...size, channels, resized: size, fit: 'stretch', interpolation: 'linear' });
  const raw = { width: size.width, height: size.height, channels } as const;
  const sharp = await loadSharp();
  const png = await sharp(Uint8Array.from(pixels), { raw }).png({ compressionLevel: 9 }).toBuffer();
  return { thumbnail: `data:image/png;base64,${png.toString('base64')}`, row: null };
}

async function rowOf(dataset: Dataset, index: number): Promise<Example['row']> {
  const length = (dataset.sample.shape ?? []).reduce((product, dim) => product * dim, 1);
  const values = new Float32Array(length);
  await dataset.read([index], values);
  return Array.from(values.subarray(0, featuresShown), (value, i) => ({
    name: dataset.sample.names?.[i] ?? `x${i + 1}`,
    value,
  }));
}
