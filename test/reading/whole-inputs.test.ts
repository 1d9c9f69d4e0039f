import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/model/onnx/write.js';
import { type EvaluateOptions, evaluateModel } from '../../src/run/evaluate.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { temporaryFolder } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

const count = 60;
const labels = Array.from({ length: count }, (_, i) => i % 2);
/** Two pixels a sample: the brighter one is the class. */
const bytes = labels.flatMap((label, i) => (label === 0 ? [200 + (i % 50), 30 + (i % 40)] : [i % 60, 180 + (i % 70)]));

/** A quantised model: its input is pixels less the zero point, in the type. */
const model = (type: 'int8' | 'uint8', zero: number): string => `
  opset 13
  x: ${type}[N,1,1,2]
  s = float[] 0.0039215686
  z = ${type}[] ${zero}
  d = DequantizeLinear(x, s, z)
  f = Flatten(d)
  w = float[2,2] 6 -6 -6 6
  y = MatMul(f, w)
  -> y`;

type Stored = readonly ['|u1' | '<f4', readonly number[]];

async function evaluated(
  text: string,
  [type, values]: Stored,
  data: Partial<Exclude<EvaluateOptions['data'], string>> = {},
) {
  const folder = await temporaryFolder();
  const [path, archive] = [join(folder, 'model.onnx'), join(folder, 'data.npz')];
  await writeFile(path, Buffer.concat(encodeModel(parseGraph(text).model)));
  const x = type === '|u1' ? Uint8Array.from(values) : littleEndian.float32(values);
  const arrays = {
    'x.npy': npyBytes(type, [count, 1, 1, 2], x),
    'y.npy': npyBytes('<i8', [count], littleEndian.int64(labels)),
  };
  await writeFile(archive, zipBytes(arrays));
  return evaluateModel({ model: path, data: { ...data, data: archive }, device: 'cpu' });
}

const pixels: Stored = ['|u1', bytes];
const shares: Stored = ['<f4', bytes.map((value) => value / 255)];
const signed: Stored = ['<f4', bytes.map((value) => value - 128)];

describe('samples that an input of whole numbers would take for others are refused with what makes them fit', () => {
  it.each([
    ['8-bit pixels, signed bytes', model('int8', -128), pixels, { mean: [128] }, [['mean', '128']]],
    [
      'shares, signed bytes',
      model('int8', -128),
      shares,
      { scale: 255, mean: [128] },
      [
        ['scale', '255'],
        ['mean', '128'],
      ],
    ],
    ['shares, bytes', model('uint8', 0), shares, { scale: 255 }, [['scale', '255']]],
    ['signed pixels, bytes', model('uint8', 0), signed, { mean: [-128] }, [['mean', '-128']]],
  ] as const)('%s', async (_, text, stored, preprocessing, settings) => {
    await expect(evaluated(text, stored)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(
        /the input 'x' .* takes u?int8, whole numbers from .* and the samples as they are fed are/,
      ),
      settings,
      ways: [{ settings }],
    });
    const { metrics } = await evaluated(text, stored, { preprocessing });
    expect(metrics.accuracy?.value).toBe(1);
    expect(metrics.logLoss?.value).toBeLessThan(0.2);
  });

  it('numbers that are no pixels', () =>
    expect(evaluated(model('int8', 0), ['<f4', bytes.map((value) => 1000 * value)])).rejects.toMatchObject({
      kind: 'input',
      cure: expect.stringMatching(/^Save the samples as whole numbers from -128 to 127/),
    }));
});

it('samples that fit are fed as they are, and what arithmetic makes of them is rounded', async () => {
  expect((await evaluated(model('int8', -128), signed)).metrics.accuracy?.value).toBe(1);
  expect((await evaluated(model('uint8', 0), pixels)).metrics.accuracy?.value).toBe(1);
  const halved = { preprocessing: { scale: 0.5, mean: [64] } };
  expect((await evaluated(model('int8', -64), pixels, halved)).metrics.accuracy?.value).toBe(1);
});
