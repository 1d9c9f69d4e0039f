import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { ClassReading } from '../contract/reading.js';
import type { ReadingOptions } from '../contract/settings.js';
import type { Dataset, Part, Targets } from '../data/dataset.js';
import { listed } from '../data/encoding.js';
import { companionOptions, openCompanion, openDataset, type ReadOptions, withNamesOf } from '../data/open.js';
import type { OtherTargets } from '../data/samples.js';
import { holdsAnyOf, type NamedSource, openSources, type Sources } from '../data/sources.js';
import { headsOf } from '../model/head.js';
import type { Model } from '../model/model.js';
import type { Signature } from '../runtime/predictor.js';
import { readClassList } from './class-names.js';
import { type TaskOptions, targetKindOf } from './options.js';

/** Which part of the data each named input and output is, and what is said of the targets of outputs behind the first. */
export interface NamedKeys extends Pick<ReadingOptions, 'inputs' | 'outputs'> {
  readonly tasks?: TaskOptions['outputs'];
}

/** Nothing is said: names alone tell. */
export const bareNames: NamedKeys = { inputs: [], outputs: [] };

/** A data set as it was opened for a model. */
export interface OpenedData extends Pick<Dataset, 'path' | 'part'> {
  /** one for each input of the model, in its order; index i is the same sample in all of them */
  readonly datasets: readonly Dataset[];
  readonly targets: Targets;
  /** of the outputs that were named behind the first, by their names */
  readonly others: OtherTargets;
  /** what stands for normal samples and what for anomalies, where that is told by words; left out: nothing is */
  readonly classes?: ClassReading;
  /** what graphs of the user's read beside the model's outputs, by the names of their inputs */
  readonly wanted: OtherTargets;
  /** the output whose name, or key, the targets were found by; null where they have the name of none */
  readonly target: string | null;
  /** Another part, its classes numbered as those of `targets` are; null where there is none, or this is it. */
  companion(part: Part, targets: Targets, options: OpenOptions): Promise<OpenedData | null>;
}

export interface OpenOptions extends ReadOptions {
  /** the classes of outputs behind the first, as another part numbers them */
  readonly namesOfOthers?: ReadonlyMap<string, readonly string[]>;
  /** of anomalies, what the training part calls normal samples */
  readonly normalClass?: string;
  /** of anomalies, whether this is what is trained on, whose one class is that of normal samples */
  readonly isTraining?: boolean;
}

export type OpenData = (path: string, options: OpenOptions) => Promise<OpenedData>;

/** What graphs of the user's read beside the model's outputs. */
export interface WantedByGraphs {
  readonly names: readonly string[];
  /** nobody said which task the model has: there are no other targets */
  readonly only: boolean;
}

/**
 * How the data of a model are opened: those of one input as samples and targets; by name where there are several inputs, or
 * where a key was given.
 * @throws Failure('input') for an input that the model has not
 */
