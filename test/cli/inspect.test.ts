import { createHash } from 'node:crypto';
import { readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { frelu, smallModel } from './command-line.js';

it('prints the plan as one JSON document', async () => {
  const path = await smallModel();
  const { code, stdout, stderr } = await frelu(['inspect', path, '--json']);
  const bytes = await readFile(path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
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
        consumers: ['logits'],
      },
    ],
    summary: { relu: 1, migrate: 1, skip: 0 },
  });
});

it('prints a table for people, and takes a folder for the model in it', async () => {
  const path = await smallModel();
  const { code, stdout } = await frelu(['inspect', dirname(path)]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^act +Relu +migrate +folded +Gemm bias: b1$/m);
  expect(stdout).toMatch(/1 ReLU: 1 to migrate, 0 left as they are\.\n$/);
});

it('says why a site is left alone', async () => {
  const { stdout } = await frelu(['inspect', await smallModel(), '--exclude', 'ac*']);
  expect(stdout).toMatch(/^act +Relu +skip +- +- +left out by the choice of sites$/m);
});

it('refuses a model that is cut off, with what to do', async () => {
  const path = await smallModel();
  await truncate(path, 100);
  const { code, stdout, stderr } = await frelu(['inspect', path]);
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain(`${path}: this is not an ONNX model, or it is truncated`);
});
