import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readingLines } from '../../src/cli/reading-lines.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { loadModel } from '../../src/model/load.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { padsBeforeMaxPool } from '../../src/model/pad-before-max.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { floatsOf } from '../../src/runtime/tensors.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const count = 40;
const pads = 'pads = int64[8] 0 0 0 0 0 0 1 1';
const pool = 'kernel_shape=[2,2] strides=[2,2]';

/** Zeros among negative numbers, whose maxima a ReLU's network adds to. */
const model = `
  x: float[N,1,3,3]
  ${pads}
  w = float[1,4] 1
  v = float[4,4]
  p = Pad(x, pads) name=pad
  m = MaxPool(p) ${pool} name=pool
  f = Flatten(m)
  h = Gemm(f, v)
  r = Relu(h)
  s = Add(f, r)
  y = Gemm(s, w) transB=1
  -> y`;

async function fileOf(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'model.onnx');
  await writeFile(path, Buffer.concat(encodeModel(parseGraph(text).model)));
  return path;
}

/** Samples of -1 to -0.1, with what the model says of them when nothing is optimised. */
async function dataOf(text: string): Promise<string> {
  const x = Float32Array.from({ length: count * 9 }, (_, i) => -0.1 - ((i * 7) % 10) / 11);
  const options = { graphOptimizationLevel: 'disabled' } as const;
  const { y } = await runOnce(parseGraph(text).model, { x: float32(x, [count, 1, 3, 3]) }, options);
  const path = join(await temporaryFolder(), 'data.npz');
  if (y === undefined) throw new Error('no output');
  await writeFile(
    path,
    zipBytes({
      'x.npy': npyBytes('<f4', [count, 1, 3, 3], littleEndian.float32([...x])),
      'y.npy': npyBytes('<f4', [count, 1], littleEndian.float32([...floatsOf(y)])),
    }),
  );
  return path;
}

describe('a model that ONNX Runtime optimises wrongly', () => {
  it('is evaluated as its file says, and the node is named', async () => {
    const [path, data] = [await fileOf(model), await dataOf(model)];
    const { metrics, reading } = await evaluateModel({
      model: path,
      data: { data },
      task: { task: 'regression' },
      device: 'cpu',
    });
    expect(metrics.rmse?.value).toBeLessThan(1e-6);
    expect(reading.runtime).toMatchObject({ node: 'pool', optimized: true });
    expect(readingLines(reading)).toContainEqual(expect.stringMatching(/^Warning: ONNX Runtime 1\..*MaxPool 'pool'/));
  });

  it('is judged so before and after training', async () => {
    const [path, data] = [await fileOf(model), await dataOf(model)];
    const { arms, reading } = await migrate(
      optionsFor(path, data, {
        task: { task: 'regression', loss: null, metric: null },
        reading: { ...optionsFor(path, data).reading, trustReading: true },
        training: { ...training, epochs: 1, learningRate: 1e-9, offsetLearningRate: 1e-9 },
        dryRun: true,
      }),
      hooks(),
    );
    expect(reading.runtime?.node).toBe('pool');
    for (const arm of [arms.before, arms.frelu]) expect(arm.test.rmse?.value).toBeLessThan(1e-3);
  });
});

describe('a rewrite that leaves zeros above an offset', () => {
  // the gate lets no offset pass, so that the zeros stay
  const gated = `
    x: float[N,1,3,3]
    ${pads}
    w = float[1,1,1,1] 1
    g = float[1] 0.5
    c = Conv(x, w)
    r = Relu(c)
    k = Mul(r, g)
    p = Pad(k, pads) name=pad
    m = MaxPool(p) ${pool}
    y = Flatten(m)
    -> y`;
  const rewritten = async (b: number): Promise<string[]> => {
    const path = await fileOf(gated);
    const warnings: string[] = [];
    await rewriteModel(
      { model: path, out: `${path}.out.onnx`, plan: defaultPlanOptions, a: 0, b, overwrite: false },
      (warning) => void warnings.push(warning),
    );
    const { graph } = await loadModel(`${path}.out.onnx`);
    expect(padsBeforeMaxPool(graph.model)).toEqual([]);
    return warnings;
  };

  it.each([-0.1, 0])('keeps them zeros for every runtime, b = %d', async (b) => expect(await rewritten(b)).toEqual([]));
});
