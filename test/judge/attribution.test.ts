import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it, test } from 'vitest';
import type { MigrateResult } from '../../src/contract/result.js';
import { attributionScope } from '../../src/judge/attribution.js';
import { migrate } from '../../src/run/migrate.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { hooks, optionsFor, temporaryFolder, training } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

const rows = Array.from({ length: 120 }, (_, row) => [0, 1, 2, 3].map((i) => Math.sin(1.7 * row + 2.9 * i)));

/** of the two classes */
const weights = [
  [3, -1, 0.5, 0],
  [0, 1, -2, 0.25],
];

/** A dry run of a model of four features, two hidden units that are always on, and two classes. */
async function dryRun(
  read: string,
  scope: 'all' | 'biases',
  warn: (message: string) => void,
  control = false,
): Promise<MigrateResult> {
  const graph = parseGraph(`
    x: float[N,4]
    w = float[2,4] ${weights.flat().join(' ')}
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
  const brief = { ...training, scope, learningRate: 1e-6, control };
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
      const values = ['p', 'q', 'r', 's'].map(
        (feature) => row?.find(({ name }) => name === feature)?.before ?? Number.NaN,
      );
      const found = rows.some((x) =>
        weights.some((of) => of.every((weight, i) => Math.abs(weight * (x[i] ?? 0) - (values[i] ?? 0)) < 1e-3)),
      );
      expect(found).toBe(true);
    }
  }
});

test('the control arm is explained on the same samples', async () => {
  const result = await dryRun('read = Identity(x)', 'all', () => undefined, true);
  for (const { control, examples } of result.attribution ?? []) {
    expect(control?.spearman?.p05).toBeCloseTo(1, 6);
    expect(control?.difference?.mean).toBeCloseTo(0, 6);
    for (const { row } of examples) {
      for (const { before, control: trained } of row ?? []) expect(trained).toBeCloseTo(before, 2);
    }
  }
  expect(result.attribution).toHaveLength(2);
});

test('an operator without a gradient rule costs the maps and a warning, not the run', async () => {
  const warnings: string[] = [];
  const read =
    's = int64[3] -1 2 2\nm = Reshape(x, s)\nd = Det(m)\na = int64[1] 1\nu = Unsqueeze(d, a)\nread = Add(x, u)';
  const result = await dryRun(read, 'biases', (message) => warnings.push(message));
  expect(result.attribution).toBeNull();
  expect(warnings).toEqual([
    expect.stringMatching(/^Attribution maps were not made: .*\(Det\) cannot be differentiated/),
  ]);
});

/** A dry run of a model of 8-bit pixels, two a sample, by whose brightness it tells two classes apart. */
async function ofBytes(read: string, warn: (message: string) => void): Promise<MigrateResult> {
  const graph = parseGraph(`
    opset 13
    x: uint8[N,1,1,2]
    w = float[2,2] 0.02 -0.01 -0.01 0.03
    b = float[2] 20
    v = float[2,2] 1 0 0 1
    c = float[2] 0
    ${read}
    h = Gemm(read, w, b) transB=1
    r = Relu(h)
    y = Gemm(r, v, c) transB=1
    -> y`);
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model.onnx'), join(folder, 'data.npz')];
  await writeFile(model, toBinary(ModelProtoSchema, graph.model));
  const bytes = Array.from({ length: 240 }, (_, i) => (i * 97) % 256);
  const labels = Array.from({ length: 120 }, (_, i) => Number((bytes[2 * i] ?? 0) < (bytes[2 * i + 1] ?? 0)));
  const arrays = {
    'x.npy': npyBytes('|u1', [120, 1, 1, 2], Uint8Array.from(bytes)),
    'y.npy': npyBytes('<i8', [120], littleEndian.int64(labels)),
  };
  await writeFile(data, zipBytes(arrays));
  const brief = { ...training, learningRate: 1e-6, control: false };
  return migrate(optionsFor(model, data, { training: brief, dryRun: true }), hooks({ warn }));
}

describe('a model of whole numbers', () => {
  it.each([
    ['a Cast', 'f = Cast(x) to=1\nread = Flatten(f)'],
    [
      'a DequantizeLinear',
      's = float[] 1\nz = uint8[] 0\nm = Flatten(x)\nd = DequantizeLinear(m, s, z)\ni = float[2,2] 1 0 0 1\nread = MatMul(d, i)',
    ],
  ])('is explained where %s makes floats of them first', async (_, read) => {
    const warnings: string[] = [];
    const result = await ofBytes(read, (message) => warnings.push(message));
    expect(warnings).toEqual([]);
    for (const { spearman, samples } of result.attribution ?? []) {
      expect(samples).toBe(24);
      expect(spearman?.p05).toBeCloseTo(1, 6);
    }
    expect(result.attribution?.length).toBe(2);
  });

  it('of ids is none whose values count', async () => {
    const warnings: string[] = [];
    const read =
      'ids = Flatten(x)\ni = Cast(ids) to=7\nt = float[256]\ng = Gather(t, i) axis=0\none = float[] 1\nread = Mul(g, one)';
    const result = await ofBytes(read, (message) => warnings.push(message));
    expect(result.attribution).toBeNull();
    expect(warnings).toEqual([
      "Attribution maps were not made: no gradient arrives at the model's input, which takes whole numbers (uint8) and uses them as ids are used.",
    ]);
  });
});

describe('a run on WebGPU explains', () => {
  const trainedOn = { provider: 'webgpu', session: { executionProviders: ['webgpu'] } } as const;
  it.each([
    ['64 samples of a small model on the CPU', 1000, 1e6, 2, 64, 'cpu'],
    ['all there are, where they are few', 3, 1e6, 2, 3, 'cpu'],
    ['fewer of a larger one, still there', 1000, 4e7, 2, 18, 'cpu'],
    ['fewer still with a control arm', 1000, 4e7, 3, 12, 'cpu'],
    ['the fewest of one that takes the CPU minutes on itself', 1000, 4e9, 2, 4, 'webgpu'],
    ['a model whose work is out of sight on the CPU', 1000, null, 2, 64, 'cpu'],
  ])('%s', (_, available, multiplyAdds, models, samples, provider) => {
    expect(attributionScope(available, multiplyAdds, models, trainedOn)).toMatchObject({
      samples,
      device: { provider },
    });
  });
});
