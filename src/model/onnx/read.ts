import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { Failure } from '../../errors.js';
import { Graph } from '../graph.js';
import type { Model, ModelFile } from '../model.js';
import { isExternal, type TensorProto } from '../tensor.js';

/** The oldest op set whose operators keep the meaning that the rewrites rely on (broadcasting as in numpy). */
const oldestOpset = 7;

/**
 * Reads an ONNX file: the graph with every field as it stands, unknown ones included. External data is hashed but not
 * loaded; `loadExternalData` does that where its values are needed.
 * @throws Failure('input') when the file is missing, is no ONNX model, or is older than IR 3 or op set 7
 */
export async function readOnnx(path: string): Promise<Model> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new Failure('input', `${path}: cannot be read (${errorText(cause)}). Nothing was written.`, { cause });
  });
  const model = (() => {
    try {
      return fromBinary(ModelProtoSchema, bytes);
    } catch (cause) {
      throw new Failure(
        'input',
        `${path}: this is not an ONNX model, or it is truncated (${errorText(cause)}). Export it again, or name another file.`,
        { cause },
      );
    }
  })();
  if (model.graph === undefined || (model.graph.node.length === 0 && model.graph.output.length === 0)) {
    throw new Failure('input', `${path}: this is not an ONNX model: it holds no graph. Name another file.`);
  }
  const graph = new Graph(model);
  if (model.irVersion < 3n) {
    throw new Failure('input', `${path}: IR version ${model.irVersion} is older than 3. Export the model again.`);
  }
  const opset = graph.opset();
  if (opset > 0 && opset < oldestOpset) {
    throw new Failure(
      'input',
      `${path}: op set ${opset} is older than ${oldestOpset}. Raise it with onnx.version_converter, or export the model again.`,
    );
  }
  const files: ModelFile[] = [
    { path: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength },
  ];
  for (const location of externalLocations(graph)) files.push(await hashExternal(path, location));
  return { format: 'onnx', path: resolve(path), files, graph };
}

/** The files, relative to the model's folder, in which tensors of the graph lie. */
function externalLocations(graph: Graph): Set<string> {
  return new Set(graph.proto.initializer.filter(isExternal).map((tensor) => externalEntry(tensor, 'location') ?? ''));
}

function externalEntry(tensor: TensorProto, key: string): string | undefined {
  return tensor.externalData.find((entry) => entry.key === key)?.value;
}

async function hashExternal(modelPath: string, location: string): Promise<ModelFile> {
  const path = externalPath(modelPath, location);
  const hash = createHash('sha256');
  try {
    const file = await open(path);
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk);
    return { path: location, sha256: hash.digest('hex'), bytes: (await stat(path)).size };
  } catch (cause) {
    throw new Failure(
      'input',
      `${path}: the model's external data cannot be read (${errorText(cause)}). Put the file beside the model.`,
      { cause },
    );
  }
}

/** External data stays within the model's folder: a location that leaves it is refused, as the ONNX standard asks. */
function externalPath(modelPath: string, location: string): string {
  const folder = dirname(resolve(modelPath));
  const path = resolve(folder, location);
  const inside = relative(folder, path);
  if (location === '' || inside.startsWith('..') || inside.startsWith(sep)) {
    throw new Failure('input', `${modelPath}: external data at '${location}' lies outside the model's folder.`);
  }
  return path;
}

/**
 * Loads the external data of one tensor into its rawData, in place; a tensor without external data is left alone.
 * @throws Failure('input') when the file is shorter than the tensor says
 */
export async function loadExternalData(model: Model, tensor: TensorProto): Promise<void> {
  if (!isExternal(tensor)) return;
  const location = externalEntry(tensor, 'location') ?? '';
  const path = externalPath(model.path, location);
  const offset = Number(externalEntry(tensor, 'offset') ?? 0);
  const size = (await stat(path)).size;
  const length = Number(externalEntry(tensor, 'length') ?? size - offset);
  if (offset + length > size) {
    throw new Failure(
      'input',
      `${path}: tensor '${tensor.name}' ends beyond the end of the file. Copy the file again.`,
    );
  }
  const file = await open(path);
  try {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 1 << 30), offset + at);
      if (bytesRead === 0) throw new Failure('input', `${path}: the file ended while it was read.`);
      at += bytesRead;
    }
    // where the bytes came from stays noted, so that a writer can point there again while they are unchanged
    tensor.rawData = bytes;
    tensor.dataLocation = 0;
  } finally {
    await file.close();
  }
}

function errorText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
