import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { present } from '../../src/contract/present.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { defaultReadingOptions } from '../../src/reading/options.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { hooks, optionsFor, temporaryFolder } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

const [count, features] = [120, 6];
const random = createRandom(4);
const x = Array.from({ length: count * features }, () => random.normal());

/** A network of one hidden layer with something behind it, and data for it, dry-run. */
async function run(outputs: number, y: Uint8Array, head: (layers: Layers, out: string) => string) {
  const folder = await temporaryFolder();
  const graph = untrainedNetwork('tiny', 5, [features], outputs, (layers, input) => {
    const hidden = layers.op('relu', 'Relu', [layers.dense('hidden', input, features, 16)]);
    return head(layers, layers.dense('out', hidden, 16, outputs));
  });
  const [model, data] = [join(folder, 'tiny.onnx'), join(folder, 'data.npz')];
  await writeFile(model, Buffer.concat(encodeModel(graph.model)));
  const inputs = npyBytes('<f4', [count, features], littleEndian.float32(x));
  await writeFile(data, zipBytes({ 'x.npy': inputs, 'y.npy': y }));
  return (trustReading = true) =>
    migrate(optionsFor(model, data, { dryRun: true, reading: { ...defaultReadingOptions, trustReading } }), hooks());
}

const labels = (classes: number) =>
  npyBytes('<i8', [count], littleEndian.int64(Array.from({ length: count }, (_, i) => i % classes)));

describe('outputs that no loss is made for', () => {
  it('are logarithms of sigmoids', async () => {
    const start = await run(1, labels(2), (layers, out) =>
      layers.op('log', 'Log', [layers.op('sigmoid', 'Sigmoid', [out])]),
    );
    await expect(start()).rejects.toMatchObject({ kind: 'input', settings: ['output'] });
    await expect(start()).rejects.toThrow('logarithms of probabilities');
  });

  it('are percentages of classes, unless they are trusted to be logits', async () => {
    const start = await run(3, labels(3), (layers, out) => {
      const shares = layers.op('shares', 'Softmax', [out]);
      // a hundred times, as a sum of seven doublings would not be: 64 + 32 + 4
      const times = (value: string, exponent: number): string =>
        Array.from({ length: exponent }).reduce<string>(
          (sum, _, i) => layers.op(`${value}-${exponent}-${i}`, 'Add', [sum, sum]),
          value,
        );
      const most = layers.op('most', 'Add', [times(shares, 6), times(shares, 5)]);
      return layers.op('percent', 'Add', [most, times(shares, 2)]);
    });
    await expect(start(false)).rejects.toThrow('all of its rows sum to 100');
    await expect(start(false)).rejects.toMatchObject({ kind: 'input', settings: ['output', 'trustReading'] });
    await expect(start()).resolves.toMatchObject({ written: false });
  });

  it('are scores of classes within [0, 1] that are no distribution, unless they are trusted to be logits', async () => {
    const start = await run(3, labels(3), (layers, out) =>
      layers.op('scores', 'Relu', [layers.op('flat', 'Tanh', [out])]),
    );
    await expect(start(false)).rejects.toThrow("whether 'scores' holds logits of classes cannot be told");
    await expect(start(false)).rejects.toMatchObject({ kind: 'input', settings: ['output', 'trustReading'] });
    const { arms } = await start();
    // three numbers within [0, 1] as logits: no class has less than 1 / (1 + 2e), none more than e / (2 + e)
    for (const { test } of [arms.before, present(arms.control, 'the control arm')]) {
      expect(test.logLoss?.value).toBeLessThan(Math.log(1 + 2 * Math.E));
      expect(test.logLoss?.value).toBeGreaterThan(Math.log((2 + Math.E) / Math.E));
    }
  });

  it('are several targets of a sample below each other, as skl2onnx writes those of an MLPRegressor', async () => {
    const y = npyBytes('<f4', [count, 6], littleEndian.float32(x));
    const start = await run(6, y, (layers, out) => layers.op('turned', 'Transpose', [out]));
    await expect(start()).rejects.toThrow('its first axis is not that of the samples');
    await expect(start()).rejects.toMatchObject({ kind: 'input' });
  });
});

it('an input of text is refused with what to export', async () => {
  const folder = await temporaryFolder();
  const graph = parseGraph(`
    age: float[N,1]
    city: string[N,1]
    w = float[3,2]
    code = Cast(city) to=1
    both = Concat(age, code) axis=1
    h = Relu(both) name=relu
    y = Gemm(h, w) transB=1
    -> y`);
  const [model, data] = [join(folder, 'pipeline.onnx'), join(folder, 'data.csv')];
  await writeFile(model, Buffer.concat(encodeModel(graph.model)));
  await writeFile(data, 'age,city,target\n1,rome,0\n2,oslo,1\n3,rome,2\n');
  const evaluated = evaluateModel({ model, data: { data }, device: 'cpu' });
  await expect(evaluated).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringContaining("its input 'city' takes text"),
    cure: expect.stringContaining('Export what follows the encoders'),
  });
});
