import type { FileHandle } from 'node:fs/promises';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { type FileRange, readFully } from '../../contract/regular-file.js';

const graphField = ModelProtoSchema.field.graph.number;
const initializerField = GraphProtoSchema.field.initializer.number;
const rawDataField = TensorProtoSchema.field.rawData.number;

/** A serialized ModelProto in which the raw data of large initializers are left out. */
export interface Skeleton {
  /** the message; what was left out is an empty raw_data in it */
  readonly bytes: Uint8Array;
  /** by the initializer's place in the graph: where the bytes that were left out lie in the file */
  readonly leftOut: ReadonlyMap<number, FileRange>;
}

/**
 * Reads an .onnx file of `size` bytes but for the raw_data of its initializers that hold more than `largest` bytes: only their
 * headers are looked at. Everything else is there as it lies in the file, in its order, unknown fields included.
 * Null where the bytes are not laid out as fields within fields, as in a truncated file: a parser shall say what is wrong.
 */
export async function readSkeleton(file: FileHandle, size: number, largest: number): Promise<Skeleton | null> {
  try {
    const scan = new Scan(new Window(file, size), largest);
    return { bytes: await join(file, await scan.model(size)), leftOut: scan.leftOut };
  } catch {
    return null;
  }
}

/** What a skeleton consists of: ranges of the file, and headers that count what was left out no longer. */
type Part = FileRange | Uint8Array;

/** Goes down from the model to its tensors, by the headers of fields alone. */
class Scan {
  readonly leftOut = new Map<number, FileRange>();
  #initializers = 0;

  constructor(
    readonly window: Window,
    readonly largest: number,
  ) {}

  model(size: number): Promise<Part[]> {
    return this.#message(0, size, graphField, (graph) =>
      this.#message(graph.payload, graph.end, initializerField, (tensor) => this.#tensor(tensor)),
    );
  }

  async #tensor({ payload, end }: Field): Promise<Part[]> {
    const place = this.#initializers++;
    return this.#message(payload, end, rawDataField, async (raw) => {
      // of a field that occurs twice, the last one counts
      this.leftOut.delete(place);
      if (raw.end - raw.payload <= this.largest) return [{ offset: raw.payload, byteLength: raw.end - raw.payload }];
      this.leftOut.set(place, { offset: raw.payload, byteLength: raw.end - raw.payload });
      return [];
    });
  }

  /** The fields of a message in [start, end), those of number `replaced` with what `replacement` makes of them. */
  async #message(
    start: number,
    end: number,
    replaced: number,
    replacement: (field: Field) => Promise<Part[]>,
  ): Promise<Part[]> {
    const parts: Part[] = [];
    for await (const field of fieldsOf(this.window, start, end)) {
      if (field.number !== replaced) {
        append(parts, { offset: field.start, byteLength: field.end - field.start });
        continue;
      }
      if (field.wireType !== WireType.LengthDelimited) throw new Error(`field ${replaced} has no length`);
      const inner = await replacement(field);
      const length = byteLength(inner);
      if (length === field.end - field.payload)
        append(parts, { offset: field.start, byteLength: field.end - field.start });
      else for (const part of [fieldHeader(replaced, length), ...inner]) append(parts, part);
    }
    return parts;
  }
}

/** One field of a message: where its tag and its payload begin in the file, and where it ends. */
interface Field {
  readonly number: number;
  readonly wireType: WireType;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

/** @throws Error when a field is malformed, or reaches beyond `end` */
async function* fieldsOf(window: Window, start: number, end: number): AsyncGenerator<Field> {
  for (let at = start; at < end; ) {
    const reader = new BinaryReader(await window.from(at));
    const [number, wireType] = reader.tag();
    let length = 0;
    if (wireType === WireType.LengthDelimited) length = reader.uint32();
    else reader.skip(wireType, number);
    const payload = at + reader.pos;
    const field = { number, wireType, start: at, payload, end: payload + length };
    if (field.end > end) throw new Error(`field ${number} reaches beyond its message`);
    yield field;
    at = field.end;
  }
}

/** The part of a file that is looked at, moved along as fields are skipped. */
class Window {
  readonly #buffer = new Uint8Array(1 << 16);
  #start = 0;
  #end = 0;

  constructor(
    readonly file: FileHandle,
    readonly size: number,
  ) {}

  /** The bytes from `at` on: enough for the header of a field, unless the file ends before. */
  async from(at: number): Promise<Uint8Array> {
    if (at < this.#start || Math.min(at + longestHeader, this.size) > this.#end) {
      this.#start = at;
      this.#end = at + (await this.file.read(this.#buffer, 0, this.#buffer.byteLength, at)).bytesRead;
    }
    return this.#buffer.subarray(at - this.#start, this.#end - this.#start);
  }
}

/** A tag and a length, or a tag and a number, of at most ten bytes each. */
const longestHeader = 20;

/** Ranges that follow each other in the file become one. */
function append(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (last !== undefined && 'offset' in last && 'offset' in part && last.offset + last.byteLength === part.offset) {
    parts[parts.length - 1] = { offset: last.offset, byteLength: last.byteLength + part.byteLength };
  } else parts.push(part);
}

async function join(file: FileHandle, parts: readonly Part[]): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteLength(parts));
  let at = 0;
  for (const part of parts) {
    if ('offset' in part) await readFully(file, bytes.subarray(at, at + part.byteLength), part.offset);
    else bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/** The tag and the length of a field that holds bytes or a message. */
export function fieldHeader(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

export function byteLength(pieces: readonly { readonly byteLength: number }[]): number {
  return pieces.reduce((total, piece) => total + piece.byteLength, 0);
}
