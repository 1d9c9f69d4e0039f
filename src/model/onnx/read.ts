import { type BigIntStats, constants } from 'node:fs';
import { access, type FileHandle, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { Failure, messageOf } from '../../contract/failure.js';
import { type FileRange, openRegular, readFully, readRegular, refuseIrregular } from '../../contract/regular-file.js';
import { hashFile } from '../file-pieces.js';
import { Graph } from '../graph.js';
import type { Model, ModelFile, ModelOutline, OutlinedFile } from '../model.js';
import { dimsOf, elementCount, isExternal } from '../tensor.js';
import {
  externalLocations,
  externalPath,
  externalTensors,
  leaveInFile,
  loadExternalData,
  refuseLeftInFile,
} from './external.js';
import { ownParameters } from './own-parameters.js';
import { readSkeleton, type Skeleton } from './skeleton.js';
import { refuseUnsound } from './sound.js';

/** The oldest op set whose operators keep the meaning that the rewrites rely on (broadcasting as in numpy). */
const oldestOpset = 7;

/** The largest file that Node reads at once, in bytes; a protobuf message is no larger either. */
const largestFile = 2 ** 31 - 1;

/**
 * Reads an ONNX file: the graph with every field as it stands, unknown ones included. External data is hashed but not
 * loaded; `loadExternalData` does that where its values are needed.
 * @throws Failure('input') when the file is missing, is no ONNX model, or is older than IR 3 or op set 7
 */
export async function readOnnx(path: string): Promise<Model> {
  const bytes = await readRegular(path).catch(refuseUnreadable(path));
  const graph = parseGraph(path, bytes);
  const { createHash } = await import('node:crypto');
  const files: ModelFile[] = [
    { path: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength },
  ];
  for (const location of externalLocations(graph)) {
    const hashed = await hashFile(externalPath(path, location)).catch(refuseExternal(path, location));
    files.push({ path: location, ...hashed });
  }
  return { format: 'onnx', path: resolve(path), files, graph };
}

/**
 * The same graph, less the values of initializers beyond `largest` bytes, raw or external: to whoever reads one, it is external data
 * that is not loaded. No file is hashed. So what it takes does not grow with the weights.
 * @param smallFile a file of fewer bytes is read whole: that takes less time than to find its tensors
 * @throws Failure('input') as `readOnnx` does
 */
export async function outlineOnnx(path: string, largest: number, smallFile = 0): Promise<ModelOutline> {
  const file = await openRegular(path).catch(refuseUnreadable(path));
  try {
    const { size, mtimeNs } = await file.stat({ bigint: true });
    const bytes = Number(size);
    const isLeftOut = bytes >= smallFile && bytes <= largestFile;
    const skeleton = isLeftOut ? await readSkeleton(file, bytes, largest) : null;
    const bytesRead = skeleton?.bytes ?? (await file.readFile().catch(refuseUnreadable(path)));
    const graph = parseGraph(path, bytesRead, skeleton?.leftOut);
    const files: OutlinedFile[] = [{ path: basename(path), bytes, modifiedNs: mtimeNs }];
    for (const location of externalLocations(graph)) files.push(await outlineExternal(path, location));
    const outline: ModelOutline = { format: 'onnx', path: resolve(path), files, graph };
    for (const tensor of externalTensors(graph)) {
      // no element is larger than 16 bytes
      if (16 * elementCount(dimsOf(tensor)) <= largest) await loadExternalData(outline, tensor);
    }
    for (const [at, range] of skeleton?.leftOut ?? []) await leaveOrRead(graph, at, file, path, range);
    ownParameters(graph);
    return outline;
  } finally {
    await file.close();
  }
}

/** @param leftOut raw data of initializers that are not among the bytes */
function parseGraph(path: string, bytes: Uint8Array, leftOut: Skeleton['leftOut'] = new Map()): Graph {
  const model = (() => {
    try {
      return fromBinary(ModelProtoSchema, bytes);
    } catch (cause) {
      throw new Failure(
        'input',
        {
          what: `${path}: this is not an ONNX model, or it is truncated (${messageOf(cause)}).`,
          cure: 'Export it again, or name another file.',
        },
        { cause },
      );
    }
  })();
  if (model.graph === undefined || (model.graph.node.length === 0 && model.graph.output.length === 0)) {
    throw new Failure('input', {
      what: `${path}: this is not an ONNX model: it holds no graph.`,
      cure: 'Name another file.',
    });
  }
  if (model.graph.output.length === 0) {
    throw new Failure('input', { what: `${path}: the graph has no output.`, cure: 'Export the model again.' });
  }
  const sizes = new Map([...leftOut].map(([at, { byteLength }]) => [model.graph?.initializer[at], byteLength]));
  refuseUnsound(path, model, (tensor) => sizes.get(tensor) ?? tensor.rawData.byteLength);
  const graph = new Graph(model);
  refuseLeftInFile(path, graph);
  if (model.irVersion < 3n) {
    throw new Failure('input', {
      what: `${path}: IR version ${model.irVersion} is older than 3.`,
      cure: 'Export the model again.',
    });
  }
  const opset = graph.opset();
  if (opset > 0 && opset < oldestOpset) {
    throw new Failure('input', {
      what: `${path}: op set ${opset} is older than ${oldestOpset}.`,
      cure: 'Raise it with onnx.version_converter, or export the model again.',
    });
  }
  return graph;
}

/** A tensor that says something about external data of its own is read, as its file says it is. */
async function leaveOrRead(graph: Graph, at: number, file: FileHandle, path: string, range: FileRange): Promise<void> {
  const tensor = graph.proto.initializer[at];
  if (tensor === undefined) throw new Error(`${path}: there is no initializer ${at}`);
  if (tensor.externalData.length === 0 && !isExternal(tensor)) return leaveInFile(tensor, path, range);
  tensor.rawData = new Uint8Array(range.byteLength);
  await readFully(file, tensor.rawData, range.offset).catch(refuseUnreadable(path));
}

async function outlineExternal(modelPath: string, location: string): Promise<OutlinedFile> {
  const path = externalPath(modelPath, location);
  const { size, mtimeNs } = await readableStat(path).catch(refuseExternal(modelPath, location));
  return { path: location, bytes: Number(size), modifiedNs: mtimeNs };
}

async function readableStat(path: string): Promise<BigIntStats> {
  await refuseIrregular(path);
  await access(path, constants.R_OK);
  return stat(path, { bigint: true });
}

function refuseUnreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    if (cause instanceof Failure) throw cause;
    throw new Failure(
      'input',
      { what: `${path}: cannot be read (${messageOf(cause)}).`, cure: 'Check the path and its permissions.' },
      { cause },
    );
  };
}

function refuseExternal(modelPath: string, location: string): (cause: unknown) => never {
  return (cause) => {
    if (cause instanceof Failure) throw cause;
    throw new Failure(
      'input',
      {
        what: `${externalPath(modelPath, location)}: the model's external data cannot be read (${messageOf(cause)}).`,
        cure: 'Put the file beside the model.',
      },
      { cause },
    );
  };
}
