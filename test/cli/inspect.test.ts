import { createHash } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { expect, it } from 'vitest';
import { parseGraph } from '../transforms/notation.js';
import { frelu, smallModel, temporaryFolder } from './command-line.js';

it('prints the plan as one JSON document', async () => {
  const path = await smallModel();
  const { code, stdout, stderr } = await frelu(['inspect', path, '--json']);
  const bytes = await readFile(path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    schemaVersion: 1,
    model: {
      path,
      format: 'onnx',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      opset: 17,
      inputs: [{ name: 'x', dtype: 'float', shape: ['N', 4] }],
      outputs: [{ name: 'y', dtype: null, shape: null }],
      parameters: 58,
      bytes: bytes.byteLength,
    },
    sites: [
      {
        id: 'act',
        op: 'Relu',
        kind: 'relu',
        status: 'migrate',
        reason: null,
        shift: { into: 'b1', rule: 'Gemm bias' },
        form: 'folded',
        adds: [],
        consumers: ['logits'],
      },
    ],
    summary: { relu: 1, migrate: 1, skip: 0 },
    trainability: {
      trained: ['w1', 'b1', 'w2', 'b2'].map((name) => ({ name, role: name.startsWith('w') ? 'weight' : 'bias' })),
      left: [],
    },
  });
});

it('tells with data how the model is read, and what is not trained', async () => {
  const graph = parseGraph(`
    x: float[N,4]
    w = float[3,4]
    b = float[3] 0
    spare = float[2] 1 2
    r = Relu(x) name=act
    y = Gemm(r, w, b) transB=1 name=logits
    p = Softmax(y) axis=-1
    k = ArgMax(y) axis=-1
    -> k, p`);
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'model.onnx'), toBinary(ModelProtoSchema, graph.model));
  const rows = Array.from({ length: 30 }, (_, i) => `${i},${i % 7},${-i},1,${i % 3}`);
  await writeFile(join(folder, 'data.csv'), ['a,b,c,d,label', ...rows].join('\n'));
  const argv = ['inspect', join(folder, 'model.onnx'), '--data', join(folder, 'data.csv'), '--device', 'cpu'];
  const { code, stdout } = await frelu(argv);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^trained +2 tensors; not trained: spare \(nothing reads it\)$/m);
  expect(stdout).toMatch(
    /^output 'p' \(float, 3 wide\): probabilities \(Softmax 'p'.*\); task classification; loss cross-entropy$/m,
  );
  expect(stdout).toMatch(/^checked: An accuracy of .* on 30 labelled samples, against 33\.33 % for a guess\.$/m);
  expect(stdout).toMatch(/^set aside: 'k' \(int64\)$/m);
  const { reading } = JSON.parse((await frelu([...argv, '--json'])).stdout);
  expect(reading.outputs.map(({ name, judged }: { name: string; judged: boolean }) => [name, judged])).toEqual([
    ['k', false],
    ['p', true],
  ]);
});

it('prints a table for people, and takes a folder for the model in it', async () => {
  const path = await smallModel();
  const { code, stdout } = await frelu(['inspect', dirname(path)]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^act +Relu +migrate +folded +Gemm bias: b1 +nothing new$/m);
  expect(stdout).toMatch(/1 ReLU: 1 to migrate, 0 left as they are\.\n$/);
});

it('says why a site is left alone', async () => {
  const { stdout } = await frelu(['inspect', await smallModel(), '--exclude', 'ac*']);
  expect(stdout).toMatch(/^act +Relu +skip +- +- +- +left out by the choice of sites$/m);
});

it('refuses a model that is cut off, with what to do', async () => {
  const path = await smallModel();
  await truncate(path, 100);
  const { code, stdout, stderr } = await frelu(['inspect', path]);
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain(`${path}: this is not an ONNX model, or it is truncated`);
});
