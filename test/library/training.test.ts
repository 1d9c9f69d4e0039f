import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import {
  evaluate,
  type Graph,
  gradients,
  plan,
  read,
  rewrite,
  Stepper,
  save,
  type TrainingBatch,
  trainability,
} from '../../src/index.js';
import { readFloats, writeFloats } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { floatsOf } from '../../src/runtime/tensors.js';
import { temporaryFolder } from '../cli/command-line.js';

const path = 'fixtures/plain.onnx';
const none = Buffer.alloc(0);
const [pixels = none, labels = none] = await Promise.all(
  [
    ['train-images-idx3-ubyte.gz', 16],
    ['train-labels-idx1-ubyte.gz', 8],
  ].map(async ([name, header]) => gunzipSync(await readFile(`fixtures/data/${name}`)).subarray(Number(header))),
);

/** Every 61st picture, so that all classes are met. */
function batchOf(from: number, count: number): TrainingBatch {
  const indices = Array.from({ length: count }, (_, i) => ((from + i) * 61) % 4000);
  const data = Float32Array.from(indices.flatMap((at) => [...pixels.subarray(at * 784, (at + 1) * 784)]));
  return {
    inputs: { input: { dims: [count, 1, 28, 28], data: data.map((value) => value / 255) } },
    targets: Int32Array.from(indices, (at) => labels[at] ?? -1),
  };
}

