import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { AttributionAgreement, AttributionExample, AttributionMethod } from '../contract/result.js';
import { channelNames, type InputAxes, inputAxes } from '../data/axes.js';
import { loadSharp } from '../data/images/sharp.js';
import type { NamedInputs } from '../data/inputs.js';
import { applyPreprocessing, rawLength } from '../data/preprocess.js';
import { attributionAgreement, largestMagnitudes, rankCorrelation } from '../evaluation/attribution.js';
import type { Graph } from '../model/graph.js';
import { dtypeName, elementCount } from '../model/tensor.js';
import { sessionOptions } from '../runtime/devices.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import { signatureOf } from '../runtime/predictor.js';
import { float32, openSession } from '../runtime/session.js';
import { floatsOf, tensorOf, wholeRange } from '../runtime/tensors.js';
import { prepareInputGradient } from '../training/prepare.js';
import { pictureOf } from './examples.js';
import type { Subject } from './subject.js';

/** What of a run's subject is needed to explain its predictions. */
type Explained = Pick<Subject, 'model' | 'data' | 'task' | 'judged' | 'before'>;

const steps = 32;
/** Through so many points of each sample the gradient is taken: those of the way, and the sample itself. */
export const attributionPoints = steps + 1;
const sampleRange = [4, 64] as const;
/** of all passes together: seconds on two cores; one pass back costs about as much as one forward */
const multiplyAddLimit = 1e11;
const exampleCount = 6;
const exampleFeatures = 32;
const side = 96;

/** How many samples are explained, and where. */
export interface AttributionScope {
  readonly samples: number;
  readonly device: Pick<ChosenDevice, 'provider' | 'session'>;
}

export interface AttributionOptions extends AttributionScope {
  /** the migrated model, as its files read */
  readonly after: Graph;
  /** the control arm's; null without one */
  readonly control: Graph | null;
  /** of the bootstrap */
  readonly seed: number;
  readonly batchSize: number;
  /** the truth about a test sample, in words */
  actual(index: number): string;
  warn(message: string): void;
}

/**
 * Attribution maps of the same test samples before, of the control arm and after, and how far they agree: integrated gradients (Sundararajan,
 * Taly, Yan: arXiv 1703.01365; midpoint rule, from a stored sample of zeros) and input x gradient, of the logit of
 * the class that the model predicted before. Channels of a pixel are summed. Null, with a warning, where the model
 * has several inputs, or cannot be differentiated down to its input.
 */
export async function compareAttributions(
  explained: Explained,
  options: AttributionOptions,
): Promise<readonly AttributionAgreement[] | null> {
  const { warn } = options;
  const { model, data } = explained;
  if (data.test.inputs.length > 1) {
    warn('Attribution maps were not made: they are of models of one input.');
    return null;
  }
  const subject = await readSubject(explained, options.samples);
  let maps: ArmMaps | null;
  try {
    maps = await mapsOfArms(explained, subject, options);
  } catch (error) {
    // whatever an operator or a device does to this extra graph, the run's own result stands
    const why = error instanceof Failure ? error.what : String(error);
    warn(`Attribution maps were not made: ${why}`);
    return null;
  }
  if (maps === null) {
    warn(`Attribution maps were not made: no gradient arrives at the model's input${ofWholeNumbers(model.graph)}.`);
    return null;
  }
  const found = maps;
  const agreement = (method: AttributionMethod, of: keyof Maps) =>
    agreementOf(explained, subject, options, {
      method,
      before: found.before[of],
      control: found.control?.[of] ?? null,
      after: found.after[of],
    });
  return [await agreement('integrated-gradients', 'integrated'), await agreement('input-x-gradient', 'product')];
}

interface ArmMaps {
  readonly before: Maps;
  readonly control: Maps | null;
  readonly after: Maps;
}

/** Null where no gradient arrives at the input. */
async function mapsOfArms(
  explained: Explained,
  subject: ExplainedSamples,
  { after, control, batchSize, device }: AttributionOptions,
): Promise<ArmMaps | null> {
  const explain = (graph: Graph) => attributionMaps(explained, device, graph, subject, Math.min(batchSize, steps + 1));
  const before = await explain(explained.model.graph);
  const migrated = before && (await explain(after));
  if (before === null || migrated === null) return null;
  return { before, control: control && (await explain(control)), after: migrated };
}

/** The maps of one method: a map a sample. */
interface MethodMaps {
  readonly method: AttributionMethod;
  readonly before: readonly Float64Array[];
  readonly control: readonly Float64Array[] | null;
  readonly after: readonly Float64Array[];
}

