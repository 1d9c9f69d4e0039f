import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type { ClassReading } from '../contract/reading.js';
import type { MapReading, MaskTargets } from '../data/dataset.js';
import { beyondClasses, maskSize } from '../data/masks.js';
import { otherTargets } from '../data/samples.js';
import { headsOf } from '../model/head.js';
import { readSource } from '../model/source.js';
import { elementCount } from '../model/tensor.js';
import { type ChosenOutput, chooseOutput, type MapShape, mapShapeOf, type WantedOutput } from './choose-output.js';
import { evenly, retargetPart } from './data.js';
import { checkMaskReading } from './mask-sanity.js';
import { measuresOf, ownMeasures } from './own-measures.js';
import { withPredictor } from './predictions.js';
import {
  candidatesFor,
  inputReadings,
  type ModelReading,
  masksBeside,
  outputReading,
  predictHead,
  preparedBy,
  probe,
  type ReadingQuestion,
  sanityReading,
  soundly,
} from './reading.js';
import { checkRuntime } from './runtime.js';
import { targetsFor } from './targets.js';
import { lossName, type RunTask, segmentationTask } from './task.js';
import { type Agreement, agree, describeValues } from './values.js';

/** Images that outputs are looked at on, and pixels of them. */
const [probed, probedPixels] = [4, 2 ** 16];

/** Images that the readings are compared on: fewer where they are large. */
const [fewestImages, mostImages] = [32, 1000];
const comparedValues = 2e7;

/**
 * Reads a model that gives a map for each image: which of its outputs lies over the masks, where the classes are in it, what the
 * values of the masks stand for, and whether the model does what a trained one does.
 * @param made how other targets became masks, for people; null: they were masks
 * @throws Failure('input') where no output fits, or masks hold what is none of the model's classes
 */
export async function readSegmentation(
  question: ReadingQuestion,
  targets: MaskTargets,
  made: string | null = null,
): Promise<ModelReading> {
  const { model, part, options, own = null } = question;
  const { path } = part.samples;
  if (otherTargets(part.samples).size > 0) throw masksBeside(path);
  const wanted = wantedMaps(question, targets);
  const observed = await probe(question, headsOf(model.graph), probed);
  const named = options.reading.outputs[0]?.name ?? question.target;
  const chosen = chooseOutput(model.path, observed, wanted, named);
  const seen = present(
    observed.find(({ head }) => head === chosen.head),
    'the chosen output',
  );
  const shape = present(mapShapeOf(seen, wanted), 'the shape of a map');
  const runtime = await checkRuntime(question, chosen.head.value);
  const agreement = await readNumbers(question, chosen, shape);
  const map = mapOf(question, wanted, shape, agreement);
  const measures = await ownMeasures(question);
  const task = segmentationTask(map, present(seen.width, 'the width of a map'), options.task, path, measures);
  const read: ReadingQuestion = {
    ...soundly(question, runtime),
    part: {
      ...retargetPart(part, (given, path) => targetsFor({ task: 'segmentation', map }, given, path)),
      measures: measuresOf(own, measures),
    },
    labelled: retargetPart(question.labelled, (given, path) => targetsFor({ task: 'segmentation', map }, given, path)),
  };
  const { scores: _, ...masks } = map;
  const predictions = await predictHead(read, chosen.head, read.part);
  const sanity = targets.store === null ? null : await checkSanity(read, chosen, task);
  return {
    signature: { ...question.signature, output: chosen.head.value },
    output: chosen.output,
    task,
    kind: 'segmentation',
    map,
    predictions,
    others: [],
    reading: {
      inputs: await inputReadings(question),
      outputs: observed.map((each) => outputReading(each, { chosen, agreement, task, sanity: null, classes: null })),
      choice: chosen.why,
      task: task.task,
      loss: lossName(task),
      classes: classesOf(question, map.classes),
      masks,
      sanity: sanity && sanityReading(sanity, targets),
      untrained: null,
      data: [...(made === null ? [] : [made]), map.sentence],
      runtime,
      trusted: options.reading.trustReading,
    },
  };
}

/** What masks want of an output. */
function wantedMaps(question: ReadingQuestion, { store }: MaskTargets): Extract<WantedOutput, { kind: 'mask' }> {
  const { model, part, maps } = question;
  const size = maskSize(part.inputs, part.samples.path);
  const [height, width] =
    store === null
      ? [present(maps, 'the size of the maps').height, present(maps, 'the size of the maps').width]
      : size === null
        ? (store.shape ?? differingSizes(part.samples.path))
        : [size.height, size.width];
  const values = valuesOf(question);
  const last = values.filter((value) => value !== unmarked).at(-1) ?? 0;
  const classes = isBlackAndWhite(values) ? 2 : Math.max(2, last + 1);
  return { kind: 'mask', height, width, classes, usual: model.format === 'onnx' ? 'first' : 'last' };
}

function differingSizes(path: string): never {
  throw new Failure('usage', {
    what: `${path}: its masks are of various sizes.`,
    cure: 'Say to which size they are resized, with their images.',
    settings: ['resize'],
  });
}

/** Every value that occurs in the masks that are looked at and in those that are trained on, ascending. */
function valuesOf({ part, labelled }: ReadingQuestion): readonly number[] {
  const all = [part, labelled].flatMap(({ samples }) =>
    samples.targets.kind === 'mask' ? (samples.targets.store?.values ?? []) : [],
  );
  return [...new Set(all)].sort((a, b) => a - b);
}

/** What PASCAL VOC, Cityscapes and most others write where a pixel is of no class. */
const unmarked = 255;