export function openerOf(
  {
    model,
    signature,
  }: { readonly model: Pick<Model, 'path' | 'graph'>; readonly signature: Pick<Signature, 'inputs'> },
  named: NamedKeys,
  byGraphs: WantedByGraphs = { names: [], only: false },
): OpenData {
  const there = signature.inputs.map(({ name }) => name);
  const keyOf = (name: string): string | null => named.inputs.find((input) => input.name === name)?.key ?? null;
  const unknown = named.inputs.find(({ name }) => ![...there, ...byGraphs.names].includes(name));
  if (unknown !== undefined) {
    throw new Failure('input', {
      what: `${model.path}: there is no input '${unknown.name}'. Its inputs are ${[...there, ...byGraphs.names].join(', ')}.`,
      cure: 'Name one of them.',
      settings: ['input'],
      written: 'nothing',
    });
  }
  const plain =
    there.length === 1 &&
    byGraphs.names.length === 0 &&
    !byGraphs.only &&
    named.inputs.length === 0 &&
    named.outputs.length <= 1 &&
    (named.outputs[0]?.key ?? null) === null;
  const withKeys = (names: readonly string[]): NamedSource[] => names.map((name) => ({ name, key: keyOf(name) }));
  const [first = null, ...behind] = named.outputs;
  const others = behind.map((output): OtherSource => {
    const targetKind = targetKindOf(named.tasks?.[output.name]?.task ?? null);
    return { ...output, read: targetKind === undefined ? {} : { targetKind } };
  });
  const wanted: Wanted = {
    inputs: withKeys(there),
    named: first,
    others,
    outputs: namedOutputs(model.graph),
    besides: withKeys(byGraphs.names),
    only: byGraphs.only,
  };
  if (!plain) return (path, options) => openNamed(path, wanted, options);
  // of one output, targets have the name that targets usually have
  const names = named.outputs.length > 0 || wanted.outputs.length > 1 ? wanted.outputs : [];
  return async (path, options) => {
    const byName = options.target === undefined && names.length > 0 && (await holdsAnyOf(path, names));
    return byName ? openNamed(path, wanted, options) : ofDataset(await openDataset(path, options));
  };
}

/** Outputs that data may have targets of by their names: a class alone (`label`, as scikit-learn calls it) is none where there are others. */
function namedOutputs(graph: Model['graph']): readonly string[] {
  const heads = headsOf(graph);
  const numbers = heads.filter(({ valueMeaning }) => valueMeaning !== 'label');
  return (numbers.length > 0 ? numbers : heads).map(({ output }) => output);
}

function ofDataset(dataset: Dataset): OpenedData {
  const { path, part, targets } = dataset;
  return {
    path,
    ...(part === undefined ? {} : { part }),
    datasets: [dataset],
    targets,
    others: new Map(),
    wanted: new Map(),
    target: null,
    async companion(other, trained, options) {
      const found = await openCompanion({ path, part, targets: trained }, other, options);
      return found === null ? null : ofDataset(found);
    },
  };
}

/** An output behind the first, with the file that lists its classes. */
interface OtherSource extends NamedSource {
  readonly classes?: string;
}

/** What of a model is looked for in the data. */
interface Wanted {
  readonly inputs: readonly NamedSource[];
  /** the output that was named; null: what has an output's name, or that of targets */
  readonly named: NamedSource | null;
  /** named behind it */
  readonly others: readonly OtherSource[];
  readonly outputs: readonly string[];
  /** by graphs of the user's; `only`: and nothing else */
  readonly besides: readonly NamedSource[];
  readonly only: boolean;
}

/** What is a target of some output of the model, whichever of them are asked for. */
function apartFrom({ named, others, outputs, only }: Wanted): readonly NamedSource[] {
  if (only) return [];
  const said = named === null ? others : [named, ...others];
  return [
    ...said,
    ...outputs.flatMap((name) => (said.some((each) => each.name === name) ? [] : [{ name, key: null }])),
  ];
}

async function openNamed(path: string, wanted: Wanted, options: OpenOptions): Promise<OpenedData> {
  const { sources, target } = await namedSources(path, wanted, options);
  const { part, parts } = sources;
  const others: OtherTargets = wanted.only ? new Map() : await othersOf(path, wanted, options);
  return {
    path,
    ...(part === undefined ? {} : { part }),
    datasets: wanted.inputs.map(({ name }) => present(sources.inputs.get(name), `the data of the input '${name}'`)),
    targets: [...sources.targets.values()][0] ?? { kind: 'none' },
    others,
    wanted: besidesOf(path, wanted, sources),
    target,
    async companion(other, trained, own) {
      if (part === undefined || part === other || !parts.includes(other)) return null;
      const names = [...sources.besides.values()].flatMap((each) => (isWords(each) ? [each.names] : []))[0];
      const same = names === undefined ? own : { classNames: names, ...own };
      // the targets of every part are found where those of the first one were
      const found = await openNamed(path, wanted, {
        ...companionOptions(trained, other, same),
        namesOfOthers: namesOfOthers(others),
      });
      return { ...found, targets: withNamesOf(found.targets, trained) };
    },
  };
}

