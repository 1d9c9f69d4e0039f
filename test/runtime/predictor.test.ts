import { describe, expect, it, onTestFinished } from 'vitest';
import { DataType, floatTensor, int64Tensor } from '../../src/model/tensor.js';
import { openPredictor, signatureOf } from '../../src/runtime/predictor.js';
import { node, valueInfo } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { interceptRuns } from '../training/networks.js';

/** y = x + 1, at a batch size that is fixed or (null) free. */
function plusOne(batch: number | null, dataType: number = DataType.FLOAT) {
  const graph = graphOf({
    inputs: { x: [batch ?? -1, 2] },
    dataType,
    constants: [floatTensor('one', [], [1])],
    nodes: [node('Cast', ['x'], ['f'], { to: { int: DataType.FLOAT } }), node('Add', ['f', 'one'], ['y'])],
  });
  graph.proto.output = [valueInfo('y', [batch ?? -1, 2])];
  return graph;
}

const pairs = (values: Float32Array) => ({ x: { values, shape: [2] } });

it.each([null, 3, 2, 5])('predicts three samples with a model whose batch size is %s', async (batch) => {
  const graph = plusOne(batch);
  const predictor = await openPredictor(graph.model, signatureOf(graph));
  const { values, shape } = await predictor.predict(pairs(Float32Array.of(1, 2, 3, 4, 5, 6)), 3);
  await predictor.release();
  expect([...values]).toEqual([2, 3, 4, 5, 6, 7]);
  expect(shape).toEqual([2]);
});

describe('where memory does not suffice', () => {
  const limited = async (batch: number | null, limit: number) => {
    const tried: number[] = [];
    await interceptRuns((feeds, run) => {
      const count = feeds.x?.dims[0] ?? 0;
      tried.push(count);
      if (count > limit) throw new Error('Failed to allocate memory for requested buffer of size 160000000000');
      return run();
    });
    const graph = plusOne(batch);
    const predictor = await openPredictor(graph.model, signatureOf(graph));
    onTestFinished(() => predictor.release());
    return { predictor, tried };
  };
  const inputs = Float32Array.from({ length: 10 }, (_, i) => i);

  it('predicts in halves, and does not try again what failed', async () => {
    const { predictor, tried } = await limited(null, 2);
    for (const _ of ['finds how many go at once', 'knows it']) {
      expect([...(await predictor.predict(pairs(inputs), 5)).values]).toEqual([...inputs.map((value) => value + 1)]);
    }
    expect(tried).toEqual([5, 3, 2, 2, 1, 2, 2, 1]);
  });

  it.each([
    ['one sample', null],
    ['the batch size that the export fixed', 5],
  ])('for %s, it says so', async (_, batch) => {
    const { predictor } = await limited(batch, 0);
    await expect(predictor.predict(pairs(inputs), 5)).rejects.toMatchObject({ outOfMemory: true });
  });
});

it.each([DataType.FLOAT16, DataType.DOUBLE, DataType.INT64, DataType.INT32, DataType.UINT8])(
  'feeds the element type that the model takes: %d',
  async (dataType) => {
    const graph = plusOne(null, dataType);
    const predictor = await openPredictor(graph.model, signatureOf(graph));
    const { values } = await predictor.predict(pairs(Float32Array.of(1, 2)), 1);
    await predictor.release();
    expect([...values]).toEqual([2, 3]);
  },
);

it('takes a batch that the graph merged with another axis apart again', async () => {
  const graph = graphOf({
    inputs: { x: [-1, 2] },
    constants: [int64Tensor('flat', [1], [-1])],
    nodes: [node('Reshape', ['x', 'flat'], ['y'])],
  });
  const predictor = await openPredictor(graph.model, signatureOf(graph));
  const { values, shape } = await predictor.predict(pairs(Float32Array.of(1, 2, 3, 4)), 2);
  await predictor.release();
  expect([...values]).toEqual([1, 2, 3, 4]);
  expect(shape).toEqual([2]);
});

it('reads what a model takes and gives from its file', () => {
  expect(signatureOf(plusOne(4))).toEqual({
    inputs: [{ name: 'x', elementType: DataType.FLOAT, shape: [4, 2] }],
    output: 'y',
    outputShape: [4, 2],
  });
  expect(signatureOf(plusOne(null)).inputs[0]?.shape).toEqual([null, 2]);
});
