import { Failure, type Fault } from '../contract/failure.js';
import type { Head } from '../model/head.js';

/** An output with the number of values that it was seen to give per sample; null where it was not run. */
export interface ObservedHead {
  readonly head: Head;
  readonly width: number | null;
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
      /** every value is 0 or 1 */
      readonly zeroOrOne: boolean;
      /** every value is 0, 1, 2 ...: it may be a class that is stored as a float */
      readonly wholeNumbers: boolean;
    }
  /** no labels: the model's own outputs are the targets */
  | { readonly kind: 'none' };

export type TaskKind =
  /** classes that exclude each other, one column for each */
  | 'classification'
  /** two classes in one column, or in the two columns of one sigmoid */
  | 'binary'
  | 'multilabel'
  | 'regression';

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
    outputs.length === 1 ? 'the only output' : `the output that fits ${wantedText(wanted)}`,
  );
}

/** What to do where no output fits: labels that are numbered otherwise, or stored as floats, are the usual reason. */
function cureFor(floats: readonly ObservedHead[], wanted: WantedOutput): Pick<Fault, 'cure' | 'settings' | 'ways'> {
  const hasWidth = (fits: (width: number) => boolean): boolean =>
    floats.some(({ width }) => width !== null && width > 1 && fits(width));
  if (wanted.kind === 'class' && wanted.occurring < wanted.classes && hasWidth((width) => width >= wanted.occurring)) {
    return {
      cure: `There are samples of ${wanted.occurring} of them: number the classes from 0, or list the classes in the order of the model's outputs, one a line, in a file.`,
      settings: ['classes', 'output'],
    };
  }
  if (wanted.kind === 'values' && wanted.width === 1 && wanted.wholeNumbers && hasWidth(() => true)) {
    return {
      cure: 'Its targets are whole numbers: say that they are classes, or name the output that the data are about.',
      settings: [['task', 'classification'], 'output'],
      ways: [{ name: 'the targets are classes', settings: [['task', 'classification']] }],
    };
  }
  return { cure: 'Give data made for this model, or name the output that the data are about.', settings: ['output'] };
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
  if (fit === null) throw refuse(`the output '${named}' does not fit ${wantedText(wanted)}`);
  return chosen(observed, fit.task, outputs, 'the output that was named');
}

function chosen(
  observed: ObservedHead,
  task: TaskKind,
  outputs: readonly ObservedHead[],
  reason: string,
): ChosenOutput {
  const { head } = observed;
  const aside = outputs.filter((other) => other !== observed);
  const rest = aside.map((other) => `${describe(other)}${isReadable(other) ? '' : ', a label,'}`);
  const left = rest.length === 0 ? '' : ` ${rest.join(' and ')} ${rest.length === 1 ? 'is' : 'are'} set aside.`;
  return {
    output: head.output,
    head,
    width: observed.width ?? 0,
    task,
    why: `${describe(observed)} is read: ${reason}.${left}`,
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

function fitOf({ head, width }: ObservedHead, wanted: WantedOutput): Fit | null {
  if (width === null || width < 1) return null;
  switch (wanted.kind) {
    case 'class': {
      const { classes, numericNames } = wanted;
      if (width === 1 && classes <= 2) return { rank: 0, task: 'binary' };
      if (width === 1) return numericNames ? { rank: 1, task: 'regression' } : null;
      if (width === classes) return { rank: 0, task: head.columns === null ? 'classification' : 'binary' };
      return width > classes ? { rank: 1, task: 'classification' } : null;
    }
    case 'values': {
      if (width !== wanted.width) return null;
      if (!wanted.zeroOrOne) return { rank: 0, task: 'regression' };
      if (width > 1) return { rank: 0, task: 'multilabel' };
      return { rank: 0, task: head.activation === 'sigmoid' ? 'binary' : 'regression' };
    }
    case 'none':
      return { rank: 0, task: ownTask(head, width) };
  }
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
      return `the ${wanted.classes} classes of the data`;
    case 'values':
      return wanted.width === 1
        ? 'the one target column of the data'
        : `the ${wanted.width} target columns of the data`;
    case 'none':
      return 'data without labels';
  }
}

function listed(outputs: readonly ObservedHead[]): string {
  const list = outputs.map(describe).join(', ');
  return outputs.length === 1 ? `Its output is ${list}.` : `Its outputs are ${list}.`;
}

function describe({ head, width }: ObservedHead): string {
  return `'${head.output}' (${head.dtype}${width === null ? '' : `, ${width} wide`})`;
}
