import { Failure, type Fault } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import type { Head } from '../model/head.js';

/** An output with the number of values that it was seen to give per sample; null where it was not run. */
export interface ObservedHead {
  readonly head: Head;
  readonly width: number | null;
  /** of one sample, where it was looked at */
  readonly shape?: readonly number[];
}

/** Where the numbers of a map lie: one for each class of each pixel, or one for both of two classes. */
export interface MapShape {
  readonly columns: number;
  /** [columns, height, width] or [height, width, columns] */
  readonly axis: 'first' | 'last';
}

/** What the data want of an output. */
export type WantedOutput =
  | {
      readonly kind: 'class';
      readonly classes: number;
      /** of how many classes there are samples: fewer where numbers leave gaps, or are counted from 1 */
      readonly occurring: number;
      /** the classes are called by whole numbers, which may be amounts (ages, counts) as well */
      readonly numericNames: boolean;
    }
  | {
      readonly kind: 'values';
      readonly width: number;
      /** of one sample, where it has several axes */
      readonly shape?: readonly number[];
      /** every value is 0 or 1 */
      readonly zeroOrOne: boolean;
      /** every value is 0, 1, 2 ...: it may be a class that is stored as a float */
      readonly wholeNumbers: boolean;
      /** every value is a whole number, and some are neither 0 nor 1: -1 and 1, 0 and 255 */
      readonly otherMarks?: boolean;
    }
  | {
      readonly kind: 'mask';
      /** of the masks, as their images are fed */
      readonly height: number;
      readonly width: number;
      /** as many as their values need at least */
      readonly classes: number;
      /** where the classes lie in models of this format, where shapes alone do not tell */
      readonly usual: MapShape['axis'];
    }
  /** no labels: the model's own outputs are the targets */
  | { readonly kind: 'none' };

export type TaskKind =
  /** classes that exclude each other, one column for each */
  | 'classification'
  /** two classes in one column, or in the two columns of one sigmoid */
  | 'binary'
  | 'multilabel'
  | 'regression'
  | 'segmentation';

export interface ChosenOutput {
  readonly output: string;
  readonly head: Head;
  readonly width: number;
  readonly task: TaskKind;
  /** in a sentence: which output is judged, and what becomes of the others */
  readonly why: string;
}

/** How well an output fits what is wanted; the smaller the better. */
type Fit = { readonly rank: 0 | 1; readonly task: TaskKind };

/**
 * Which output of a model the data are about: the one that is named; else the only one that fits. Labels beside
 * probabilities are set aside; an output as wide as the classes fits better than a wider one; two names of the same numbers
 * (probabilities and the logits that they are made of, a map and the tensor in it) count as one.
 * @param path of the model, for messages
 * @throws Failure('input') where none fits, or several do, or the named one is not there or does not fit
 */
export function chooseOutput(
  path: string,
  outputs: readonly ObservedHead[],
  wanted: WantedOutput,
  named: string | null,
): ChosenOutput {
  if (named !== null) return takeNamed(path, outputs, wanted, named);
  const floats = withoutTwins(outputs.filter(isReadable));
  const fitting = floats.flatMap((observed) => {
    const fit = fitOf(observed, wanted);
    return fit === null ? [] : [{ observed, fit }];
  });
  const best = Math.min(...fitting.map(({ fit }) => fit.rank));
  const [only, ...others] = fitting.filter(({ fit }) => fit.rank === best);
  if (only === undefined) {
    throw new Failure('input', {
      what: `${path}: ${floats.length === 0 ? 'no output holds numbers that can be trained' : `no output fits ${wantedText(wanted)}`}. ${listed(outputs)}`,
      ...cureFor(floats, wanted),
    });
  }
  if (others.length > 0) {
    const names = [only, ...others].map(({ observed }) => `'${observed.head.output}'`);
    throw new Failure('input', {
      what: `${path}: ${names.slice(0, -1).join(', ')} and ${names.at(-1)} fit ${wantedText(wanted)} alike. ${listed(outputs)}`,
      cure: 'Name the output that the data are about.',
      settings: ['output'],
      ways: [only, ...others].map(({ observed }) => ({
        name: `the data are about ${describe(observed)}`,
        settings: [['output', observed.head.output]],
      })),
    });
  }
  return chosen(
    only.observed,
    only.fit.task,
    outputs,
    outputs.length === 1 ? phrase('choice.only') : phrase('choice.fits', { Wanted: wantedText(wanted) }),
  );
}

