import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { expect, test } from 'vitest';
import type { MigrateResult } from '../../src/evaluation/result.js';
import { migrate } from '../../src/run/migrate.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const rows = Array.from({ length: 120 }, (_, row) => [0, 1, 2, 3].map((i) => Math.sin(1.7 * row + 2.9 * i)));

/** A dry run of a model of four features, two hidden units that are always on, and two classes. */
async function dryRun(read: string, scope: 'all' | 'biases', warn: (message: string) => void): Promise<MigrateResult> {
  const graph = parseGraph(`
    x: float[N,4]
    w = float[2,4] 3 -1 0.5 0 0 1 -2 0.25
    b = float[2] 20
    v = float[2,2] 1 0 0 1
    c = float[2] 0
    ${read}
    h = Gemm(read, w, b) transB=1
    r = Relu(h)
    y = Gemm(r, v, c) transB=1
    -> y`);
  const folder = await temporaryFolder();
  const model = join(folder, 'model.onnx');
  await writeFile(model, toBinary(ModelProtoSchema, graph.model));
  const data = join(folder, 'data.csv');
  const lines = rows.map((row) => [...row, (row[0] ?? 0) > 0 ? 'a' : 'b'].join(','));
  await writeFile(data, ['p,q,r,s,label', ...lines].join('\n'));
  const brief = { ...training, scope, learningRate: 1e-6, control: false };
  return migrate(optionsFor(model, data, { training: brief, dryRun: true }), hooks({ warn }));
}

test('on a linear model both methods give weight x input, and training that changes nothing moves nothing', async () => {
  const warnings: string[] = [];
  const result = await dryRun('read = Identity(x)', 'all', (message) => warnings.push(message));
  expect(warnings).toEqual([]);
  expect(result.attribution?.map(({ method, samples, steps }) => ({ method, samples, steps }))).toEqual([
    { method: 'integrated-gradients', samples: 24, steps: 32 },
    { method: 'input-x-gradient', samples: 24, steps: null },
  ]);
  for (const { spearman, topK, examples } of result.attribution ?? []) {
    expect(spearman?.p05).toBeCloseTo(1, 6);
    expect(topK).toMatchObject({ k: 1, overlap: { p05: 1 } });
    expect(examples.length).toBe(6);
    for (const { row, input, before } of examples) {
      expect({ input, before }).toEqual({ input: null, before: null });
      // x4's weight tells which class is explained: 0 or 0.25
      const values = new Map(row?.map(({ name, before }) => [name, before]));
      const sample = rows.find((each) => Math.abs((values.get('x3') ?? 0) - weight(values, 2) * (each[2] ?? 0)) < 1e-4);
      expect(sample).toBeDefined();
      sample?.forEach((x, i) => {
        expect(values.get(`x${i + 1}`)).toBeCloseTo(weight(values, i) * x, 4);
      });
    }
  }
});

function weight(values: ReadonlyMap<string, number>, feature: number): number {
  const weights = values.get('x1') === 0 ? [0, 1, -2, 0.25] : [3, -1, 0.5, 0];
  return weights[feature] ?? 0;
}

test('an operator without a gradient rule costs the maps and a warning, not the run', async () => {
  const warnings: string[] = [];
  const read = 'm = float[1] 8\nread = Mod(x, m) fmod=1';
  const result = await dryRun(read, 'biases', (message) => warnings.push(message));
  expect(result.attribution).toBeNull();
  expect(warnings).toEqual([
    expect.stringMatching(/^Attribution maps were not made: .*\(Mod\) cannot be differentiated/),
  ]);
});