async function agreementOf(
  explained: Explained,
  { positions, axes }: ExplainedSamples,
  { actual, seed }: AttributionOptions,
  { method, before, control, after }: MethodMaps,
): Promise<AttributionAgreement> {
  const pairs = before.map((map, i) => ({ before: map, after: after[i] ?? new Float64Array() }));
  const shown = positions.flatMap((position, i) =>
    Math.floor((i * exampleCount) / pairs.length) === Math.floor(((i - 1) * exampleCount) / pairs.length)
      ? []
      : [{ position, ...present(pairs[i], 'the maps of a sample'), control: control?.[i] ?? null }],
  );
  return {
    method,
    samples: pairs.length,
    steps: method === 'integrated-gradients' ? steps : null,
    ...attributionAgreement({ before, frelu: after, control }, seed),
    examples: await Promise.all(shown.map((maps) => example(explained, axes, maps, actual(maps.position)))),
  };
}

/**
 * As many samples as the limit pays for on the CPU, forward and back over all steps for every model, and there: whatever the
 * run's device is, that is a matter of seconds, with nothing to compile and nothing to copy. Where the limit does not pay for
 * the fewest, the model is large, and they are explained on the device that trained it. What is decided does not depend on a
 * measured speed, so that a run's result repeats.
 * @param multiplyAdds of one sample forward; null: not known
 * @param models how many are explained
 */
export function attributionScope(
  available: number,
  multiplyAdds: number | null,
  models: number,
  trainedOn: AttributionScope['device'],
): AttributionScope {
  const [least, most] = sampleRange;
  const cost = (multiplyAdds ?? 0) * 2 * models * (steps + 1);
  const affordable = cost === 0 ? most : Math.floor(multiplyAddLimit / cost);
  const samples = Math.min(available, Math.max(least, Math.min(most, affordable)));
  const onCpu = samples <= affordable;
  return { samples, device: onCpu ? { provider: 'cpu', session: sessionOptions('cpu') } : trainedOn };
}

/** Why no gradient arrives, where that is plain. */
function ofWholeNumbers(graph: Graph): string {
  const type = signatureOf(graph).inputs[0]?.elementType ?? 0;
  return wholeRange(type) === null
    ? ''
    : `, which takes whole numbers (${dtypeName(type)}) and uses them as ids are used`;
}

interface ExplainedSamples {
  /** places in the test split, evenly spaced */
  readonly positions: readonly number[];
  /** per sample, as the model is fed */
  readonly inputs: readonly Float32Array[];
  readonly baseline: Float32Array;
  /** per sample, which of the model's outputs is explained */
  readonly outputs: readonly number[];
  readonly axes: InputAxes;
}

async function readSubject({ data, before }: Explained, count: number): Promise<ExplainedSamples> {
  const { split } = data.test;
  const inputs = onlyInput(data);
  const { preprocessing } = inputs;
  const length = elementCount(inputs.shape);
  const positions = Array.from({ length: count }, (_, i) => Math.floor((i * split.count) / count));
  const fed = await inputs.gather(positions.map((position) => split.indices[position] ?? 0));
  const baseline = new Float32Array(length);
  applyPreprocessing(preprocessing, new Float32Array(rawLength(preprocessing)), 1, baseline);
  const { values, width } = before.test;
  return {
    positions,
    inputs: positions.map((_, i) => fed.subarray(i * length, (i + 1) * length)),
    baseline,
    outputs: positions.map((position) => largest(values.subarray(position * width, (position + 1) * width))),
    axes: inputAxes(inputs),
  };
}

const onlyInput = ({ test }: Explained['data']): NamedInputs => present(test.inputs[0], 'the input of the model');

function largest(row: Float32Array): number {
  return row.reduce((best, value, i) => (value > (row[best] ?? 0) ? i : best), 0);
}

/** Per sample, one value per position (per feature for rows). */
interface Maps {
  readonly integrated: readonly Float64Array[];
  readonly product: readonly Float64Array[];
}