/** What to do where no output fits: labels that are numbered otherwise, or stored as floats, are the usual reason. */
function cureFor(floats: readonly ObservedHead[], wanted: WantedOutput): Pick<Fault, 'cure' | 'settings' | 'ways'> {
  if (wanted.kind === 'mask') return cureForMasks(floats, wanted);
  const hasWidth = (fits: (width: number) => boolean): boolean =>
    floats.some(({ width }) => width !== null && width > 1 && fits(width));
  if (floats.length === 0 && wanted.kind === 'class') {
    return {
      cure: 'Export the model with the logits or probabilities of its classes as an output, not with the class alone.',
      settings: ['output'],
    };
  }
  const twoInOne = wanted.kind === 'class' && wanted.occurring <= 2 && floats.some(({ width }) => width === 1);
  const numberedOtherwise = wanted.kind === 'class' && wanted.occurring < wanted.classes;
  if (numberedOtherwise && (twoInOne || hasWidth((width) => width >= wanted.occurring))) {
    return {
      cure: `There are samples of ${wanted.occurring} of them: number the classes from 0, or list the classes in the order of the model's outputs, one a line, in a file.`,
      settings: ['classes', 'output'],
    };
  }
  if (wanted.kind === 'values' && floats.some(({ shape = [] }) => shape.length === 2 && shape.includes(wanted.width))) {
    return {
      cure: 'For a class of each step of a sequence, give the loss as a graph of your own, and a metric (docs/losses.md); or name the output that the data are about.',
      settings: ['loss', 'metric', 'output'],
    };
  }
  if (wanted.kind === 'values' && wanted.width === 1 && wanted.wholeNumbers && hasWidth(() => true)) {
    return {
      cure: 'Its targets are whole numbers: say that they are classes, or name the output that the data are about.',
      settings: [['task', 'classification'], 'output'],
      ways: [{ name: 'the targets are classes', settings: [['task', 'classification']] }],
    };
  }
  if (wanted.kind === 'values' && floats.some(({ head, width }) => width === wanted.width && isBeyond(head, wanted))) {
    return {
      cure: 'It says probabilities, and the targets are whole numbers beyond 0 and 1: write labels as 0 and 1, or name the output that the data are about.',
      settings: ['data', 'output'],
    };
  }
  if (wanted.kind === 'values' && floats.some(({ width }) => width === wanted.width)) {
    return {
      cure: "Save the targets with their axes in the order of the output's, or name the output that the data are about.",
      settings: ['data', 'output'],
    };
  }
  return { cure: 'Give data made for this model, or name the output that the data are about.', settings: ['output'] };
}

function cureForMasks(
  floats: readonly ObservedHead[],
  wanted: Extract<WantedOutput, { kind: 'mask' }>,
): Pick<Fault, 'cure' | 'settings'> {
  if (floats.length === 0) {
    return {
      cure: 'Export the model with the logits or probabilities of the classes of each pixel as an output, not with the class alone.',
      settings: ['output'],
    };
  }
  if (floats.some((observed) => mapShapeOf(observed, wanted) !== null)) {
    return {
      cure: 'Number the classes of the masks from 0 in the order of the model, with 255 for pixels of none; or name the output that they are about.',
      settings: ['data', 'output'],
    };
  }
  const stride = floats.map(({ shape }) => strideOf(shape ?? [], wanted)).find((each) => each !== null);
  if (stride !== undefined && stride !== null) {
    return {
      cure: `Its maps are smaller than the masks by a factor of ${stride}: export the model with the step that brings them to the size of its images, or save images and masks for it as arrays of one size.`,
      settings: ['data'],
    };
  }
  return {
    cure: 'Give a model whose maps have the size of its images, or name the output that the masks are about.',
    settings: ['output'],
  };
}