const isBlackAndWhite = (values: readonly number[]): boolean =>
  values.includes(unmarked) && values.every((value) => value === 0 || value === unmarked);

/**
 * What the values of masks stand for: in black and white masks of a model of two classes 255 is class 1; for a model that knows
 * fewer classes it marks pixels of none; any other value is the number of a class.
 * @throws Failure('input') for a value that is none of the classes
 */
function mapOf(
  question: ReadingQuestion,
  { height, width }: Extract<WantedOutput, { kind: 'mask' }>,
  { columns, axis }: MapShape,
  { meaning }: Agreement,
): MapReading {
  const values = valuesOf(question);
  const classes = Math.max(2, columns);
  const foreground = classes === 2 && isBlackAndWhite(values) ? unmarked : null;
  const ignored = foreground === null && classes <= unmarked ? unmarked : null;
  const strange = values.find((value) => value >= classes && value !== foreground && value !== ignored);
  if (strange !== undefined) throw beyondClasses(question.part.samples.path, strange, classes);
  const scores = meaning === 'probabilities' ? 'probabilities' : 'logits';
  const sentence =
    foreground !== null
      ? phrase('masks.blackAndWhite')
      : phrase(ignored !== null && values.includes(ignored) ? 'masks.ignored' : 'masks.classes', { last: classes - 1 });
  return { height, width, classes, columns, axis, ignored, foreground, scores, sentence };
}

/**
 * What the numbers of a map are, by the graph and by the rows that they make up, one for each pixel.
 * @throws Failure('input') for what is no distribution over the classes
 */
async function readNumbers(
  question: ReadingQuestion,
  { head, output }: ChosenOutput,
  { columns, axis }: MapShape,
): Promise<Agreement> {
  const refuse = (what: string, cure: string): Failure =>
    new Failure('input', { what: `${question.model.path}: '${output}' ${what}.`, cure, settings: ['output'] });
  const exported = 'Export the model with a softmax over the classes of each pixel, or with its logits, as the output.';
  const own = axis === 'first' ? 1 : 3;
  const isSoftmax = head.activation === 'softmax' || head.activation === 'log-softmax';
  if (isSoftmax && columns > 1 && head.axis !== null && head.axis !== own) {
    throw refuse(`has its softmax along axis ${head.axis}, and the classes lie along axis ${own}`, exported);
  }
  if (isSoftmax && columns === 1) throw refuse('is a softmax over one class, which is 1 everywhere', exported);
  if (head.activation === 'sigmoid' && columns > 1) {
    throw refuse('has a sigmoid for each class, and a pixel is of one class alone', exported);
  }
  const { values, width } = await predictHead(question, head, question.part, probed);
  const described = describeValues(pixelRows(values, width, columns, axis), columns);
  const agreement = agree(head, described);
  // the file may not say enough to tell the axis of a softmax: its numbers do
  const sumToOne = head.activation === 'softmax' ? described.rowsSumToOne : described.expRowsSumToOne;
  if (isSoftmax && columns > 1 && !sumToOne && !described.anyNaN) {
    throw refuse('has a softmax, but not over the classes of each pixel: those do not sum to 1', exported);
  }
  if (agreement.meaning === 'log-probabilities' && columns === 1) {
    throw refuse('holds the logarithms of probabilities that do not exclude each other', exported);
  }
  return agreement;
}

/** Pixels of maps, evenly spaced, as rows of the numbers of each: [pixels, columns]. */
function pixelRows(values: Float32Array, width: number, columns: number, axis: MapShape['axis']): Float32Array {
  const pixels = width / columns;
  const total = (values.length / width) * pixels;
  const stride = Math.max(1, Math.ceil(total / probedPixels));
  const rows = new Float32Array(Math.ceil(total / stride) * columns);
  for (let row = 0, at = 0; at < total; row++, at += stride) {
    const [image, pixel] = [Math.floor(at / pixels), at % pixels];
    for (let c = 0; c < columns; c++) {
      const place = axis === 'first' ? c * pixels + pixel : pixel * columns + c;
      rows[row * columns + c] = values[image * width + place] ?? Number.NaN;
    }
  }
  return rows;
}

/** The names that the model or an option gives to as many classes; else their numbers. */
function classesOf({ classes: known, part }: ReadingQuestion, count: number): ClassReading {
  if (known !== null && known.names.length === count) return known;
  if (known?.source === 'option') {
    throw new Failure('input', {
      what: `${known.origin}: it lists ${known.names.length} classes, and the model tells ${count} apart.`,
      cure: 'List as many, in the order of the model.',
      settings: ['classes'],
    });
  }
  const names = Array.from({ length: count }, (_, label) => String(label));
  return { names, origin: part.samples.path, source: 'data' };
}

async function checkSanity(question: ReadingQuestion, { head }: ChosenOutput, { width }: RunTask) {
  const { model, labelled, session } = question;
  const signature = { ...question.signature, output: head.value };
  const size = labelled.inputs.reduce((sum, { shape }) => sum + elementCount(shape), width);
  const count = Math.max(fewestImages, Math.min(mostImages, Math.floor(comparedValues / size)));
  const split = evenly(labelled.split, count);
  const source = readSource(model, signature);
  const inputs = await candidatesFor(question);
  return withPredictor(source, signature, session, (predictOn) =>
    checkMaskReading({
      inputs,
      async predict(candidate) {
        const inputs = preparedBy(question, signature, candidate);
        const { masks } = await predictOn({ ...labelled, inputs, split });
        return present(masks, 'the answers to masks');
      },
    }),
  );
}
