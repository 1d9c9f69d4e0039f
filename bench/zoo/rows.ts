import * as v from 'valibot';

/** What bench/peers/zoo.py counts in a file. */
export const countedSchema = v.union([
  v.object({ error: v.string() }),
  v.object({ relu: v.number(), relu6: v.number(), keras: v.optional(v.number()) }),
]);
export type Counted = v.InferOutput<typeof countedSchema>;

/** The part of `inspect --json` that is shown. */
export const inspectedSchema = v.object({
  model: v.object({ format: v.string(), parameters: v.number() }),
  sites: v.array(v.object({ status: v.string(), reason: v.nullable(v.string()), form: v.nullable(v.string()) })),
  summary: v.object({ relu: v.number(), migrate: v.number(), skip: v.number() }),
});

/** The part of `rewrite --json` that is shown: what TensorFlow.js says. */
export const writtenSchema = v.object({ tfjs: v.nullable(v.object({ before: v.number(), after: v.number() })) });

export interface Measured {
  readonly seconds: number;
  readonly peakBytes: number | null;
  readonly failure: string | null;
}

interface Difference {
  /** null where it is infinite, which JSON cannot say */
  readonly maxAbsDiff: number | null;
  readonly scale: number;
}

interface Compared {
  readonly by: string;
  readonly zero: Difference;
  readonly forms: readonly (Difference & { readonly form: string })[];
  readonly requantized: number;
}

export interface Seen {
  readonly path: string;
  readonly counted: Counted;
  readonly inspect: Measured;
  readonly rewrite: Measured;
  readonly inspected: v.InferOutput<typeof inspectedSchema> | null;
  readonly written: v.InferOutput<typeof writtenSchema> | null;
  readonly compared: Compared | { readonly why: string };
}

export const heads = [
  'model',
  'format',
  'parameters',
  'ReLUs in the file',
  'found: migrated + left',
  'a = b = 0',
  'forms',
  'TensorFlow.js before, after',
  'inspect',
  'rewrite',
  'what else',
];

/** Of the outputs' range; what float32 makes of a hundred layers stays below. */
const tolerance = 1e-4;

export function cellsOf({ path, counted, inspect, rewrite, inspected, written, compared }: Seen): string[] {
  const summary = inspected?.summary;
  return [
    path.replace(/\/model\.json$/, ''),
    inspected?.model.format ?? '',
    inspected === null ? '' : millions(inspected.model.parameters),
    'error' in counted ? '?' : countText(counted),
    summary === undefined ? '' : `${summary.relu}: ${summary.migrate} + ${summary.skip}`,
    'why' in compared ? '' : shareText(compared.zero),
    'why' in compared ? '' : shareText(worstOf(compared.forms)),
    written?.tfjs == null ? '' : `${written.tfjs.before.toPrecision(2)}, ${written.tfjs.after.toPrecision(2)}`,
    costText(inspect),
    costText(rewrite),
    notesOf({ inspect, rewrite, inspected, compared }).join('; '),
  ];
}

/** What is not as it should be, in words. */
export function wrongIn({ counted, inspected, compared }: Pick<Seen, 'counted' | 'inspected' | 'compared'>): string[] {
  const wrong: string[] = [];
  if ('error' in counted) wrong.push(`its ReLUs cannot be counted: ${counted.error}`);
  else if (inspected !== null && inspected.summary.relu !== counted.relu + counted.relu6) {
    wrong.push(`${inspected.summary.relu} ReLUs found, ${counted.relu + counted.relu6} in the file`);
  }
  if ('why' in compared) return wrong;
  if (!isRounding(compared.zero)) wrong.push(`with a = b = 0 its outputs differ: ${shareText(compared.zero)}`);
  for (const { form, ...difference } of compared.forms) {
    if (compared.requantized === 0 && !isRounding(difference)) {
      wrong.push(`the form ${form} differs from auto: ${shareText(difference)}`);
    }
  }
  return wrong;
}

function notesOf({
  inspect,
  rewrite,
  inspected,
  compared,
}: Pick<Seen, 'inspect' | 'rewrite' | 'inspected' | 'compared'>) {
  const notes: string[] = [];
  if (inspect.failure !== null) notes.push(inspect.failure);
  if (rewrite.failure !== null && rewrite.failure !== inspect.failure) notes.push(`rewrite: ${rewrite.failure}`);
  const left = (inspected?.sites ?? []).flatMap(({ status, reason }) => (status === 'skip' ? [kindOf(reason)] : []));
  for (const kind of new Set(left)) notes.push(`${left.filter((each) => each === kind).length} left: ${kind}`);
  if ('why' in compared) {
    if (inspect.failure === null) notes.push(`not run: ${compared.why.split('\n')[0]}`);
    return notes;
  }
  if (compared.by !== 'ONNX Runtime') notes.push(`run by ${compared.by}`);
  if (compared.requantized > 0) notes.push(`${compared.requantized} quantised weights change`);
  return notes;
}

/** A reason without the names in it. */
const kindOf = (reason: string | null): string => (reason ?? '').replaceAll(/ '[^']*'/g, '');

const isRounding = ({ maxAbsDiff, scale }: Difference): boolean =>
  maxAbsDiff !== null && maxAbsDiff <= tolerance * Math.max(scale, 1e-2);

function worstOf(differences: readonly Difference[]): Difference | undefined {
  const size = ({ maxAbsDiff }: Difference) => maxAbsDiff ?? Number.POSITIVE_INFINITY;
  return differences.reduce<Difference | undefined>(
    (worst, each) => (worst === undefined || size(each) > size(worst) ? each : worst),
    undefined,
  );
}

/** The difference, and what it is of. */
function shareText(difference: Difference | undefined): string {
  if (difference === undefined) return '';
  const { maxAbsDiff, scale } = difference;
  if (maxAbsDiff === 0) return '0';
  return `${maxAbsDiff?.toPrecision(2) ?? 'infinite'} of ${scale.toPrecision(2)}`;
}

function countText({ relu, relu6, keras }: Exclude<Counted, { error: string }>): string {
  const parts = [...(relu > 0 ? [`${relu}`] : []), ...(relu6 > 0 ? [`${relu6} ReLU6`] : [])];
  const text = parts.length === 0 ? '0' : parts.join(' + ');
  return keras === undefined || keras === relu + relu6 ? text : `${text} (Keras: ${keras})`;
}

function costText({ seconds, peakBytes }: Measured): string {
  return `${seconds.toFixed(2)} s${peakBytes === null ? '' : `, ${(peakBytes / 1e6).toFixed(0)} MB`}`;
}

const millions = (count: number): string => `${(count / 1e6).toFixed(count < 1e6 ? 3 : 1)} M`;
