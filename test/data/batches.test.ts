import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { type Batch, type BatchOptions, batches } from '../../src/data/batches.js';
import type { Dataset } from '../../src/data/dataset.js';
import { createInputs } from '../../src/data/inputs.js';
import { planPreprocessing } from '../../src/data/preprocess.js';
import { memoryDataset, ramp } from './memory.js';

const dataset = memoryDataset({
  shape: [2],
  storage: Float32Array.from(ramp(20)),
  targets: { kind: 'class', labels: Int32Array.from(ramp(10), (i) => i % 3), names: ['a', 'b', 'c'] },
});

const inputsOf = (data: Dataset, cacheBytes?: number) =>
  createInputs(data, planPreprocessing(data, { shape: [null, 2] }), cacheBytes);

const fed = (data: Dataset, inputs = inputsOf(data)) => ({ inputs: [{ name: 'x', ...inputs }], samples: data });

async function collect(options: BatchOptions, data: Dataset = dataset, inputs = inputsOf(data)): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches(fed(data, inputs), options)) all.push(batch);
  return all;
}

describe('batches', () => {
  it('go through all samples in order; the last has what is left', async () => {
    const all = await collect({ batchSize: 4 });
    expect(all.map(({ count }) => count)).toEqual([4, 4, 2]);
    expect(all[2]).toEqual({
      count: 2,
      indices: Int32Array.of(8, 9),
      inputs: { x: { values: Float32Array.of(16, 17, 18, 19), shape: [2] } },
      targets: Float32Array.of(0, 0, 1, 1, 0, 0),
      targetWidth: 3,
      labels: Int32Array.of(2, 0),
    });
  });

  it('are shuffled by seed and epoch, inputs and targets alike', async () => {
    const order = async (seed: number, epoch: number) =>
      (await collect({ batchSize: 3, shuffle: { seed, epoch } })).flatMap(({ indices }) => [...indices]);
    expect(await order(1, 0)).toEqual(await order(1, 0));
    expect(new Set([await order(1, 0), await order(1, 1), await order(2, 0)].map(String)).size).toBe(3);
    expect((await order(1, 0)).sort((a, b) => a - b)).toEqual([...ramp(10)]);
    for (const batch of await collect({ batchSize: 3, shuffle: { seed: 1, epoch: 4 } })) {
      for (const [i, index] of batch.indices.entries()) {
        expect(batch.inputs.x?.values[2 * i]).toBe(2 * index);
        expect(batch.labels?.[i]).toBe(index % 3);
        expect(batch.targets[3 * i + (index % 3)]).toBe(1);
      }
    }
  });

  it('go through a part only, with as many columns as the model has classes', async () => {
    const [batch] = await collect({ batchSize: 8, indices: Int32Array.of(7, 2), classes: 5 });
    expect(batch?.inputs.x?.values).toEqual(Float32Array.of(14, 15, 4, 5));
    expect(batch?.targets).toEqual(Float32Array.of(0, 1, 0, 0, 0, 0, 0, 1, 0, 0));
    await expect(collect({ batchSize: 8, classes: 2 })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/sample 2 is of class 2, but the model knows 2 classes/),
    });
    expect(await collect({ batchSize: 8, indices: new Int32Array(0) })).toEqual([]);
  });

  it('carry the values to predict, or nothing', async () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const several = memoryDataset({ shape: [2], storage: ramp(6), targets: { kind: 'values', values, width: 2 } });
    const [batch] = await collect({ batchSize: 2, indices: Int32Array.of(2, 0) }, several);
    expect(batch).toMatchObject({ targets: Float32Array.of(5, 6, 1, 2), targetWidth: 2, labels: null });
    const [none] = await collect({ batchSize: 2 }, memoryDataset({ shape: [2], storage: ramp(6) }));
    expect(none).toMatchObject({ targets: new Float32Array(0), targetWidth: 0, labels: null });
  });

  it('are the same with and without the cache, in the first epoch and in the next', async () => {
    const cached = inputsOf(dataset);
    const shuffled = { batchSize: 4, shuffle: { seed: 9, epoch: 0 } };
    const expected = await collect(shuffled, dataset, inputsOf(dataset, 0));
    await collect({ batchSize: 4, indices: Int32Array.of(1, 5) }, dataset, cached);
    expect(await collect(shuffled, dataset, cached)).toEqual(expected);
    expect(await collect(shuffled, dataset, cached)).toEqual(expected);
  });

  it('read every sample once with the cache, and the next batch ahead', async () => {
    const reads: number[][] = [];
    const counting: Dataset = {
      ...dataset,
      read: (indices, into) => {
        reads.push(Array.from(indices));
        return dataset.read(indices, into);
      },
    };
    const inputs = inputsOf(counting);
    const iterator = batches(fed(counting, inputs), { batchSize: 5 });
    await iterator.next();
    expect(reads).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
    ]);
    await collect({ batchSize: 3 }, counting, inputs);
    expect(reads.length).toBe(2);
  });

  it('tell of an unreadable sample when its batch is asked for, not before', async () => {
    const broken: Dataset = {
      ...dataset,
      read: async (indices, into) => {
        if (Array.from(indices).includes(5))
          throw new Failure('input', { what: 'five.png: cannot be decoded', cure: '' });
        return dataset.read(indices, into);
      },
    };
    const iterator = batches(fed(broken), { batchSize: 5 });
    expect((await iterator.next()).done).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(iterator.next()).rejects.toThrow('five.png');
  });
});