/** The points from the baseline to each input, and the input itself, go through the gradient graph batch by batch. */
async function attributionMaps(
  { model, data, task, judged }: Explained,
  device: AttributionScope['device'],
  graph: Graph,
  { inputs, baseline, outputs, axes }: ExplainedSamples,
  batchSize: number,
): Promise<Maps | null> {
  const { name, shape: sampleShape } = onlyInput(data);
  const settings = { provider: device.provider, loss: task.loss, sampleShapes: { [name]: sampleShape } };
  const prepared = await prepareInputGradient(model.path, graph, batchSize, settings, [judged]);
  if (prepared === null) return null;
  const { input, elementType, gradient, seeds, seedShape } = prepared;
  const length = elementCount(sampleShape);
  const width = elementCount(seedShape) / batchSize;
  const empty = () => inputs.map(() => new Float64Array(axes.positions === 1 ? axes.channels : axes.positions));
  const maps = { integrated: empty(), product: empty() };
  const points = inputs.length * (steps + 1);
  const session = await openSession(prepared.graph.model, device.session);
  try {
    for (let start = 0; start < points; start += batchSize) {
      const fed = new Float32Array(batchSize * length);
      const wanted = new Float32Array(batchSize * width);
      const batch = Array.from({ length: Math.min(batchSize, points - start) }, (_, row) => {
        const sample = Math.floor((start + row) / (steps + 1));
        const step = (start + row) % (steps + 1);
        return { row, sample, way: step < steps ? (step + 0.5) / steps : 1, x: inputs[sample] ?? baseline };
      });
      for (const { row, sample, way, x } of batch) {
        for (let i = 0; i < length; i++) {
          const from = baseline[i] ?? 0;
          fed[row * length + i] = from + way * ((x[i] ?? 0) - from);
        }
        wanted[row * width + (outputs[sample] ?? 0)] = 1;
      }
      const computed = await session.run({
        [input]: tensorOf(elementType, fed, [batchSize, ...sampleShape]),
        [seeds]: float32(wanted, seedShape),
      });
      const found = computed[gradient];
      if (found === undefined) throw new Error(`the graph gave no '${gradient}'`);
      const gradients = floatsOf(found);
      for (const { row, sample, way, x } of batch) {
        const last = way === 1;
        const map = (last ? maps.product : maps.integrated)[sample];
        if (map === undefined) continue;
        for (let channel = 0; channel < axes.channels; channel++) {
          for (let position = 0; position < axes.positions; position++) {
            const i = axes.at(channel, position);
            const path = last ? (x[i] ?? 0) : ((x[i] ?? 0) - (baseline[i] ?? 0)) / steps;
            const at = axes.positions === 1 ? channel : position;
            map[at] = (map[at] ?? 0) + path * (gradients[row * length + i] ?? 0);
          }
        }
      }
    }
  } finally {
    await session.release();
  }
  return maps;
}

async function example(
  { data }: Explained,
  axes: InputAxes,
  maps: {
    readonly position: number;
    readonly before: Float64Array;
    readonly control: Float64Array | null;
    readonly after: Float64Array;
  },
  actual: string,
): Promise<AttributionExample> {
  const { split } = data.test;
  const inputs = onlyInput(data);
  const { position, before, control, after } = maps;
  const common = { index: position, actual, spearman: rankCorrelation(before, after) };
  if (axes.grid === null) {
    const names = axes.positions === 1 ? channelNames(axes, inputs.dataset) : null;
    const row = largestMagnitudes(before, exampleFeatures).map((at) => ({
      name: names?.[at] ?? String(at + 1),
      before: before[at] ?? 0,
      control: control && (control[at] ?? 0),
      frelu: after[at] ?? 0,
    }));
    return { ...common, input: null, before: null, control: null, frelu: null, row };
  }
  const { grid } = axes;
  const strongest = Math.max(...[before, after, ...(control === null ? [] : [control])].map(strength));
  const { thumbnail } = await pictureOf(inputs.dataset, split.indices[position] ?? 0);
  return {
    ...common,
    input: thumbnail,
    before: await drawMap(before, grid, strongest),
    control: control && (await drawMap(control, grid, strongest)),
    frelu: await drawMap(after, grid, strongest),
    row: null,
  };
}

/** What counts as full colour: few values are larger, so that one pixel does not fade all others. */
function strength(map: Float64Array): number {
  const magnitudes = map.map(Math.abs).sort();
  return magnitudes[Math.floor(0.99 * (magnitudes.length - 1))] ?? 0;
}

/** The report's colours for better and worse, told apart by colour-blind readers too. */
const speaksFor = [0, 114, 178] as const;
const speaksAgainst = [194, 87, 12] as const;

/** White where a pixel does not matter, blue where it speaks for the class, orange where against it. */
async function drawMap(
  map: Float64Array,
  { height, width }: { readonly height: number; readonly width: number },
  strongest: number,
): Promise<string> {
  const pixels = new Uint8Array(height * width * 3);
  map.forEach((value, position) => {
    const weight = strongest > 0 ? Math.min(1, Math.abs(value) / strongest) : 0;
    const full = value > 0 ? speaksFor : speaksAgainst;
    full.forEach((component, i) => {
      pixels[position * 3 + i] = Math.round(255 + weight * (component - 255));
    });
  });
  const sharp = await loadSharp();
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .png({ palette: true, compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}
