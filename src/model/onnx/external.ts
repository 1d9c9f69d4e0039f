import { basename, dirname, relative, resolve, sep } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { Failure, messageOf } from '../../contract/failure.js';
import { type FileRange, openRegular, readFully } from '../../contract/regular-file.js';
import type { Graph } from '../graph.js';
import type { ModelOutline } from '../model.js';
import { isExternal, type TensorProto } from '../tensor.js';
import { innerTensors } from './inner.js';
import { byteLengthOf } from './sound.js';

/** The tensors of the model whose data lie in other files: initializers, and those of bodies, constants and local functions. */
export function externalTensors({ proto, model }: Graph): TensorProto[] {
  return [...proto.initializer, ...innerTensors(model)].filter(isExternal);
}

/** The files, relative to the model's folder, in which tensors of the model lie. */
export function externalLocations(graph: Graph): Set<string> {
  return new Set(externalTensors(graph).map(locationOf));
}

/** @throws Failure('input') for a tensor that does not say where its data are */
function locationOf(tensor: TensorProto): string {
  const location = externalEntry(tensor, 'location');
  if (location !== undefined) return location;
  throw new Failure('input', {
    what: `Tensor '${tensor.name}' has its data in another file, and does not say in which.`,
    cure: 'Export the model again.',
  });
}

function externalEntry(tensor: TensorProto, key: string): string | undefined {
  return tensor.externalData.find((entry) => entry.key === key)?.value;
}

/** Makes a tensor point to where its data lie, as ONNX says it of external data. */
export function setExternalData(tensor: TensorProto, location: string, { offset, byteLength }: FileRange): void {
  const entries = { location, offset: `${offset}`, length: `${byteLength}` };
  tensor.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
}

/** The entry that tells a tensor which was left in the model's own file from external data: its data_location, if it had one. */
const leftInFileKey = 'frelu-migrate.data_location';

/** Leaves a tensor's raw data where they lie in the model's own file: to whoever reads the tensor, they are external data. */
export function leaveInFile(tensor: TensorProto, modelPath: string, range: FileRange): void {
  setExternalData(tensor, basename(modelPath), range);
  // proto2 tells a field that is absent from one that says what its absence would
  const value = Object.hasOwn(tensor, 'dataLocation') ? `${tensor.dataLocation}` : '';
  tensor.externalData.push(create(StringStringEntryProtoSchema, { key: leftInFileKey, value }));
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
}

/**
 * A file that already says of a tensor what `leaveInFile` says of it would have any bytes taken for it, at a negative place too.
 * @throws Failure('input') naming the tensor
 */
export function refuseLeftInFile(path: string, { proto, model }: Graph): void {
  const marked = [...proto.initializer, ...innerTensors(model)].find((tensor) => leftInFile(tensor) !== undefined);
  if (marked === undefined) return;
  throw new Failure('input', {
    what: `${path}: tensor '${marked.name}' has the entry ${JSON.stringify(leftInFileKey)} in its external data, which no exporter writes.`,
    cure: 'Export the model again.',
  });
}

/** Where a tensor's raw data lie in the model's own file, if they were left there. */
export function leftInFile(tensor: TensorProto): FileRange | undefined {
  if (externalEntry(tensor, leftInFileKey) === undefined) return undefined;
  return { offset: Number(externalEntry(tensor, 'offset')), byteLength: Number(externalEntry(tensor, 'length')) };
}

/** Undoes `leaveInFile`, but for the raw data themselves. */
export function takeFromFile(tensor: TensorProto): void {
  if (externalEntry(tensor, leftInFileKey) === '') Reflect.deleteProperty(tensor, 'dataLocation');
  else tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  tensor.externalData = [];
}

/**
 * The file that a model's external data lie in. They stay within the model's folder, as the ONNX standard asks.
 * @throws Failure('input') for a location that leads out of it
 */
export function externalPath(modelPath: string, location: string): string {
  const folder = dirname(resolve(modelPath));
  const path = resolve(folder, location);
  const inside = relative(folder, path);
  if (location === '' || inside.startsWith('..') || inside.startsWith(sep)) {
    throw new Failure('input', {
      what: `${modelPath}: external data at '${location}' lies outside the model's folder.`,
      cure: "Save the model again with its data in the model's folder.",
    });
  }
  return path;
}

/**
 * Loads the external data of one tensor into its rawData, in place; a tensor without external data is left alone.
 * @throws Failure('input') when the file is shorter than the tensor says, or the tensor says something else than its dims do
 */
export async function loadExternalData(model: ModelOutline, tensor: TensorProto): Promise<void> {
  if (!isExternal(tensor)) return;
  const path = externalPath(model.path, locationOf(tensor));
  const { offset, length } = externalRange(model.path, tensor);
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (offset + length > size) {
      throw new Failure('input', {
        what: `${path}: tensor '${tensor.name}' ends beyond the end of the file.`,
        cure: 'Copy the file again.',
      });
    }
    const bytes = new Uint8Array(length);
    await readFully(file, bytes, offset);
    // where the bytes came from stays noted, so that a writer can point there again while they are unchanged
    tensor.rawData = bytes;
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('input', { what: `${path}: ${messageOf(cause)}.`, cure: 'Copy the file again.' }, { cause });
  } finally {
    await file.close();
  }
}

/** Which bytes of its file a tensor is. */
function externalRange(modelPath: string, tensor: TensorProto): { readonly offset: number; readonly length: number } {
  const refused = (why: string): Failure =>
    new Failure('input', { what: `${modelPath}: tensor '${tensor.name}' ${why}.`, cure: 'Export the model again.' });
  const expected = byteLengthOf(tensor);
  if (expected === null) throw refused('has its data in another file, which its element type does not go with');
  const offset = Number(externalEntry(tensor, 'offset') ?? 0);
  const length = Number(externalEntry(tensor, 'length') ?? expected);
  if (!(Number.isSafeInteger(offset) && offset >= 0)) throw refused(`begins at no place in its file (${offset})`);
  if (length !== expected) throw refused(`is ${length} bytes of its file, but ${expected} by its dims`);
  return { offset, length };
}
