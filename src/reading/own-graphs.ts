import { parse } from 'node:path';
import { Failure } from '../contract/failure.js';
import { isTableMetric } from '../contract/metrics.js';
import type { OwnLossFile, OwnMetricFile, SettingName } from '../contract/settings.js';
import type { Graph } from '../model/graph.js';
import { loadModel } from '../model/load.js';
import type { Model, ModelFile } from '../model/model.js';
import { fixedBatch, signatureOf } from '../runtime/predictor.js';
import type { TaskOptions } from './options.js';

/** An input of a loss or a metric of the user's. */
export interface OwnInput {
  readonly name: string;
  readonly elementType: number;
  /** as the file declares it, with the batch in front, null for what is free; empty where it says nothing, or only that it is a number */
  readonly shape: readonly (number | null)[];
  /** the output of the model that it reads; null: targets of its name */
  readonly output: string | null;
}

/** A graph of the user's, from outputs of the model and targets to one number, or one for each sample. */
export interface OwnGraph {
  readonly path: string;
  readonly files: readonly ModelFile[];
  /** as its file is called, without the extension */
  readonly name: string;
  readonly graph: Graph;
  readonly inputs: readonly OwnInput[];
  readonly output: string;
  readonly setting: SettingName;
}

export interface OwnMetric extends OwnGraph {
  readonly higherIsBetter: boolean;
}

/** A loss, with the output of the model that an input of it is; its other inputs are targets. */
export interface OwnLoss extends OwnGraph {
  readonly reads: ReadonlyMap<string, string>;
}

/** How a run is trained and judged by graphs of the user's. */
export interface OwnGraphs {
  readonly loss: OwnLoss | null;
  readonly metric: OwnMetric | null;
}

/** The loss or metric that is a file of the user's; null for one of ours, or none. */
export const ownFile = <T extends OwnLossFile>(given: T | string | null): T | null =>
  given === null || typeof given === 'string' ? null : given;

/**
 * Loads the loss and the metric that are files of the user's; null where neither is.
 * @throws Failure('input') for a file that is no such graph; Failure('usage') for a metric without a direction, or called like one of ours
 */
export async function loadOwnGraphs(
  model: Pick<Model, 'path' | 'graph'>,
  { loss: givenLoss, metric: givenMetric }: Pick<TaskOptions, 'loss' | 'metric'>,
): Promise<OwnGraphs | null> {
  const [lossFile, metricFile] = [ownFile(givenLoss), ownFile(givenMetric)];
  if (lossFile === null && metricFile === null) return null;
  return {
    loss: lossFile === null ? null : await loadLoss(model, lossFile.file),
    metric: metricFile === null ? null : await loadMetric(model, metricFile),
  };
}

/** What the graphs read beside the model's outputs, each once. */
export function wantedNames({ loss, metric }: OwnGraphs): readonly string[] {
  const inputs = [...(loss?.inputs ?? []), ...(metric?.inputs ?? [])];
  return [...new Set(inputs.flatMap(({ name, output }) => (output === null ? [name] : [])))];
}

/** The model's outputs that the graphs read, each once. */
export function outputsRead(graphs: readonly (OwnGraph | null)[]): readonly string[] {
  return [...new Set(graphs.flatMap((graph) => graph?.inputs.flatMap(({ output }) => output ?? []) ?? []))];
}

async function loadLoss(model: Pick<Model, 'path' | 'graph'>, file: string): Promise<OwnLoss> {
  const loaded = await loadGraph(model, file, 'loss');
  const reads = loaded.inputs.flatMap(({ name, output }) => (output === null ? [] : [[name, output] as const]));
  return { ...loaded, reads: new Map(reads) };
}

async function loadMetric(
  model: Pick<Model, 'path' | 'graph'>,
  { file, direction: told }: OwnMetricFile,
): Promise<OwnMetric> {
  const loaded = await loadGraph(model, file, 'metric');
  const refuse = (what: string, cure: string, hint: string): Failure =>
    new Failure('usage', { what: `${file}: ${what}`, cure, settings: [['metric', hint]], written: 'nothing' });
  if (isTableMetric(loaded.name)) {
    throw refuse(`a metric of ours is called ${loaded.name} too.`, 'Give the file another name.', 'OTHER.onnx');
  }
  const stored = loaded.graph.model.metadataProps.find(({ key }) => key === 'direction')?.value ?? null;
  const direction = told ?? stored;
  if (direction !== 'higher' && direction !== 'lower') {
    throw refuse(
      stored === null
        ? 'it does not say whether a higher or a lower value is better.'
        : `its metadata_props has the direction '${stored}'.`,
      "Say higher or lower behind the file, or in its metadata_props under the key 'direction'.",
      `${file}:higher`,
    );
  }
  return { ...loaded, higherIsBetter: direction === 'higher' };
}

/** @throws Failure('input') for a file that is no graph from the model's outputs to one value */
async function loadGraph(
  model: Pick<Model, 'path' | 'graph'>,
  file: string,
  setting: 'loss' | 'metric',
): Promise<OwnGraph> {
  const loaded = await loadModel(file).catch((cause: unknown) => {
    if (!(cause instanceof Failure)) throw cause;
    const cure = `Name the .onnx file of a ${setting}.`;
    throw new Failure(cause.kind, { what: cause.what, cure, settings: [setting], written: 'nothing' }, { cause });
  });
  const { graph } = loaded;
  const refuse = (what: string, cure: string): Failure =>
    new Failure('input', { what: `${file}: ${what}`, cure, settings: [setting], written: 'nothing' });
  if (loaded.format !== 'onnx') throw refuse(`a ${setting} is an ONNX file.`, 'Export it as one.');
  const [output, ...others] = graph.proto.output;
  if (output === undefined || others.length > 0) {
    throw refuse(
      `it has ${graph.proto.output.length} outputs, a ${setting} has one.`,
      `Export it with the ${setting} as its only output.`,
    );
  }
  const outputs = model.graph.proto.output.map(({ name }) => name);
  const maps = model.graph.proto.output.filter(({ type }) => type !== undefined && type.value.case !== 'tensorType');
  const inputs = signatureOf(graph).inputs.map((input): OwnInput => {
    return { ...input, output: outputs.includes(input.name) ? input.name : null };
  });
  const map = maps.find(({ name }) => inputs.some(({ output }) => output === name));
  if (map !== undefined) {
    throw refuse(
      `it reads the output '${map.name}', which is no tensor (${map.type?.value.case}).`,
      'Export the model with a tensor as that output, or let another be read.',
    );
  }
  if (inputs.every((input) => input.output === null)) {
    throw refuse(
      `it reads no output of the model: its inputs are ${inputs.map(({ name }) => name).join(', ')}; ${model.path} gives ${outputs.join(', ')}.`,
      'Name its inputs as the outputs of the model are, and as the arrays or columns of the data.',
    );
  }
  const fixed = fixedBatch(signatureOf(graph));
  if (fixed !== null) {
    throw refuse(`its batch size is fixed at ${fixed}.`, 'Export it with a dynamic batch size.');
  }
  const { name } = parse(file);
  // what is measured is kept and written under this name, and these are taken there
  if (/^\$|^__proto__$/.test(name)) throw refuse(`nothing can be called '${name}'.`, 'Give the file another name.');
  return { path: file, files: loaded.files, name, graph, inputs, output: output.name, setting };
}
