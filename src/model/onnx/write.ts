import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { clone, create, type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import type { FileRange } from '../../contract/regular-file.js';
import { fileName } from '../file-name.js';
import { RangeReader } from '../file-pieces.js';
import type { Graph, ModelProto } from '../graph.js';
import type { ModelOutline, StreamedFile } from '../model.js';
import { isExternal, type TensorProto } from '../tensor.js';
import { leftInFile, setExternalData, takeFromFile } from './external.js';
import { innerTensors } from './inner.js';
import { byteLength, fieldHeader } from './skeleton.js';

/** A tensor that lay in another file and changed comes into the .onnx file when it is this small (bytes): biases, not weights. */
const largestInline = 64 * 1024;

/** Where ONNX asks external tensors to begin, so that they can be mapped into memory. */
const alignment = 4096;

/**
 * The files that change when `graph`, made from `model`'s own, takes its place: the .onnx file first, and a new external data
 * file, named by its content, where tensors changed that lay in one. Unchanged external tensors keep pointing at the old file,
 * which therefore stays. Raw data that were left in the old .onnx file are copied from there when the new one is read, and so
 * never in memory. Fields that this project does not know are written as they were read.
 */
export function encodeOnnx(model: ModelOutline, graph: Graph): StreamedFile[] {
  const path = basename(model.path);
  const wasExternal = ({ name }: TensorProto) => {
    const before = model.graph.initializer(name);
    return before !== undefined && before.externalData.length > 0 && leftInFile(before) === undefined;
  };
  const moved = graph.proto.initializer.filter(
    (tensor) => wasExternal(tensor) && tensor.externalData.length === 0 && tensor.rawData.byteLength > largestInline,
  );
  const rawData = (tensor: TensorProto) => leftInFile(tensor) ?? tensor.rawData;
  const inFile = (pieces: readonly Piece[]): StreamedFile => ({ path, bytes: inPieces(pieces, model.path) });
  if (moved.length === 0) return [inFile(encodePieces(graph.model, new Map(), rawData))];

  const data = alignedData(moved);
  const hash = createHash('sha256').update(data.bytes).digest('hex').slice(0, 16);
  const location = fileName(path.replace(/\.onnx$/, ''), `.${hash}.data`);
  const places = new Map(
    moved.map((tensor, i) => {
      const range = { offset: data.offsets[i] ?? 0, byteLength: tensor.rawData.byteLength };
      return [tensor, { location, range }];
    }),
  );
  return [
    inFile(encodePieces(graph.model, places, rawData)),
    { path: location, bytes: inPieces([data.bytes], model.path) },
  ];
}

/** Where a tensor's data come to lie that go to an external file. */
interface ExternalPlace {
  readonly location: string;
  readonly range: FileRange;
}

/** What an .onnx file is written from: bytes, and ranges of the file that it was read from. */
type Piece = Uint8Array | FileRange;

/**
 * A model as an .onnx file's bytes, in pieces, of which the large ones are the tensors' own: a message with much in it is not
 * copied once per level of nesting. Tensors that were loaded from an external file and are unchanged point there again.
 */
export function encodeModel(model: ModelProto): Uint8Array[] {
  return encodePieces(model, new Map(), ({ rawData }) => rawData);
}

function encodePieces<Raw extends Piece>(
  model: ModelProto,
  moved: ReadonlyMap<TensorProto, ExternalPlace>,
  rawData: (tensor: TensorProto) => Raw,
): (Uint8Array | Raw)[] {
  const { graph } = model;
  if (graph === undefined) return [toBinary(ModelProtoSchema, model)];
  const bare = pointingBack(
    Object.assign(shallow(ModelProtoSchema, model), {
      graph: Object.assign(shallow(GraphProtoSchema, graph), { initializer: [] }),
    }),
  );
  const pieces: (Uint8Array | Raw)[] = [toBinary(GraphProtoSchema, bare.graph ?? graph)];
  const rest = shallow(ModelProtoSchema, bare);
  delete rest.graph;
  const around = toBinary(ModelProtoSchema, rest);
  for (const tensor of graph.initializer) {
    const encoded = encodeTensor(tensor, moved.get(tensor), rawData(tensor));
    pieces.push(fieldHeader(GraphProtoSchema.field.initializer.number, byteLength(encoded)), ...encoded);
  }
  return [around, fieldHeader(ModelProtoSchema.field.graph.number, byteLength(pieces)), ...pieces];
}

/** The model with those inner tensors external again that were loaded from other files: nothing here changes them. */
function pointingBack(model: ModelProto): ModelProto {
  if (!innerTensors(model).some(({ externalData }) => externalData.length > 0)) return model;
  const copy = clone(ModelProtoSchema, model);
  for (const tensor of innerTensors(copy)) {
    if (tensor.externalData.length === 0) continue;
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    Reflect.deleteProperty(tensor, 'rawData');
  }
  return copy;
}

/** A tensor's fields, and its raw data as they lie. */
function encodeTensor<Raw extends Piece>(
  tensor: TensorProto,
  place: ExternalPlace | undefined,
  rawData: Raw,
): (Uint8Array | Raw)[] {
  const bare = shallow(TensorProtoSchema, tensor);
  // proto2 tells a field that is absent from one that is empty
  const hasRawData = Object.hasOwn(tensor, 'rawData');
  Reflect.deleteProperty(bare, 'rawData');
  const isLeftInFile = !(rawData instanceof Uint8Array);
  if (isLeftInFile) takeFromFile(bare);
  if (place !== undefined) setExternalData(bare, place.location, place.range);
  if (bare.externalData.length > 0) {
    bare.dataLocation = TensorProto_DataLocation.EXTERNAL;
    return [toBinary(TensorProtoSchema, bare)];
  }
  const fields = toBinary(TensorProtoSchema, bare);
  if (!isLeftInFile && (!hasRawData || isExternal(tensor))) return [fields];
  return [fields, fieldHeader(TensorProtoSchema.field.rawData.number, rawData.byteLength), rawData];
}

/** Another message with the same fields; what they hold is shared. */
function shallow<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): MessageShape<Schema> {
  return Object.assign(create(schema), message);
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
function inPieces(pieces: readonly Piece[], source: string): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      const reader = new RangeReader(source);
      try {
        let small: Uint8Array[] = [];
        for (const piece of pieces) {
          const isSmall = piece instanceof Uint8Array && piece.byteLength <= largestInline;
          if (!isSmall || byteLength(small) > largestInline) {
            yield concatenate(small);
            small = [];
          }
          if (isSmall) small.push(piece);
          else if (piece instanceof Uint8Array) yield piece;
          else yield* reader.read(piece);
        }
        yield concatenate(small);
      } finally {
        await reader.close();
      }
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
