import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultPlanOptions } from '../../../src/contract/settings.js';
import { floatValue, makeNode } from '../../../src/model/graph.js';
import { loadModel, outlineModel } from '../../../src/model/load.js';
import type { Model } from '../../../src/model/model.js';
import { loadExternalData } from '../../../src/model/onnx/external.js';
import { readOnnx } from '../../../src/model/onnx/read.js';
import { encodeModel, encodeOnnx } from '../../../src/model/onnx/write.js';
import { floatTensor, readFloats, writeFloats } from '../../../src/model/tensor.js';
import { rewriteModel } from '../../../src/run/rewrite.js';
import { runOnce, Tensor } from '../../../src/runtime/session.js';
import { parseGraph, printGraph } from '../../transforms/notation.js';

const text = `
  x: float[N,200]
  w = float[200,100]
  b = float[100]
  h = Gemm(x, w, b)
  y = Relu(h)
  -> y`;

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frelu-write-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function save(name: string, bytes: Uint8Array | AsyncIterable<Uint8Array> = new Uint8Array()): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

test('what is written reads as the same graph', async () => {
  const graph = parseGraph(text);
  const model = await readOnnx(await save('model.onnx', toBinary(ModelProtoSchema, graph.model)));
  const [file] = encodeOnnx(model, model.graph);
  const again = await readOnnx(await save('again.onnx', file?.bytes));
  expect(file?.path).toBe('model.onnx');
  expect(printGraph(again.graph)).toBe(printGraph(graph));
  expect(again.graph.initializer('w')?.rawData).toEqual(model.graph.initializer('w')?.rawData);
});

test('a file can be written twice, and its large tensors are not copied for it', async () => {
  const model = await readOnnx(await save('model.onnx', toBinary(ModelProtoSchema, parseGraph(text).model)));
  const [file] = encodeOnnx(model, model.graph.copy());
  const read = async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of file?.bytes ?? []) pieces.push(piece);
    return pieces;
  };
  const pieces = await read();
  expect(pieces.map(({ buffer }) => buffer)).toContain(model.graph.initializer('w')?.rawData.buffer);
  expect(Buffer.concat(await read())).toEqual(Buffer.concat(pieces));
});

test('fields that nobody here knows, functions, metadata and docs survive, at every level', async () => {
  const { model: proto, proto: graph } = parseGraph(text);
  proto.docString = 'made for a test';
  proto.producerName = 'somebody';
  proto.functions.push(create(FunctionProtoSchema, { name: 'Block', node: [makeNode('Relu', ['a'], ['b'])] }));
  proto.metadataProps.push(create(StringStringEntryProtoSchema, { key: 'author', value: 'someone' }));
  const unknown = { no: 9000, wireType: WireType.LengthDelimited, data: new BinaryWriter().string('kept').finish() };
  const [tensor] = graph.initializer;
  for (const message of [proto, graph, tensor, graph.node[0]]) if (message) message.$unknown = [unknown];
  const model = await readOnnx(await save('model.onnx', toBinary(ModelProtoSchema, proto)));
  const written = fromBinary(ModelProtoSchema, Buffer.concat(encodeModel(model.graph.copy().model)));
  expect(Buffer.from(toBinary(ModelProtoSchema, written))).toEqual(Buffer.from(toBinary(ModelProtoSchema, proto)));
});

test('encoding what was encoded gives the same bytes', () => {
  const bytes = Buffer.concat(encodeModel(parseGraph(text).model));
  expect(Buffer.concat(encodeModel(fromBinary(ModelProtoSchema, bytes))).equals(bytes)).toBe(true);
});

describe('external data of tensors that are no initializers of the main graph', () => {
  /** In an If's branches, in a Constant, and in a function, each in a file of its own. */
  async function nestedModel(): Promise<string> {
    const graph = parseGraph('x: float[2]\nzero = float[] 0\nt = ReduceSum(x) keepdims=0\nc = Greater(t, zero)\n-> z');
    const external = (name: string, location: string) => {
      const tensor = floatTensor(name, [2], []);
      Reflect.deleteProperty(tensor, 'rawData');
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      for (const [key, value] of Object.entries({ location, offset: '0', length: '8' })) {
        tensor.externalData.push(create(StringStringEntryProtoSchema, { key, value }));
      }
      return tensor;
    };
    const branch = (opType: string) =>
      create(GraphProtoSchema, {
        name: opType,
        initializer: [external('inner', 'branch.bin')],
        node: [makeNode(opType, ['x', 'inner'], ['o'])],
        output: [floatValue('o', [2])],
      });
    graph.proto.node.push(
      makeNode('If', ['c'], ['y'], { then_branch: { graph: branch('Add') }, else_branch: { graph: branch('Sub') } }),
      makeNode('Constant', [], ['k'], { value: { tensor: external('k', 'constant.bin') } }),
      makeNode('Shifted', ['y'], ['s'], {}, '', 'own'),
      makeNode('Add', ['s', 'k'], ['z']),
    );
    graph.model.functions.push(
      create(FunctionProtoSchema, {
        name: 'Shifted',
        domain: 'own',
        input: ['i'],
        output: ['o'],
        opsetImport: [{ domain: '', version: 17n }],
        node: [
          makeNode('Constant', [], ['f'], { value: { tensor: external('f', 'function.bin') } }),
          makeNode('Add', ['i', 'f'], ['o']),
        ],
      }),
    );
    graph.model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'own', version: 1n }));
    for (const [i, name] of ['branch.bin', 'constant.bin', 'function.bin'].entries()) {
      await save(name, new Uint8Array(Float32Array.of(10 ** i, 2 * 10 ** i).buffer));
    }
    return save('model.onnx', toBinary(ModelProtoSchema, graph.model));
  }

  const compute = async (model: Parameters<typeof runOnce>[0]) =>
    Array.from((await runOnce(model, { x: new Tensor('float32', [1, 1], [2]) })).z?.data ?? [], Number);

  test("is the model's: its files are told with their hashes, and loaded", async () => {
    const { files, graph } = await loadModel(await nestedModel());
    expect(files.map(({ path }) => path).toSorted()).toEqual([
      'branch.bin',
      'constant.bin',
      'function.bin',
      'model.onnx',
    ]);
    expect(files.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
    // from memory, where no file can be found
    expect(await compute(graph.model)).toEqual([112, 223]);
  });

  test.each([0, 0.1])('is copied with the model by rewrite, a = b = %d, and the new file points at it', async (a) => {
    const model = await nestedModel();
    const out = join(folder, 'out', 'model.onnx');
    await rewriteModel({ model, out, plan: defaultPlanOptions, a, b: a, overwrite: false });
    expect((await readdir(join(folder, 'out'))).toSorted()).toEqual([
      'branch.bin',
      'constant.bin',
      'function.bin',
      'model.onnx',
    ]);
    expect(await compute(out)).toEqual([112, 223]);
    const fields = async (file: string) =>
      toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, await readFile(file)));
    expect(Buffer.from(await fields(out)).equals(await fields(model))).toBe(true);
  });
});

