import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/contract/failure.js';
import type { ModelOutline } from '../../../src/model/model.js';
import { loadExternalData } from '../../../src/model/onnx/external.js';
import { outlineOnnx, readOnnx } from '../../../src/model/onnx/read.js';
import { encodeModel, encodeOnnx } from '../../../src/model/onnx/write.js';
import { isExternal, readFloats } from '../../../src/model/tensor.js';
import { parseGraph } from '../../transforms/notation.js';

/** What the initializers of these tests may hold, in bytes, before they are left in their file. */
const largest = 16;

let path = '';

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'frelu-skeleton-')), 'model.onnx');
});

afterEach(async () => {
  await rm(join(path, '..'), { recursive: true });
});

/** A graph with a large weight `w` and a bias `b` of 12 bytes. */
const network = () =>
  parseGraph('opset 17\nx: float[N,5]\nw = float[5,3]\nb = float[3]\nh = Gemm(x, w, b)\ny = Relu(h)\n-> y');

async function collect(bytes: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // a piece lies in a buffer that is used again
  for await (const piece of bytes ?? []) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** The file is `bytes`: what is written of its outline is what is written of the whole. Returns the names of what was left in it. */
async function leavesNothingOut(bytes: Uint8Array): Promise<string[]> {
  await writeFile(path, bytes);
  const outline = await outlineOnnx(path, largest);
  const [file] = encodeOnnx(outline, outline.graph.copy());
  expect((await collect(file?.bytes)).equals(Buffer.concat(encodeModel(fromBinary(ModelProtoSchema, bytes))))).toBe(
    true,
  );
  return outline.graph.proto.initializer.filter(isExternal).map(({ name }) => name);
}

/** Bytes of a message of length-delimited fields. */
function message(...fields: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, bytes] of fields) writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  return writer.finish();
}

test('a weight stays in the file, where it can be read, and is external data until then', async () => {
  await writeFile(path, toBinary(ModelProtoSchema, network().model));
  const outline = await outlineOnnx(path, largest);
  const whole = await readOnnx(path);
  const [w, b] = outline.graph.proto.initializer;
  const [wholeW, wholeB] = whole.graph.proto.initializer;
  if (!w || !b || !wholeW || !wholeB) throw new Error('an initializer is missing');
  expect(readFloats(b)).toEqual(readFloats(wholeB));
  expect(w).toMatchObject({ name: 'w', dims: [5n, 3n], rawData: { byteLength: 0 } });
  expect(() => readFloats(w)).toThrow(/its external data is not loaded/);
  await loadExternalData(outline, w);
  expect(readFloats(w)).toEqual(readFloats(wholeW));
  expect(outline.files).toMatchObject([{ path: 'model.onnx', bytes: whole.files[0]?.bytes }]);
});

describe('what is written of an outline is what is written of the whole file', () => {
  const fixtures = new URL('../../../fixtures/', import.meta.url);

  test('the networks that ship with the package', async () => {
    for (const name of (await readdir(fixtures)).filter((each) => each.endsWith('.onnx'))) {
      expect(await leavesNothingOut(await readFile(new URL(name, fixtures)))).not.toEqual([]);
    }
  });

  test('fields that nobody here knows, at every level', async () => {
    const { model, proto } = network();
    const unknown = { no: 9000, wireType: WireType.LengthDelimited, data: new BinaryWriter().string('kept').finish() };
    for (const each of [model, proto, ...proto.initializer, ...proto.node]) each.$unknown = [unknown];
    expect(await leavesNothingOut(toBinary(ModelProtoSchema, model))).toEqual(['w']);
  });

  test('numbers in fields of their own, and raw data of no bytes', async () => {
    const { model, proto } = network();
    const [w, b] = proto.initializer;
    if (w) Object.assign(w, { floatData: Array.from({ length: 15 }, (_, i) => i / 2) });
    if (w) Reflect.deleteProperty(w, 'rawData');
    if (b) Object.assign(b, { rawData: new Uint8Array(), dims: [0n] });
    expect(await leavesNothingOut(toBinary(ModelProtoSchema, model))).toEqual([]);
  });

  test('a data_location that says what its absence would, as Python writes it', async () => {
    const { model, proto } = network();
    for (const tensor of proto.initializer) tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    expect(await leavesNothingOut(toBinary(ModelProtoSchema, model))).toEqual(['w']);
  });

  test('raw data beside entries of external data: they stay together', async () => {
    const { model, proto } = network();
    const [w] = proto.initializer;
    w?.externalData.push(create(StringStringEntryProtoSchema, { key: 'location', value: 'model.onnx' }));
    expect(await leavesNothingOut(toBinary(ModelProtoSchema, model))).toEqual([]);
  });

  test('a graph in several parts, which a reader joins', async () => {
    const { model, proto } = network();
    const tensors = proto.initializer.splice(0).map((tensor) => toBinary(TensorProtoSchema, tensor));
    const parts = tensors.map((tensor) => message([7, message([5, tensor])]));
    expect(await leavesNothingOut(Buffer.concat([...parts, toBinary(ModelProtoSchema, model)]))).toEqual(['w']);
  });

  test('raw data that occur twice: the last one counts', async () => {
    const large = new Uint8Array(60).fill(1);
    const small = new Uint8Array(12).fill(2);
    const named = (name: string, ...raw: Uint8Array[]) =>
      message([8, new TextEncoder().encode(name)], ...raw.map((bytes) => [9, bytes] as const));
    const { model } = network();
    const graph = (...tensors: Uint8Array[]) => message([7, message(...tensors.map((tensor) => [5, tensor] as const))]);
    const more = graph(named('p', large, small), named('q', small, large), named('r', large, large));
    expect(await leavesNothingOut(Buffer.concat([toBinary(ModelProtoSchema, model), more]))).toEqual(['w', 'q', 'r']);
  });
});

test('a file that is cut off anywhere is refused, or read, as the whole is', async () => {
  const bytes = toBinary(ModelProtoSchema, network().model);
  const outcome = (reading: Promise<Pick<ModelOutline, 'graph'>>) =>
    reading.then(
      ({ graph }) => graph.proto.initializer.map(({ name, dims }) => [name, dims]),
      (error: unknown) => (error instanceof Failure ? `${error.kind}: ${error.message}` : error),
    );
  const outcomes = new Set<string>();
  for (let length = 0; length < bytes.byteLength; length += 2) {
    await writeFile(path, bytes.subarray(0, length));
    const whole = await outcome(readOnnx(path));
    expect(await outcome(outlineOnnx(path, largest))).toEqual(whole);
    outcomes.add(String(whole));
  }
  expect([...outcomes].join()).toMatch(/input: .*it is truncated/);
});

test('bytes that are no message are refused as before', async () => {
  for (const bytes of [[0xff, 0xff, 0xff], [0x3a, 0x80], [0x38, 1], [0x3b, 8, 1], [0x3c], [7, 7]]) {
    await writeFile(path, Uint8Array.from(bytes));
    const whole = await readOnnx(path).catch((error: unknown) => error);
    expect(whole).toMatchObject({ kind: 'input' });
    await expect(outlineOnnx(path, largest)).rejects.toEqual(whole);
  }
});
