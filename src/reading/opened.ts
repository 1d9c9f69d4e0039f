import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { ReadingOptions } from '../contract/settings.js';
import type { Dataset, Part, Targets } from '../data/dataset.js';
import { companionOptions, openCompanion, openDataset, type ReadOptions, withNamesOf } from '../data/open.js';
import { type NamedSource, openSources, type Sources } from '../data/sources.js';
import type { Model } from '../model/model.js';
import type { Signature } from '../runtime/predictor.js';

/** Which part of the data each named input and output is. */
export type NamedKeys = Pick<ReadingOptions, 'inputs' | 'outputs'>;

/** Nothing is said: names alone tell. */
export const bareNames: NamedKeys = { inputs: [], outputs: [] };

/** A data set as it was opened for a model. */
export interface OpenedData extends Pick<Dataset, 'path' | 'part'> {
  /** one for each input of the model, in its order; index i is the same sample in all of them */
  readonly datasets: readonly Dataset[];
  readonly targets: Targets;
  /** the output whose name, or key, the targets were found by; null where they have the name of none */
  readonly target: string | null;
  /** Another part, its classes numbered as those of `targets` are; null where there is none, or this is it. */
  companion(part: Part, targets: Targets, options: ReadOptions): Promise<OpenedData | null>;
}

export type OpenData = (path: string, options: ReadOptions) => Promise<OpenedData>;

/**
 * How the data of a model are opened: those of one input as samples and targets; by name where there are several inputs, or
 * where a key was given.
 * @throws Failure('input') for an input that the model has not; Failure('usage') for several outputs
 */
export function openerOf(
  {
    model,
    signature,
  }: { readonly model: Pick<Model, 'path' | 'graph'>; readonly signature: Pick<Signature, 'inputs'> },
  named: NamedKeys,
): OpenData {
  const there = signature.inputs.map(({ name }) => name);
  const unknown = named.inputs.find(({ name }) => !there.includes(name));
  if (unknown !== undefined) {
    throw new Failure('input', {
      what: `${model.path}: there is no input '${unknown.name}'. Its inputs are ${there.join(', ')}.`,
      cure: 'Name one of them.',
      settings: ['input'],
      written: 'nothing',
    });
  }
  if (named.outputs.length > 1) {
    throw new Failure('usage', {
      what: `Several outputs were named (${named.outputs.map(({ name }) => name).join(', ')}): one is trained and judged.`,
      cure: 'Name one of them.',
      settings: ['output'],
      written: 'nothing',
    });
  }
  const plain = there.length === 1 && named.inputs.length === 0 && named.outputs.every(({ key }) => key === null);
  if (plain) return async (path, options) => ofDataset(await openDataset(path, options));
  const inputs = there.map((name) => ({ name, key: named.inputs.find((input) => input.name === name)?.key ?? null }));
  const wanted = { inputs, named: named.outputs[0] ?? null, outputs: model.graph.proto.output.map(({ name }) => name) };
  return (path, options) => openNamed(path, wanted, options);
}

function ofDataset(dataset: Dataset): OpenedData {
  const { path, part, targets } = dataset;
  return {
    path,
    ...(part === undefined ? {} : { part }),
    datasets: [dataset],
    targets,
    target: null,
    async companion(other, trained, options) {
      const found = await openCompanion({ path, part, targets: trained }, other, options);
      return found === null ? null : ofDataset(found);
    },
  };
}

/** What of a model is looked for in the data. */
interface Wanted {
  readonly inputs: readonly NamedSource[];
  /** the output that was named; null: what has an output's name, or that of targets */
  readonly named: NamedSource | null;
  readonly outputs: readonly string[];
}

async function openNamed(path: string, wanted: Wanted, options: ReadOptions): Promise<OpenedData> {
  const { sources, target } = await namedSources(path, wanted, options);
  const { part, parts } = sources;
  return {
    path,
    ...(part === undefined ? {} : { part }),
    datasets: wanted.inputs.map(({ name }) => present(sources.inputs.get(name), `the data of the input '${name}'`)),
    targets: [...sources.targets.values()][0] ?? { kind: 'none' },
    target,
    async companion(other, trained, own) {
      if (part === undefined || part === other || !parts.includes(other)) return null;
      // the targets of every part are found where those of the first one were
      const found = await openNamed(path, wanted, companionOptions(trained, other, own));
      return { ...found, targets: withNamesOf(found.targets, trained) };
    },
  };
}

/**
 * The sources with the output that their targets are of.
 * @throws Failure('input') where several outputs have targets and none was named
 */
async function namedSources(
  path: string,
  { inputs, named, outputs }: Wanted,
  options: ReadOptions,
): Promise<{ readonly sources: Sources; readonly target: string | null }> {
  const open = (wanted: readonly NamedSource[], others: Partial<ReadOptions> = {}): Promise<Sources> =>
    openSources(path, { ...options, ...others, inputs, outputs: wanted });
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
        written: 'nothing',
      });
    }
    if (found !== undefined) return { sources, target: found };
  }
  // targets under a name of their own: which output they are of is told by their width
  const name = present(outputs[0], 'an output of the model');
  return { sources: await open([{ name, key: null }]), target: null };
}