/** The whole number of times by which maps are smaller than masks in both directions; null where there is none. */
function strideOf(shape: readonly number[], { height, width }: { readonly height: number; readonly width: number }) {
  for (const at of [0, 1]) {
    const [h = 0, w = 0] = shape.slice(at, at + 2);
    if (h > 0 && h < height && height % h === 0 && width === w * (height / h)) return height / h;
  }
  return null;
}

/** How an output's map lies over masks; null where it has another size. */
export function mapShapeOf(
  { head, shape = [] }: ObservedHead,
  { height, width, usual }: Extract<WantedOutput, { kind: 'mask' }>,
): MapShape | null {
  const [a = 0, b = 0, c = 0] = shape;
  if (shape.length === 2) return a === height && b === width ? { columns: 1, axis: 'first' } : null;
  if (shape.length !== 3) return null;
  const first = b === height && c === width;
  const last = a === height && b === width;
  if (!first && !last) return null;
  // of [3, 3, 3] the softmax tells, or what is usual
  const axis =
    first && last ? (head.axis === 3 ? 'last' : head.axis === 1 ? 'first' : usual) : first ? 'first' : 'last';
  return { columns: axis === 'first' ? a : c, axis };
}

function takeNamed(path: string, outputs: readonly ObservedHead[], wanted: WantedOutput, named: string): ChosenOutput {
  const refuse = (what: string): Failure =>
    new Failure('input', {
      what: `${path}: ${what}. ${listed(outputs)}`,
      cure: 'Name another output.',
      settings: ['output'],
    });
  const observed = outputs.find(({ head }) => head.output === named);
  if (observed === undefined) throw refuse(`there is no output '${named}'`);
  if (!isReadable(observed))
    throw refuse(`the output '${named}' (${observed.head.dtype}) holds a label, through which nothing can be trained`);
  const fit = fitOf(observed, wanted);
  if (fit === null) {
    const what = `${path}: the output '${named}' does not fit ${wantedText(wanted)}. ${listed(outputs)}`;
    throw new Failure('input', { what, ...cureFor([observed], wanted) });
  }
  return chosen(observed, fit.task, outputs, phrase('choice.named'));
}

function chosen(
  observed: ObservedHead,
  task: TaskKind,
  outputs: readonly ObservedHead[],
  reason: string,
): ChosenOutput {
  const { head } = observed;
  const aside = outputs.filter((other) => other !== observed);
  const rest = aside.map((other) =>
    isReadable(other) ? describe(other) : phrase('output.isLabel', { Output: describe(other) }),
  );
  return {
    output: head.output,
    head,
    width: observed.width ?? 0,
    task,
    why: [
      phrase('choice.read', { Output: describe(observed), Reason: reason }),
      ...rest.map((Output) => phrase('choice.aside', { Output })),
    ].join(' '),
  };
}

function isReadable({ head }: ObservedHead): boolean {
  return head.valueMeaning !== 'label';
}

/** Of outputs that say the same, the one that says most: probabilities before their logits, a tensor before the map of it. */
function withoutTwins(outputs: readonly ObservedHead[]): readonly ObservedHead[] {
  return outputs.filter(({ head }) =>
    outputs.every(({ head: other }) => {
      if (other === head) return true;
      const isItsLogits = other.activation !== 'none' && other.logits === head.value && other.columns === null;
      const isItsMap = head.meaning === 'map' && other.meaning !== 'map' && other.value === head.value;
      return !(isItsLogits || isItsMap);
    }),
  );
}

