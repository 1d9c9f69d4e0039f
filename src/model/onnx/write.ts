import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { create, type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from 'onnx-buf';
import type { Graph, ModelProto } from '../graph.js';
import type { Model, StreamedFile } from '../model.js';
import { isExternal, type TensorProto } from '../tensor.js';

/** A tensor that lay in another file and changed comes into the .onnx file when it is this small (bytes): biases, not weights. */
const largestInline = 64 * 1024;

/** Where ONNX asks external tensors to begin, so that they can be mapped into memory. */
const alignment = 4096;

/**
 * The files that change when `graph`, made from `model`'s own, takes its place: the .onnx file first, and a new external data
 * file, named by its content, where tensors changed that lay in one. Unchanged external tensors keep pointing at the old file,
 * which therefore stays. Fields that this project does not know are written as they were read.
 */
export function encodeOnnx(model: Model, graph: Graph): StreamedFile[] {
  const path = basename(model.path);
  const wasExternal = (tensor: TensorProto) => (model.graph.initializer(tensor.name)?.externalData.length ?? 0) > 0;
  const moved = graph.proto.initializer.filter(
    (tensor) => wasExternal(tensor) && tensor.externalData.length === 0 && tensor.rawData.byteLength > largestInline,
  );
  if (moved.length === 0) return [{ path, bytes: inPieces(encodeModel(graph.model)) }];

  const data = alignedData(moved);
  const location = `${path.replace(/\.onnx$/, '')}.${createHash('sha256').update(data.bytes).digest('hex').slice(0, 16)}.data`;
  const places = new Map(
    moved.map((tensor, i) => [
      tensor,
      { location, offset: `${data.offsets[i]}`, length: `${tensor.rawData.byteLength}` },
    ]),
  );
  return [
    { path, bytes: inPieces(encodeModel(graph.model, places)) },
    { path: location, bytes: inPieces([data.bytes]) },
  ];
}

type ExternalPlace = Readonly<Record<string, string>>;

/**
 * A model as an .onnx file's bytes, in pieces, of which the large ones are the tensors' own: a message with much in it is not
 * copied once per level of nesting. Tensors that were loaded from an external file and are unchanged point there again.
 */
export function encodeModel(
  model: ModelProto,
  moved: ReadonlyMap<TensorProto, ExternalPlace> = new Map(),
): Uint8Array[] {
  const { graph } = model;
  const bare = shallow(ModelProtoSchema, model);
  delete bare.graph;
  const around = toBinary(ModelProtoSchema, bare);
  if (graph === undefined) return [around];
  const pieces: Uint8Array[] = [
    toBinary(GraphProtoSchema, Object.assign(shallow(GraphProtoSchema, graph), { initializer: [] })),
  ];
  for (const tensor of graph.initializer) {
    const encoded = encodeTensor(tensor, moved.get(tensor));
    pieces.push(fieldHeader(GraphProtoSchema.field.initializer.number, byteLength(encoded)), ...encoded);
  }
  return [around, fieldHeader(ModelProtoSchema.field.graph.number, byteLength(pieces)), ...pieces];
}

/** A tensor's fields, and its raw data as it lies. */
function encodeTensor(tensor: TensorProto, place: ExternalPlace | undefined): Uint8Array[] {
  const bare = shallow(TensorProtoSchema, tensor);
  // proto2 tells a field that is absent from one that is empty
  const hasRawData = Object.hasOwn(tensor, 'rawData');
  Reflect.deleteProperty(bare, 'rawData');
  if (place !== undefined) {
    bare.externalData = Object.entries(place).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
  }
  if (bare.externalData.length > 0) {
    bare.dataLocation = TensorProto_DataLocation.EXTERNAL;
    return [toBinary(TensorProtoSchema, bare)];
  }
  const fields = toBinary(TensorProtoSchema, bare);
  if (!hasRawData || isExternal(tensor)) return [fields];
  return [fields, fieldHeader(TensorProtoSchema.field.rawData.number, tensor.rawData.byteLength), tensor.rawData];
}

/** Another message with the same fields; what they hold is shared. */
function shallow<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): MessageShape<Schema> {
  return Object.assign(create(schema), message);
}

function fieldHeader(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

function alignedData(tensors: readonly TensorProto[]): { bytes: Uint8Array; offsets: readonly number[] } {
  const offsets: number[] = [];
  let end = 0;
  for (const { rawData } of tensors) {
    const offset = Math.ceil(end / alignment) * alignment;
    offsets.push(offset);
    end = offset + rawData.byteLength;
  }
  const bytes = new Uint8Array(end);
  for (const [i, { rawData }] of tensors.entries()) bytes.set(rawData, offsets[i]);
  return { bytes, offsets };
}

/** Small pieces joined, so that each is worth a write; large ones as they are, so that no file is held twice. */
function inPieces(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      let small: Uint8Array[] = [];
      for (const piece of pieces) {
        if (piece.byteLength > largestInline || byteLength(small) > largestInline) {
          yield concatenate(small);
          small = [];
        }
        if (piece.byteLength > largestInline) yield piece;
        else small.push(piece);
      }
      yield concatenate(small);
    },
  };
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(byteLength(pieces));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

function byteLength(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((total, piece) => total + piece.byteLength, 0);
}
