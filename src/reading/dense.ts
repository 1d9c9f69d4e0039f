import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import {
  type DenseClasses,
  type DenseTargets,
  denseClasses,
  isOneHotSequence,
  isTwo,
  unmarkedPixel,
} from '../data/dense-masks.js';
import { type Head, headsOf } from '../model/head.js';
import { type MapShape, mapShapeOf, type ObservedHead } from './choose-output.js';
import { predictHead, probe, type ReadingQuestion } from './reading.js';

/** Images that outputs are looked at on. */
const probed = 4;

/** An output that gives a map of the targets' size. */
interface FittingMap extends MapShape {
  readonly head: Head;
}

/**
 * Numbers for each pixel, of which nothing but the model tells whether they are classes (one-hot, or stored as floats) or amounts: as masks
 * where the numbers and an output leave no other reading. Null: they are rows.
 * @param named the output that they are of, where that is known
 * @throws Failure('input') naming the tasks where they may be either
 */
export async function masksIn(
  question: ReadingQuestion,
  targets: DenseTargets,
  named: string | null,
): Promise<DenseClasses | null> {
  const { task } = question.options.task;
  // masks are told from labels where a teacher is learned from too: whoever reads them says that they are not distilled
  if (task !== null && task !== 'segmentation' && task !== 'distill') return null;
  const heads = headsOf(question.model.graph).filter(({ output }) => named === null || output === named);
  const observed = await probe(question, heads, probed);
  const classes = denseClasses(targets, (layout) => isSizeOf(question, observed, layout));
  if (classes === null) {
    if (task !== 'segmentation') return null;
    throw new Failure('input', {
      what: `${question.part.samples.path}: its targets, [samples, ${targets.shape.join(', ')}], say of no pixel which class it is of.`,
      cure: 'Give the number of the class for each pixel, or a column for each class of which one alone is 1; or say what the targets are.',
      settings: ['data', 'task'],
      written: 'nothing',
    });
  }
  const maps = mapsOver(question, observed, classes);
  if (task !== 'segmentation' && maps.some(({ columns }) => columns === 1) && isOneHotSequence(targets)) {
    throw classesOfSteps(question, targets.shape);
  }
  return classes.kind === 'one-hot' ? oneHot(question, classes, maps) : await numbers(question, classes, maps);
}

/** Whether an image, or the map of an output, has that size. */
function isSizeOf(
  { part }: ReadingQuestion,
  observed: readonly ObservedHead[],
  { height, width }: Pick<DenseClasses, 'height' | 'width'>,
): boolean {
  const shapes = [
    ...part.inputs.map(({ dataset }) => dataset.sample.shape ?? []),
    ...observed.map(({ shape = [] }) => shape),
  ];
  return shapes.some(
    (shape) => shape.length < 4 && [0, 1].some((at) => shape[at] === height && shape[at + 1] === width),
  );
}

function mapsOver(
  { model }: ReadingQuestion,
  observed: readonly ObservedHead[],
  { height, width, columns }: DenseClasses,
): readonly FittingMap[] {
  const usual = model.format === 'onnx' ? 'first' : 'last';
  return observed.flatMap((each) => {
    const map = mapShapeOf(each, { kind: 'mask', height, width, classes: columns, usual });
    return map === null ? [] : [{ ...map, head: each.head }];
  });
}

/** Whether its numbers are probabilities that do not exclude each other. */
const isSigmoid = ({ head }: FittingMap): boolean =>
  head.activation === 'sigmoid' || (head.activation === 'none' && head.valueMeaning === 'probabilities');

function classesOfSteps({ part }: ReadingQuestion, shape: readonly number[]): Failure {
  return new Failure('input', {
    what: `${part.samples.path}: each row of its targets, [samples, ${shape.join(', ')}], has one number that is not 0, as the classes of the steps of a sequence are written; no task of this program reads them.`,
    cure: 'Give the loss of a step as a graph of your own, and a metric (docs/losses.md); or say that each number is a label of its own, or that they are masks.',
    settings: ['loss', 'metric', ['task', 'multilabel'], ['task', 'segmentation']],
    written: 'nothing',
  });
}

/** A column for each class, at most one of them 1. */
function oneHot(
  { part, model, options }: ReadingQuestion,
  classes: Extract<DenseClasses, { kind: 'one-hot' }>,
  maps: readonly FittingMap[],
): DenseClasses | null {
  const { path } = part.samples;
  const fitting = maps.filter(({ columns }) => columns === classes.columns);
  const ofLabels = fitting.length > 0 && fitting.every(isSigmoid);
  const isAsked = options.task.task === 'segmentation';
  if (classes.unmarked !== null) {
    if (!isAsked && (ofLabels || fitting.length === 0)) return null;
    throw unmarkedPixel(path, classes.unmarked);
  }
  if (isAsked || !ofLabels) return classes;
  throw new Failure('input', {
    what: `${path}: each pixel of its targets is of one class alone, and ${model.path} has a sigmoid for each class, as if several could hold at once.`,
    cure: 'Say that each column is a label of its own, or export the model with a softmax over the classes.',
    settings: [['task', 'multilabel']],
    ways: [{ name: 'each column is a label of its own', settings: [['task', 'multilabel']] }],
    written: 'nothing',
  });
}

/** A whole number for each pixel. */
async function numbers(
  question: ReadingQuestion,
  classes: Extract<DenseClasses, { kind: 'numbers' }>,
  maps: readonly FittingMap[],
): Promise<DenseClasses | null> {
  const [single, ...furtherSingle] = maps.filter(({ columns }) => columns === 1);
  const several = maps.filter(({ columns }) => columns > 1);
  if (single === undefined) return several.length > 0 ? classes : null;
  const two = isTwo(classes.values);
  if (!two && several.length === 0) return null;
  if (two && [single, ...furtherSingle].every(isSigmoid)) return classes;
  const isUnit = !classes.values.includes(255);
  if (two && isUnit && several.length === 0 && (await areLogits(question, single))) return classes;
  throw eitherTask(question, several.length === 0 ? [] : [single, ...furtherSingle, ...several]);
}

/** Numbers far from both 0 and 1 are no amounts of a network that was trained to give these. */
const farBeyond = 1.5;

async function areLogits(question: ReadingQuestion, { head }: FittingMap): Promise<boolean> {
  const { values } = await predictHead(question, head, question.part, probed);
  return values.some((value) => Math.abs(value - 0.5) > farBeyond);
}

function eitherTask({ part, model }: ReadingQuestion, maps: readonly FittingMap[]): Failure {
  const outputs = [...new Set(maps.map(({ head }) => head.output))];
  const asked =
    outputs.length < 2
      ? ''
      : `, and the outputs ${outputs.map((output) => `'${output}'`).join(', ')} fit either. Name one of them`;
  return new Failure('input', {
    what: `${part.samples.path}: whether its targets, a whole number for each pixel stored as a float, are classes or amounts, ${model.path} does not tell${asked}.`,
    cure: 'Say that they are the classes of pixels, or that they are amounts.',
    settings: [['task', 'segmentation'], ['task', 'regression'], ...(outputs.length < 2 ? [] : (['output'] as const))],
    ways: [
      { name: 'they are the classes of pixels', settings: [['task', 'segmentation']] },
      { name: 'they are amounts', settings: [['task', 'regression']] },
    ],
    written: 'nothing',
  });
}

/** How the targets became masks, for people. */
export function denseSentence(classes: DenseClasses): string {
  return classes.kind === 'one-hot'
    ? phrase('masks.oneHot', { columns: classes.columns, axis: classes.axis })
    : phrase('masks.whole');
}
