import { readdir, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../contract/failure.js';
import type { ModelFormat } from '../contract/model.js';
import { parseDocument } from '../contract/parse-document.js';
import { openRegular, readText, refuseIrregular } from '../contract/regular-file.js';
import { refuseEndless } from './endless.js';
import type { Model, ModelOutline } from './model.js';
import { membersOf, spanAt } from './tfjs/json-spans.js';

/** The values that an outline holds are this large at most, in bytes: shapes, axes and limits, which a plan reads, are smaller. */
const largestConstant = 64 * 1024;

/** Bytes of an ONNX file that are read in less time than its tensors are looked for. */
const smallFile = 4 * 1024 * 1024;

/** How each format is read, from the path of its entry file; a reader is loaded when its format is met. */
const readers: Readonly<Record<ModelFormat, (path: string) => Promise<Model>>> = {
  onnx: async (path) => {
    const [{ readOnnx }, { externalTensors, loadExternalData }, { ownParameters }] = await Promise.all([
      import('./onnx/read.js'),
      import('./onnx/external.js'),
      import('./onnx/own-parameters.js'),
    ]);
    const model = await readOnnx(path);
    for (const tensor of externalTensors(model.graph)) await loadExternalData(model, tensor);
    ownParameters(model.graph);
    return affordable(model);
  },
  'tfjs-graph': async (path) => {
    const { readTfjsGraph } = await import('./tfjs-graph/read.js');
    return refusingNumbers(path, () => readTfjsGraph(path));
  },
  'tfjs-layers': async (path) => {
    const { readTfjsLayers } = await import('./tfjs-layers/read.js');
    return refusingNumbers(path, () => readTfjsLayers(path));
  },
};

/** What is read whole is going to be run. @throws Failure('input') where that would not end, or not fit the machine */
function affordable(model: Model): Model {
  refuseEndless(model.path, model.graph, totalmem());
  return model;
}

/**
 * A topology holds whatever numbers somebody wrote. One that is no whole number where a size or an axis should be, or that nothing is as
 * large as, ends in a RangeError wherever it is first used.
 */
async function refusingNumbers(path: string, read: () => Promise<Model>): Promise<Model> {
  try {
    return affordable(await read());
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const what = `${path}: a number in its topology is not what a network can have there, or its layers go too deep (${cause.message}).`;
    throw new Failure('input', { what, cure: 'Save or convert the model again.' }, { cause });
  }
}

/**
 * Reads a model: an .onnx file, a model.json, or a folder that holds one of them. The format is told by content, not by name.
 * External data is loaded.
 * @throws Failure('input') when there is no model, more than one, or one that cannot be used
 */
export async function loadModel(path: string): Promise<Model> {
  const entry = await findEntry(path);
  return readers[await formatOf(entry)](entry);
}

/**
 * Reads a model where the dims of weights do, and their values are not needed: those of ONNX initializers of more than 64 KiB stay in
 * their files (of 4 MiB and more), and operators of a GraphModel that are not covered are passed over (`unread`). Until the files are read again, `refuseChanged` tells whether they still are what was read.
 * @throws Failure('input') as `loadModel` does
 */
export async function outlineModel(path: string): Promise<ModelOutline> {
  const entry = await findEntry(path);
  const format = await formatOf(entry);
  if (format === 'tfjs-graph') {
    const { readTfjsGraph } = await import('./tfjs-graph/read.js');
    return refusingNumbers(entry, () => readTfjsGraph(entry, undefined, true));
  }
  if (format !== 'onnx') return readers[format](entry);
  return (await import('./onnx/read.js')).outlineOnnx(entry, largestConstant, smallFile);
}

/** @throws Failure('input') when a file of the model was written to, replaced or removed since the model was read */
export async function refuseChanged({ path, files }: ModelOutline): Promise<void> {
  for (const { path: relative, bytes, modifiedNs } of files) {
    if (modifiedNs === undefined) continue;
    const place = join(dirname(path), relative);
    const now = await stat(place, { bigint: true }).catch(() => null);
    if (now !== null && now.size === BigInt(bytes) && now.mtimeNs === modifiedNs) continue;
    throw new Failure('input', {
      what: `${place} changed while the model was being read.`,
      cure: 'See what else writes there, and run again.',
    });
  }
}

/**
 * The entry file of a model: the path itself, or the one model file in the folder that it names.
 * @throws Failure('input') when there is none, or more than one
 */
export async function findEntry(path: string): Promise<string> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new Failure('input', { what: `${path}: there is no such file or folder.`, cure: 'Name a model.' }, { cause });
  });
  await refuseIrregular(path);
  if (!found.isDirectory()) return path;
  const entries = (await readdir(path)).filter((name) => name === 'model.json' || name.endsWith('.onnx'));
  const [entry, ...others] = entries;
  if (entry === undefined) {
    throw new Failure('input', {
      what: `${path}: the folder holds neither a model.json nor an .onnx file.`,
      cure: 'Name another folder, or the model file itself.',
    });
  }
  if (others.length > 0) {
    throw new Failure('input', {
      what: `${path}: the folder holds ${entries.join(', ')}.`,
      cure: 'Name the one that is meant.',
    });
  }
  return join(path, entry);
}

/** A file that begins with a brace is a model.json: no ONNX message does, since its first field has the tag 0x08. */
export async function formatOf(path: string): Promise<ModelFormat> {
  const file = await openRegular(path);
  const { buffer } = await file.read(new Uint8Array(64), 0, 64, 0).finally(() => file.close());
  if (!new TextDecoder().decode(buffer).trimStart().startsWith('{')) return 'onnx';
  const text = await readText(path);
  const isGraph = hasNodes(text) ?? 'node' in topologyOf(path, text);
  return isGraph ? 'tfjs-graph' : 'tfjs-layers';
}

/** Whether the topology has a member 'node', by where things stand alone; null where that is not clear: then it is parsed, which says why. */
function hasNodes(text: string): boolean | null {
  try {
    const topology = membersOf(text, spanAt(text, 0)).findLast(({ key }) => key === 'modelTopology')?.value;
    if (topology === undefined || text[topology.start] !== '{') return null;
    return membersOf(text, topology).some(({ key }) => key === 'node');
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

/** Old files have no `format`: a GraphModel is told by the nodes of its GraphDef. */
function topologyOf(path: string, text: string): object {
  try {
    const json = parseDocument(text);
    if (typeof json === 'object' && json !== null && 'modelTopology' in json) {
      const { modelTopology } = json;
      if (typeof modelTopology === 'object' && modelTopology !== null) return modelTopology;
    }
  } catch (cause) {
    throw new Failure(
      'input',
      { what: `${path}: this is not valid JSON (${messageOf(cause)}).`, cure: 'Copy the file again.' },
      { cause },
    );
  }
  throw new Failure('input', {
    what: `${path}: this JSON file holds no modelTopology, so it is not a TensorFlow.js model.`,
    cure: 'Name a model.json that model.save or tensorflowjs_converter wrote.',
  });
}
