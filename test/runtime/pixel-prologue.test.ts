import { describe, expect, it } from 'vitest';
import { createInputs } from '../../src/data/inputs.js';
import { planPreprocessing } from '../../src/data/preprocess.js';
import { DataType, floatTensor } from '../../src/model/tensor.js';
import { fedPredictors } from '../../src/reading/fed-predictor.js';
import { takesPixels, withPixelInputs } from '../../src/runtime/pixel-prologue.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { node, valueInfo } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { type PixelCase, pixelCases } from '../data/pixel-cases.js';

/** y = x. */
function same(shape: readonly number[], { batch = -1, dataType = DataType.FLOAT, opset = 17 } = {}) {
  const graph = graphOf({ inputs: { x: [batch, ...shape] }, dataType, nodes: [node('Identity', ['x'], ['y'])] });
  graph.proto.output = [valueInfo('y', [batch, ...shape])];
  for (const entry of graph.model.opsetImport) entry.version = BigInt(opset);
  return graph;
}

const order = Int32Array.of(2, 0, 1);

/** What a predictor is fed with of three samples, and what the model is given of them. */
async function fedWith({ dataset, shape, options }: PixelCase, graph = same(shape)) {
  const preprocessing = planPreprocessing(dataset, { shape: [null, ...shape] }, options);
  const inputs = [{ name: 'x', ...createInputs(dataset, preprocessing) }];
  const split = { indices: order, count: 3, sha256: '', contentSha256: '' };
  const part = { inputs, samples: dataset, split, measures: [] };
  const predictors = fedPredictors(graph.model, signatureOf(graph), {});
  try {
    const predictor = await predictors.of(part);
    const values: Float32Array[] = [];
    let isStored = false;
    for await (const batch of predictor.batches({ indices: order, batchSize: 2 })) {
      isStored = batch.inputs.x?.values instanceof Uint8Array;
      values.push((await predictor.predict(batch.inputs, batch.count)).values);
    }
    return {
      isStored,
      given: values.flatMap((some) => [...some]),
      wanted: [...((await inputs[0]?.gather(order)) ?? [])],
    };
  } finally {
    await predictors.release();
  }
}

describe.each(pixelCases)('8-bit samples are fed as they are stored: $name', (each) => {
  it.each([-1, 3])('at the batch size %s', async (batch) => {
    const { isStored, given, wanted } = await fedWith(each, same(each.shape, { batch }));
    expect(isStored).toBe(true);
    expect(given.length).toBe(wanted.length);
    // one rounding more, of numbers of this size
    const most = Math.max(...wanted.map(Math.abs));
    const difference = Math.max(...wanted.map((value, i) => Math.abs(value - (given[i] ?? Number.NaN))));
    expect(difference).toBeLessThan(3e-7 * most);
  });
});

/** y = x with its channels moved to the other end and back; z, which another output reads, lies as x does not. */
function turned(shape: readonly number[], isPlanar: boolean) {
  const [away, back] = isPlanar
    ? [
        [0, 2, 3, 1],
        [0, 3, 1, 2],
      ]
    : [
        [0, 3, 1, 2],
        [0, 2, 3, 1],
      ];
  const graph = graphOf({
    inputs: { x: [-1, ...shape] },
    nodes: [
      node('Transpose', ['x'], ['t'], { perm: { ints: away ?? [] } }),
      node('Relu', ['t'], ['r']),
      node('Transpose', ['t'], ['u'], { perm: { ints: back ?? [] } }),
      node('Identity', ['u'], ['y']),
    ],
  });
  for (const entry of graph.model.opsetImport) entry.version = 17n;
  const other = (back ?? []).slice(1).map((_, i) => shape[(away?.[i + 1] ?? 1) - 1] ?? 1);
  graph.proto.output = [valueInfo('y', [-1, ...shape]), valueInfo('r', [-1, ...other])];
  return graph;
}

describe.each(pixelCases.filter(({ shape, dataset }) => shape.length === 3 && dataset.sample.layout !== 'CHW'))(
  'what moves the channels of pixels moves bytes: $name',
  (each) => {
    const isPlanar = (each.shape[0] ?? 0) <= 3;

    it('gives the same', async () => {
      const { isStored, given, wanted } = await fedWith(each, turned(each.shape, isPlanar));
      expect(isStored).toBe(true);
      const most = Math.max(...wanted.map(Math.abs));
      expect(Math.max(...wanted.map((value, i) => Math.abs(value - (given[i] ?? Number.NaN))))).toBeLessThan(
        3e-7 * most,
      );
    });

    it('leaves no Transpose of floats', () => {
      const { graph } = withPixelInputs(turned(each.shape, isPlanar).model, [prologueFor(each, isPlanar)]);
      const transposed = graph?.node.filter(({ opType }) => opType === 'Transpose') ?? [];
      expect(transposed.every(({ input }) => input[0] === 'x:pixels')).toBe(true);
      expect(graph?.node.filter(({ output }) => output[0] === 'x')).toEqual([]);
    });
  },
);

function prologueFor({ shape }: PixelCase, planar: boolean) {
  const values = shape.reduce((product, dim) => product * dim, 1);
  const channels = (planar ? shape[0] : shape.at(-1)) ?? 1;
  const each = Array.from({ length: channels }, (_, c) => c);
  const factors = each.map((c) => 0.1 * (c + 1));
  return { input: 'x', pixels: values / channels, channels, planar, sources: each, factors, terms: factors, shape };
}

it('planes that are taken for one channel stay where they are put', () => {
  const own = {
    input: 'x',
    pixels: 12,
    channels: 1,
    planar: true,
    sources: [0],
    factors: [1],
    terms: [0],
    shape: [3, 2, 2],
  };
  const { graph } = withPixelInputs(turned([3, 2, 2], true).model, [own]);
  expect(graph?.node.filter(({ opType }) => opType === 'Transpose').map(({ input }) => input[0])).toEqual(['x', 't']);
});

it('a model of another element type, of an old op set, or quantised is fed with what its input takes', async () => {
  const each = pixelCases[0];
  if (each === undefined) throw new Error('there are cases');
  const old = await fedWith(each, same(each.shape, { opset: 11 }));
  expect(old.isStored).toBe(false);
  expect(old.given).toEqual(old.wanted);
  expect(takesPixels(same([2], { dataType: DataType.DOUBLE }).model, 'x')).toBe(false);
  const quantised = graphOf({
    inputs: { x: [-1, 2] },
    constants: [floatTensor('scale', [], [0.5])],
    nodes: [node('QuantizeLinear', ['x', 'scale'], ['y'])],
  });
  expect(takesPixels(quantised.model, 'x')).toBe(false);
});