function fitOf(observed: ObservedHead, wanted: WantedOutput): Fit | null {
  const { head, width } = observed;
  if (width === null || width < 1) return null;
  switch (wanted.kind) {
    case 'mask': {
      const map = mapShapeOf(observed, wanted);
      if (map === null || Math.max(2, map.columns) < wanted.classes) return null;
      return { rank: Math.max(2, map.columns) === wanted.classes ? 0 : 1, task: 'segmentation' };
    }
    case 'class': {
      const { classes, numericNames } = wanted;
      if (width === 1 && classes <= 2) return { rank: 0, task: 'binary' };
      // no sigmoid says 2: such numbers are classes that are not counted from 0
      if (width === 1) return numericNames && head.activation !== 'sigmoid' ? { rank: 1, task: 'regression' } : null;
      if (width === classes) return { rank: 0, task: head.columns === null ? 'classification' : 'binary' };
      return width > classes ? { rank: 1, task: 'classification' } : null;
    }
    case 'values': {
      if (width !== wanted.width || isOtherwise(observed.shape, wanted.shape)) return null;
      if (isBeyond(head, wanted)) return null;
      if (!wanted.zeroOrOne) return { rank: 0, task: 'regression' };
      if (width > 1) return { rank: 0, task: 'multilabel' };
      return { rank: 0, task: head.activation === 'sigmoid' ? 'binary' : 'regression' };
    }
    case 'none':
      return { rank: 0, task: ownTask(head, width) };
  }
}

/** Whether targets are marks (-1 and 1, 0 and 255) that a share between 0 and 1, for each of several labels, never is. */
function isBeyond({ activation }: Head, { width, otherMarks = false }: Extract<WantedOutput, { kind: 'values' }>) {
  return otherMarks && width > 1 && activation !== 'none';
}

/** Whether targets have an output's numbers in another order: channels last for channels first. */
function isOtherwise(shape: readonly number[] = [], wanted: readonly number[] = []): boolean {
  const [own, others] = [shape, wanted].map((dims) => dims.filter((dim) => dim !== 1));
  const areSeveral = own !== undefined && others !== undefined && own.length > 1 && others.length > 1;
  return areSeveral && (own.length !== others.length || own.some((dim, at) => dim !== others[at]));
}

/** What a model does by its last activation alone. */
function ownTask({ activation, columns }: Head, width: number): TaskKind {
  switch (activation) {
    case 'softmax':
    case 'log-softmax':
      return columns === null ? 'classification' : 'binary';
    case 'sigmoid':
      return width === 1 ? 'binary' : 'multilabel';
    case 'none':
      return 'regression';
  }
}

function wantedText(wanted: WantedOutput): string {
  switch (wanted.kind) {
    case 'class':
      return phrase('wanted.classes', { count: wanted.classes });
    case 'values':
      if (wanted.width === 1) return phrase('wanted.oneTarget');
      return wanted.shape === undefined
        ? phrase('wanted.targets', { count: wanted.width })
        : phrase('wanted.shaped', { shape: wanted.shape.join(', ') });
    case 'mask':
      return phrase('wanted.masks', { size: `${wanted.height}x${wanted.width}`, count: wanted.classes });
    case 'none':
      return phrase('wanted.none');
  }
}

function listed(outputs: readonly ObservedHead[]): string {
  const list = outputs.map(describe).join(', ');
  return outputs.length === 1 ? `Its output is ${list}.` : `Its outputs are ${list}.`;
}

function describe({ head, width, shape = [] }: ObservedHead): string {
  const { output: name, dtype } = head;
  if (width === null) return phrase('output.unknown', { name, dtype });
  return shape.length > 1
    ? phrase('output.shaped', { name, dtype, shape: shape.join(', ') })
    : phrase('output.wide', { name, dtype, width });
}