const isWords = (targets: Targets): targets is Extract<Targets, { kind: 'class' }> =>
  targets.kind === 'class' && targets.numbered !== true;

/** @throws Failure('input') where one that is wanted is not there, listing what is, or is words beside others */
function besidesOf(path: string, { besides }: Wanted, { besides: found, there }: Sources): OtherTargets {
  const missing = besides.find(({ name }) => !found.has(name));
  if (missing !== undefined) {
    const { name, key } = missing;
    const wanted = key === null ? `nothing for the input '${name}'` : `no '${key}' for the input '${name}'`;
    throw new Failure('input', {
      what: `${path}: it has ${wanted} of the loss or metric. It has ${listed(there) || 'one target alone, which inputs called target or y read'}.`,
      cure: 'Name the input as the array or column is called, or say which of them it reads.',
      settings: [['input', `${name}=KEY`]],
      written: 'nothing',
    });
  }
  const words = [...found].filter(([, targets]) => isWords(targets));
  if (words.length < 2) return found;
  throw new Failure('input', {
    what: `${path}: ${words.map(([name]) => `'${name}'`).join(' and ')} are words.`,
    cure: 'Number the classes from 0 on.',
    written: 'nothing',
  });
}

/** The classes of outputs that are words, by which those of other parts are numbered. */
export function namesOfOthers(others: OtherTargets): ReadonlyMap<string, readonly string[]> {
  return new Map([...others].flatMap(([name, own]) => (isWords(own) ? [[name, own.names] as const] : [])));
}

/** The targets of the further outputs. What was said of the first one, its task and the names of its classes, is not said of them. */
async function othersOf(path: string, wanted: Wanted, { part, namesOfOthers }: OpenOptions): Promise<OtherTargets> {
  const { inputs, others } = wanted;
  if (others.length === 0) return new Map();
  const own = part === undefined ? {} : { part };
  const outputs = await Promise.all(
    others.map(async ({ classes, ...output }): Promise<NamedSource> => {
      const known = classes === undefined ? namesOfOthers?.get(output.name) : await readClassList(classes);
      return { ...output, read: { ...output.read, ...(known !== undefined && { classNames: known }) } };
    }),
  );
  return (await openSources(path, { ...own, inputs, outputs, apart: apartFrom(wanted) })).targets;
}

/**
 * The sources with the output that their targets are of.
 * @throws Failure('input') where several outputs have targets and none was named
 */
async function namedSources(
  path: string,
  wanted: Wanted,
  options: ReadOptions,
): Promise<{ readonly sources: Sources; readonly target: string | null }> {
  const { inputs, named, outputs, besides, only } = wanted;
  const apart = apartFrom(wanted);
  const open = (wanted: readonly NamedSource[], others: Partial<ReadOptions> = {}): Promise<Sources> =>
    openSources(path, { ...options, ...others, inputs, outputs: wanted, besides, apart });
  if (only) return { sources: await open([], { requireTargets: false }), target: null };
  if (named !== null) return { sources: await open([named]), target: named.name };
  if (outputs.length > 1) {
    const sources = await open(
      outputs.map((name) => ({ name, key: null })),
      { requireTargets: false },
    );
    const [found, ...others] = sources.targets.keys();
    if (others.length > 0) {
      throw new Failure('input', {
        what: `${path}: it has targets of several outputs: ${[found, ...others].join(', ')}.`,
        cure: 'Name the output that is trained and judged.',
        settings: ['output'],
        ways: [...sources.targets.keys()].map((name) => ({
          name: `'${name}' is trained and judged`,
          settings: [['output', name]],
        })),
        written: 'nothing',
      });
    }
    if (found !== undefined) return { sources, target: found };
  }
  // targets under a name of their own: which output they are of is told by their width
  const name = present(outputs[0], 'an output of the model');
  return { sources: await open([{ name, key: null }]), target: null };
}
