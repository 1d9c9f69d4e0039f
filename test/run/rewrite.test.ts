import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { loadModel } from '../../src/model/load.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { readSource, rewriteFrom, rewriteModel } from '../../src/run/rewrite.js';
import { runOnce, Tensor } from '../../src/runtime/session.js';
import { parseGraph } from '../transforms/notation.js';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frelu-rewrite-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A network whose weights are large enough to stay in their file: in the .onnx file itself, or beside it. */
async function model(external = false): Promise<string> {
  const { model: proto, proto: graph } = parseGraph(
    'opset 17\nx: float[N,300]\nw = float[300,100]\nb = float[100]\nh = Gemm(x, w, b)\nr = Relu(h)\nv = float[100,200]\ny = MatMul(r, v)\n-> y',
  );
  const data: Uint8Array[] = [];
  for (const tensor of external ? graph.initializer : []) {
    const offset = data.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const entries = { location: 'model.data', offset, length: tensor.rawData.byteLength };
    tensor.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: `${value}` }),
    );
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    data.push(tensor.rawData);
  }
  const path = join(folder, 'model.onnx');
  await writeFile(path, Buffer.concat(encodeModel(proto)));
  if (external) await writeFile(join(folder, 'model.data'), Buffer.concat(data));
  return path;
}

const options = (path: string) => ({
  model: path,
  out: join(folder, 'out', 'model.onnx'),
  plan: defaultPlanOptions,
  a: 0,
  b: 0,
  overwrite: false,
});

const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

describe.each([false, true])('a model whose weights lie in a file (beside it: %s)', (external) => {
  test('computes what it did when it is rewritten', async () => {
    const path = await model(external);
    const { out, files } = await rewriteModel(options(path));
    const x = new Tensor('float32', Float32Array.from({ length: 600 }, Math.cos), [2, 300]);
    const [before, after] = await Promise.all(
      [path, out].map(async (each) => runOnce((await loadModel(each)).graph.model, { x })),
    );
    expect(after?.y?.data).toEqual(before?.y?.data);
    expect(files.map((file) => file.path)).toEqual([out, ...(external ? [join(folder, 'out', 'model.data')] : [])]);
  });

  test('the hashes that are told are those of the files', async () => {
    const path = await model(external);
    const result = await rewriteModel(options(path));
    expect(result.model.sha256).toBe(await sha256(path));
    for (const file of result.files) expect(file.sha256).toBe(await sha256(file.path));
  });

  test('is not written when a file changes while it is read: nothing is left behind', async () => {
    const changed = join(folder, external ? 'model.data' : 'model.onnx');
    for (const change of [() => appendFile(changed, 'x'), () => utimes(changed, 1, 1)]) {
      const path = await model(external);
      const source = await readSource(options(path));
      await change();
      await expect(rewriteFrom(source, options(path))).rejects.toMatchObject({
        kind: 'input',
        what: `${changed} changed while the model was being read.`,
        cure: 'See what else writes there, and run again.',
      });
      expect(await readdir(folder)).not.toContain('out');
    }
  });

  test('is replaced by its rewrite where that is asked for', async () => {
    const path = await model(external);
    const { files } = await rewriteModel({ ...options(path), out: path, overwrite: true, plan: defaultPlanOptions });
    expect(files[0]).toEqual({ path, sha256: await sha256(path) });
    expect((await loadModel(path)).graph.initializer('w')?.rawData.byteLength).toBe(120_000);
  });
});
