import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { describeModel, describePlan } from '../../src/model/describe.js';
import { loadModel, outlineModel } from '../../src/model/load.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { parseGraph } from '../transforms/notation.js';

const onnx = () =>
  Buffer.concat(
    encodeModel(
      parseGraph('opset 13\nx: float[N,2]\nw = float[2,3]\ni = int64[2] 0\nh = Gemm(x, w)\ny = Relu(h)\n-> y').model,
    ),
  );

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frelu-load-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** h = x w + b and its Relu, w and b beside it in weights.bin. */
async function externalModel(at: string) {
  const graph = parseGraph(
    'opset 17\nx: float[N,500]\nw = float[500,100]\nb = float[100]\nh = Gemm(x, w, b)\ny = Relu(h)\n-> y',
  );
  const data: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of graph.proto.initializer) {
    const length = tensor.rawData.byteLength;
    for (const [key, value] of Object.entries({ location: 'weights.bin', offset, length })) {
      tensor.externalData.push(create(StringStringEntryProtoSchema, { key, value: `${value}` }));
    }
    data.push(tensor.rawData);
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor.rawData = new Uint8Array();
    offset += length;
  }
  await writeFile(join(at, 'weights.bin'), Buffer.concat(data));
  return graph;
}

describe('loadModel', () => {
  test('an .onnx file, by its content, and the folder that holds it', async () => {
    await writeFile(join(folder, 'net.onnx'), onnx());
    await mkdir(join(folder, 'elsewhere'));
    await writeFile(join(folder, 'elsewhere', 'weights'), onnx());
    expect(await loadModel(join(folder, 'net.onnx'))).toMatchObject({ format: 'onnx', path: join(folder, 'net.onnx') });
    expect((await loadModel(folder)).path).toBe(join(folder, 'net.onnx'));
    expect((await loadModel(join(folder, 'elsewhere', 'weights'))).format).toBe('onnx');
  });

  test('where weights are not asked for, large external data stays where it is, and is written about all the same', async () => {
    const graph = await externalModel(folder);
    const path = join(folder, 'net.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, graph.model));
    const loaded = async (load: typeof outlineModel) =>
      (await load(path)).graph.proto.initializer.map(({ name, rawData }) => [name, rawData.byteLength]);
    expect(await loaded(loadModel)).toEqual([
      ['w', 200_000],
      ['b', 400],
    ]);
    expect(await loaded(outlineModel)).toEqual([
      ['w', 0],
      ['b', 400],
    ]);
    const options = { model: path, out: join(folder, 'out', 'net.onnx'), plan: defaultPlanOptions, overwrite: false };
    await rewriteModel({ ...options, a: 0, b: 0 });
    const rewritten = await loadModel(options.out);
    expect(rewritten.graph.initializer('w')?.rawData).toEqual((await loadModel(path)).graph.initializer('w')?.rawData);
  });

  test('refuses with the file, the cause and the cure', async () => {
    await expect(loadModel(join(folder, 'none.onnx'))).rejects.toThrow(/none\.onnx: there is no such file or folder/);
    await expect(loadModel(folder)).rejects.toThrow(/holds neither a model\.json nor an \.onnx file/);
    await writeFile(join(folder, 'a.onnx'), onnx());
    await writeFile(join(folder, 'b.onnx'), onnx());
    await expect(loadModel(folder)).rejects.toThrow(/holds a\.onnx, b\.onnx\. Name the one/);
    await writeFile(join(folder, 'model.json'), '{"modelTopology": ');
    await expect(loadModel(join(folder, 'model.json'))).rejects.toThrow(/is not valid JSON/);
    await writeFile(join(folder, 'model.json'), '{"name": "frelu"}');
    await expect(loadModel(join(folder, 'model.json'))).rejects.toThrow(/holds no modelTopology/);
    await writeFile(join(folder, 'a.onnx'), 'no model');
    await expect(loadModel(join(folder, 'a.onnx'))).rejects.toMatchObject({ kind: 'input' });
  });
});

test('the description of a model and its plan', async () => {
  const path = join(folder, 'net.onnx');
  await writeFile(path, onnx());
  const model = await loadModel(path);
  expect(describeModel(model)).toEqual({
    path,
    format: 'onnx',
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    opset: 13,
    inputs: [{ name: 'x', dtype: 'float', shape: ['N', 2] }],
    outputs: [{ name: 'y', dtype: null, shape: null }],
    parameters: 6,
    bytes: onnx().byteLength,
  });
  expect(describePlan(planMigration(model.graph, defaultPlanOptions))).toEqual({
    sites: [
      {
        id: 'y',
        op: 'Relu',
        kind: 'relu',
        status: 'migrate',
        reason: "not folded: 'y' is an output of the model",
        shift: { into: 'h', rule: 'new bias of Gemm' },
        form: 'fused',
        consumers: [],
        adds: ['bias'],
      },
    ],
    summary: { relu: 1, migrate: 1, skip: 0 },
  });
});
