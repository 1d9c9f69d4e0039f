import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { ClassReading } from '../contract/reading.js';
import type { Targets } from '../data/dataset.js';
import { asValues } from '../data/labels.js';
import type { ClassNames } from './class-names.js';
import type { OpenData, OpenedData, OpenOptions } from './opened.js';

/** Which names of classes are normal samples', and what says so. */
interface NormalClasses {
  readonly names: ReadonlySet<string>;
  /** null where the data says no more than that */
  readonly source: Pick<ClassReading, 'origin' | 'source'>;
}

/** What normal samples are called by MVTec AD, VisA and their like, whatever the anomalies are called. */
const normalName = /^(normal|good|ok|inlier|nominal|healthy)$/i;

/**
 * Data sets whose classes are 0 for normal samples and 1 for anomalies, however many words stand for either: the first name of
 * a list that was given is normal, else what is called so, else the one class that training has, or what training took for it.
 * @param known the classes that the model or an option tells; only what was given as an option counts
 */
export function openingAnomalies(open: OpenData, known: ClassNames | null): OpenData {
  const given = known?.source === 'option' ? known : null;
  return async (path, options) => {
    const opened = await open(path, withOwnClasses(options));
    return asAnomalies(opened, given, options.normalClass ?? soleClassOfTraining(opened, options.isTraining === true));
  };
}

/** A part has classes that training lacks: it numbers them by itself. */
function withOwnClasses({ classNames: _, ...options }: OpenOptions): OpenOptions {
  return { ...options, ownClasses: true };
}

function asAnomalies(opened: OpenedData, given: ClassNames | null, only: string | null): OpenedData {
  const { targets, classes } = readAnomalies(opened, given, only);
  return {
    ...opened,
    targets,
    ...(classes !== null && { classes }),
    async companion(part, _, options) {
      const found = await opened.companion(part, { kind: 'none' }, withOwnClasses(options));
      return found === null ? null : asAnomalies(found, given, only);
    },
  };
}

/** What is trained on is normal, and the test part or data set beside it has what is not. */
function soleClassOfTraining({ targets, part }: OpenedData, isTraining: boolean): string | null {
  if (!(isTraining || part === 'train') || !isWords(targets) || targets.names.length !== 1) return null;
  return targets.names[0] ?? null;
}

const isWords = (targets: Targets): targets is Extract<Targets, { kind: 'class' }> =>
  targets.kind === 'class' && asValues(targets) === null;

/** @throws Failure('input') for words of which none says that it is normal */
function readAnomalies(
  { path, targets }: OpenedData,
  given: ClassNames | null,
  only: string | null,
): { readonly targets: Targets; readonly classes: ClassReading | null } {
  // what a list names is no number, whatever it looks like: 1 and -1, say
  const isListed =
    targets.kind === 'class' && given !== null && targets.names.every((name) => given.names.includes(name));
  if (targets.kind !== 'class' || !(isListed || isWords(targets))) return { targets, classes: null };
  const { names: normal, source } = normalClasses(path, targets.names, given, only);
  const labels = targets.labels.map((label) =>
    Number(!normal.has(present(targets.names[label], `the class ${label} of ${path}`))),
  );
  const anomalies = targets.names.filter((name) => !normal.has(name));
  return {
    targets: { kind: 'class', labels, names: ['0', '1'], numbered: true },
    classes: { names: [[...normal].join(', '), anomalies.join(', ')], ...source },
  };
}

function normalClasses(
  path: string,
  names: readonly string[],
  given: ClassNames | null,
  only: string | null,
): NormalClasses {
  if (given !== null) {
    const strange = names.find((name) => !given.names.includes(name));
    if (strange !== undefined) throw refusal(path, `the class '${strange}' is not among those of ${given.origin}`);
    return { names: new Set(given.names.slice(0, 1)), source: { origin: given.origin, source: 'option' } };
  }
  const source = { origin: path, source: 'data' } as const;
  const [first, ...others] = names.filter((name) => normalName.test(name));
  if (only !== null && first !== undefined && first !== only && names.includes(only)) {
    throw refusal(
      path,
      `training holds samples of '${only}' for normal ones, and beside them there are some of '${first}'`,
    );
  }
  if (first !== undefined && others.length === 0) return { names: new Set([first]), source };
  if (/^false$/i.test(names[0] ?? '') && names.every((name) => /^(false|true)$/i.test(name))) {
    return { names: new Set(names.slice(0, 1)), source };
  }
  if (only !== null && (names.includes(only) || first === undefined)) return { names: new Set([only]), source };
  const listed = names.map((name) => `'${name}'`).join(', ');
  throw refusal(path, `which of its classes (${listed}) is that of normal samples is not known`);
}

function refusal(path: string, what: string): Failure {
  return new Failure('input', {
    what: `${path}: ${what}.`,
    cure: 'List the classes in a file, the normal one first, one a line; or number them, 0 for normal samples and 1 for anomalies.',
    settings: ['classes'],
    written: 'nothing',
  });
}

/** Which classes were taken for normal, for people; nothing where they are numbers. */
export function anomalySentences(classes: ClassReading | null): readonly string[] {
  const normal = classes?.names[0];
  return normal === undefined ? [] : [`Samples of '${normal}' are normal, all others anomalies.`];
}