/** The mean cross-entropy of a graph that gives logits, from its outputs alone. */
async function lossOf(graph: Graph, { inputs, targets }: TrainingBatch): Promise<number> {
  const { data, dims } = present(inputs.input, 'the input');
  const [output] = Object.values(await runOnce(graph.model, { input: float32(data, dims) }));
  const logits = floatsOf(present(output, 'the output'));
  const width = logits.length / targets.length;
  const losses = Array.from(targets, (target, i) => {
    const row = Array.from(logits.subarray(i * width, (i + 1) * width));
    return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (row[target] ?? 0);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / targets.length;
}

describe('the gradients of a batch', () => {
  const batch = batchOf(0, 8);

  it('are central differences of the loss, for weights', async () => {
    const model = await read(path);
    const { loss, weights, sites } = await gradients(model, batch, { loss: 'cross-entropy' });
    expect(loss).toBeCloseTo(await lossOf(model.graph, batch), 5);
    expect(sites).toEqual([]);
    const { trained } = await trainability(model);
    expect([...weights.keys()].toSorted()).toEqual(trained.map(({ name }) => name).toSorted());
    for (const [name, { dims, data }] of weights) {
      const tensor = present(model.graph.initializer(name), name);
      expect(dims).toEqual(tensor.dims.map(Number));
      const values = readFloats(tensor);
      const norm = Math.hypot(...data);
      const along = async (step: number): Promise<number> => {
        writeFloats(
          tensor,
          values.map((value, i) => value + (step * (data[i] ?? 0)) / norm),
        );
        return lossOf(model.graph, batch);
      };
      const difference = ((await along(2e-3)) - (await along(-2e-3))) / 4e-3;
      writeFloats(tensor, values);
      expect(Math.abs(difference / norm - 1), name).toBeLessThan(0.03);
    }
  });

  it('are central differences of the loss, for shifts and offsets', async () => {
    const model = await read(path);
    const planned = await plan(model);
    const { weights, sites } = await gradients(model, batch, {
      loss: 'cross-entropy',
      train: 'offsets',
      plan: planned,
    });
    expect(weights.size).toBe(0);
    expect(sites.map(({ id }) => id)).toEqual(planned.sites.map(({ id }) => id));
    const total = (of: 'shift' | 'offset'): number => sites.reduce((sum, site) => sum + (site[of][0] ?? 0), 0);
    const lossAt = async (values: { a?: number; b?: number }): Promise<number> =>
      lossOf((await rewrite(model, planned, values)).graph, batch);
    const step = 1e-3;
    expect(total('shift')).toBeCloseTo(((await lossAt({ a: step })) - (await lossAt({ a: -step }))) / (2 * step), 1);
    expect(total('offset')).toBeCloseTo(((await lossAt({ b: step })) - (await lossAt({ b: -step }))) / (2 * step), 1);
  });

  it('are refused for a batch that does not fit', async () => {
    const model = await read(path);
    const wrong = (of: Partial<TrainingBatch>) => gradients(model, { ...batch, ...of }, { loss: 'cross-entropy' });
    const { data } = present(batch.inputs.input, 'the input');
    await expect(wrong({ inputs: {} })).rejects.toMatchObject({ kind: 'usage', what: /no input 'input'/ });
    await expect(wrong({ inputs: { input: { dims: [7, 1, 28, 28], data } } })).rejects.toThrow(/6272 elements/);
    await expect(wrong({ targets: Int32Array.of(1, 2) })).rejects.toThrow(/2 indices of classes/);
    await expect(wrong({ targets: new Int32Array(8).fill(10) })).rejects.toThrow(/The output has the classes 0 to 9/);
    await expect(wrong({ targets: new Float32Array(8) })).rejects.toThrow(/the output is \[8, 10\]/);
    await expect(gradients(model, batch, { loss: 'mse', output: 'no' })).rejects.toThrow(/no output 'no'/);
  });
});

describe('a stepper', () => {
  const options = { loss: 'cross-entropy', device: 'cpu', momentum: 0.9 } as const;

  it('trains a model with batches of the caller, and gives it back to be saved', async () => {
    const model = await read(path);
    const stepper = await Stepper.open(model, { ...options, plan: await plan(model) });
    expect((await stepper.parameters()).size).toBe(0);
    const losses: number[] = [];
    for (let step = 0; step < 124; step++) {
      losses.push(await stepper.step(batchOf(step * 64, 64), { lr: 0.02 * (1 - step / 124) }));
    }
    const mean = (of: readonly number[]): number => of.reduce((sum, loss) => sum + loss, 0) / of.length;
    expect(mean(losses.slice(-6))).toBeLessThan(mean(losses.slice(0, 6)));
    const sites = await stepper.sites();
    expect(sites.some(({ offset }) => offset[0] !== 0)).toBe(true);

    const network = await stepper.network();
    await stepper.release();
    expect(await lossOf(network.graph, batchOf(7, 64))).not.toBeCloseTo(await lossOf(model.graph, batchOf(7, 64)), 3);
    const out = join(await temporaryFolder(), 'trained.onnx');
    await save(network, out);
    const accuracy = async (of: string) =>
      (await evaluate(of, { data: 'fixtures/data', device: 'cpu' })).metrics.accuracy?.value ?? 0;
    expect(await accuracy(out)).toBeGreaterThan(await accuracy(path));
  });

  it('takes the step that its gradients say', async () => {
    const model = await read(path);
    const batch = batchOf(0, 16);
    const { weights } = await gradients(model, batch, { loss: 'cross-entropy', train: 'biases' });
    const stepper = await Stepper.open(model, { ...options, train: 'biases', momentum: 0, weightDecay: 0 });
    await stepper.step(batch, { lr: 0.1 });
    for (const [name, values] of await stepper.parameters()) {
      const before = readFloats(present(model.graph.initializer(name), name));
      const gradient = present(weights.get(name), name).data;
      const wanted = before.map((value, i) => value - 0.1 * (gradient[i] ?? Number.NaN));
      expect(Math.max(...values.map((value, i) => Math.abs(value - (wanted[i] ?? 0)))), name).toBeLessThan(1e-6);
    }
    await stepper.release();
  });

  it('goes on from a state as if it had not been interrupted', async () => {
    const model = await read(path);
    const first = await Stepper.open(model, options);
    await first.step(batchOf(0, 16), { lr: 0.02 });
    const state = present(await first.state(), 'the state');
    const loss = await first.step(batchOf(16, 16), { lr: 0.02 });
    const expected = await first.step(batchOf(32, 16), { lr: 0.02 });
    await first.release();

    const second = await Stepper.open(model, options);
    await second.restore(state, batchOf(0, 16));
    expect(second.steps).toBe(1);
    expect(await second.step(batchOf(16, 16), { lr: 0.02 })).toBe(loss);
    expect(await second.step(batchOf(32, 16), { lr: 0.02 })).toBe(expected);
    const other = { ...batchOf(0, 4), inputs: { input: { dims: [4, 1, 14, 56], data: new Float32Array(4 * 784) } } };
    await expect(second.step(other, { lr: 0.02 })).rejects.toMatchObject({ kind: 'usage', what: /was \[1, 28, 28\]/ });
    await second.release();
  });
});