describe('external data', () => {
  /** Both initializers in weights.bin, w first. */
  async function externalModel(): Promise<Model> {
    const graph = parseGraph(text);
    const data = graph.proto.initializer.map(({ rawData }) => rawData);
    let offset = 0;
    for (const tensor of graph.proto.initializer) {
      const length = tensor.rawData.byteLength;
      for (const [key, value] of Object.entries({ location: 'weights.bin', offset, length })) {
        tensor.externalData.push(create(StringStringEntryProtoSchema, { key, value: `${value}` }));
      }
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.rawData = new Uint8Array();
      offset += length;
    }
    await save('weights.bin', Buffer.concat(data));
    const model = await readOnnx(await save('model.onnx', toBinary(ModelProtoSchema, graph.model)));
    for (const tensor of model.graph.proto.initializer) await loadExternalData(model, tensor);
    return model;
  }

  test('unchanged tensors keep pointing at the file they lie in, loaded or not', async () => {
    const model = await externalModel();
    const files = encodeOnnx(model, model.graph.copy());
    expect(files.map(({ path }) => path)).toEqual(['model.onnx']);
    const again = await readOnnx(await save('model.onnx', files[0]?.bytes));
    expect(again.files[0]?.bytes).toBeLessThan(1000);
    const w = again.graph.initializer('w');
    if (w) await loadExternalData(again, w);
    expect(w?.rawData).toEqual(model.graph.initializer('w')?.rawData);
  });

  test('a file that claims to be one whose data were left in it is refused: its places could be any', async () => {
    const { proto, model } = (await externalModel()).graph;
    for (const tensor of proto.initializer) {
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.rawData = new Uint8Array();
      tensor.externalData.push(
        create(StringStringEntryProtoSchema, { key: 'frelu-migrate.data_location', value: '' }),
        create(StringStringEntryProtoSchema, { key: 'offset', value: '-100' }),
      );
    }
    const path = await save('model.onnx', toBinary(ModelProtoSchema, model));
    for (const read of [loadModel, outlineModel]) {
      await expect(read(path)).rejects.toThrow(/tensor 'w' has the entry "frelu-migrate\.data_location"/);
    }
  });

  test('what was loaded runs from memory', async () => {
    const { graph } = await externalModel();
    const x = new Tensor('float32', new Float32Array(200).fill(1), [1, 200]);
    const { y } = await runOnce(graph.model, { x });
    const { y: expected } = await runOnce(parseGraph(text).model, { x });
    expect(y?.data).toEqual(expected?.data);
  });

  test('a bias that changed comes inline, a weight goes to a new file named by its content', async () => {
    const model = await externalModel();
    const graph = model.graph.copy();
    for (const tensor of graph.proto.initializer) writeFloats(tensor, readFloats(tensor).fill(0.5));
    const [main, data, ...more] = encodeOnnx(model, graph);
    expect(more).toEqual([]);
    expect(data?.path).toMatch(/^model\.[0-9a-f]{16}\.data$/);
    expect((await readFile(await save(data?.path ?? '', data?.bytes))).byteLength).toBe(200 * 100 * 4);
    const again = await readOnnx(await save('model.onnx', main?.bytes));
    expect(again.files.map(({ path }) => path)).toEqual(['model.onnx', data?.path]);
    expect(again.graph.initializer('b')?.rawData.byteLength).toBe(400);
    const w = again.graph.initializer('w');
    if (w) await loadExternalData(again, w);
    expect(w && readFloats(w).every((value) => value === 0.5)).toBe(true);
    // the model that the change was made from is as it was
    expect(model.graph.initializer('w')?.externalData.length).toBe(3);
  });
});
