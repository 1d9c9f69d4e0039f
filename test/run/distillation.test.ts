import { copyFile, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import * as tf from '@tensorflow/tfjs';
import { StringStringEntryProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { cutSubset } from '../../fixtures/subset.js';
import { Emitter } from '../../src/autodiff/emitter.js';
import { present } from '../../src/contract/present.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { createRandom } from '../../src/math/random.js';
import { loadModel } from '../../src/model/load.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { defaultReadingOptions } from '../../src/reading/options.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { randomize, save } from '../model/tfjs-layers/compare.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const [count, features] = [400, 6];
const random = createRandom(3);
const x = Array.from({ length: count * features }, () => random.normal());
const classOf = (i: number): number => {
  const curved = Math.abs(x[i * features] ?? 0) + 0.5 * (x[i * features + 1] ?? 0);
  return curved > 1 ? 2 : curved > 0.4 ? 1 : 0;
};

/** Data of three classes, with its labels or without. */
async function dataset(labelled: boolean): Promise<string> {
  const path = join(await temporaryFolder(), 'data.npz');
  const arrays: Record<string, Uint8Array> = { 'x.npy': npyBytes('<f4', [count, features], littleEndian.float32(x)) };
  const labels = Array.from({ length: count }, (_, i) => classOf(i));
  if (labelled) arrays['y.npy'] = npyBytes('<i8', [count], littleEndian.int64(labels));
  await writeFile(path, zipBytes(arrays));
  return path;
}

/** A two-layer network with random weights, alone in a folder. */
async function network(hidden: number, outputs: number, head: 'Softmax' | null, classes?: string): Promise<string> {
  const path = join(await temporaryFolder(), 'network.onnx');
  const graph = untrainedNetwork('tiny', 5, [features], outputs, (layers: Layers, input) => {
    const inner = layers.op('relu', 'Relu', [layers.dense('hidden', input, features, hidden)]);
    const out = layers.dense('out', inner, hidden, outputs);
    return head === null ? out : layers.op('head', head, [out]);
  });
  if (classes !== undefined) {
    graph.model.metadataProps.push(create(StringStringEntryProtoSchema, { key: 'classes', value: classes }));
  }
  await writeFile(path, Buffer.concat(encodeModel(graph.model)));
  return path;
}

const reading = { ...defaultReadingOptions, trustReading: true };
const settings = { ...training, batchSize: 16, epochs: 4, learningRate: 0.02, control: false };
const longer = { ...settings, epochs: 12, learningRate: 0.05 };
const distilling = { task: { task: 'distill', loss: null, metric: null } } as const;

function run(model: string, data: string, changes: Partial<MigrateOptions>, listening = {}): Promise<MigrateResult> {
  const options = { reading, training: settings, dryRun: true, ...changes };
  return migrate(optionsFor(model, data, options), hooks(listening));
}

const taughtBy = (teacher: string, distillWeight: number | null = null, temperature: number | null = null) => ({
  distill: { teacher, distillWeight, temperature },
});

/** Images, with a network that has learned some of them and takes them as [1, 28, 28]. */
async function images(): Promise<{ readonly student: string; readonly data: string }> {
  const fixtures = join(import.meta.dirname, '../../fixtures');
  const [data, student] = [await temporaryFolder(), join(await temporaryFolder(), 'plain.onnx')];
  await cutSubset(join(fixtures, 'data'), data, { train: 20, t10k: 4 });
  await copyFile(join(fixtures, 'plain.onnx'), student);
  return { student, data };
}

/** A network that learned the labels, as the file that it was written to: right on more than four in five. */
async function trained(model: string): Promise<string> {
  const out = join(await temporaryFolder(), model.endsWith('.json') ? 'taught' : 'teacher.onnx');
  const schooled = { ...settings, epochs: 30, learningRate: 0.05, patience: 30 };
  const result = await run(model, await dataset(true), { out, dryRun: false, training: schooled });
  expect(result.arms.frelu.test.accuracy?.value).toBeGreaterThan(0.8);
  return out;
}

/** of the training batches of the first epoch */
const firstLoss = ({ arms }: MigrateResult): number => arms.frelu.curve[1]?.trainLoss ?? Number.NaN;
const accuracy = (arm: MigrateResult['arms']['frelu']): number => arm.test.accuracy?.value ?? Number.NaN;

describe('a teacher', () => {
  it('is learned from without labels: the model comes to say what it says', async () => {
    const teacher = await trained(await network(32, 3, 'Softmax'));
    const student = await network(16, 3, 'Softmax');
    const result = await run(student, await dataset(false), { ...distilling, ...taughtBy(teacher, null, 2) });
    expect(result.settings).toMatchObject({ teacher, distillWeight: 1, temperature: 2, loss: 'cross-entropy' });
    // judged against the teacher: the share of samples of which both say the same
    expect(accuracy(result.arms.before)).toBeLessThan(0.6);
    expect(accuracy(result.arms.frelu)).toBeGreaterThan(accuracy(result.arms.before) + 0.2);
  });

  it('is learned from beside labels, by which the model is judged', async () => {
    const teacher = await trained(await network(32, 3, 'Softmax'));
    // its own outputs are logits, the teacher's are probabilities
    const student = await network(16, 3, null);
    const data = await dataset(true);
    const [plain, taught] = [await run(student, data, {}), await run(student, data, taughtBy(teacher, 0.5, 3))];
    expect(plain.settings).toMatchObject({ teacher: null, distillWeight: 0, temperature: 1 });
    expect(taught.settings).toMatchObject({ teacher, distillWeight: 0.5, temperature: 3 });
    expect(taught.task).toBe('classification');
    // the same labels judge both
    expect(accuracy(taught.arms.before)).toBe(accuracy(plain.arms.before));
    expect(accuracy(taught.arms.frelu)).toBeGreaterThan(accuracy(taught.arms.before) + 0.2);
    expect(taught.arms.frelu.test.logLoss?.value).not.toBe(plain.arms.frelu.test.logLoss?.value);
    // of no weight, it changes nothing
    const unheard = await run(student, data, taughtBy(teacher, 0, 3));
    expect(unheard.arms.frelu.test.logLoss?.value).toBeCloseTo(plain.arms.frelu.test.logLoss?.value ?? Number.NaN, 4);
  });

  it('teaches values too', async () => {
    const [teacher, student] = [await network(32, 2, null), await network(16, 2, null)];
    const result = await run(student, await dataset(false), { ...distilling, ...taughtBy(teacher) });
    expect(result.settings).toMatchObject({ loss: 'mse', distillWeight: 1 });
    expect(result.arms.frelu.test.rmse?.value).toBeLessThan(0.7 * (result.arms.before.test.rmse?.value ?? 0));
  });

  it('may be the model as it came, from which it then departs less: as a copy of its file would have it', async () => {
    const student = await network(16, 3, null);
    const copy = join(await temporaryFolder(), 'copy.onnx');
    await copyFile(student, copy);
    const data = await dataset(true);
    const [plain, own, copied] = [
      await run(student, data, {}),
      await run(student, data, taughtBy('self')),
      await run(student, data, taughtBy(copy)),
    ];
    expect(own.settings).toMatchObject({ teacher: 'self', distillWeight: 0.5, temperature: 4 });
    expect(own.arms.frelu.curve.at(-1)?.trainLoss).toBeCloseTo(copied.arms.frelu.curve.at(-1)?.trainLoss ?? 0, 4);
    expect(accuracy(own.arms.frelu)).toBeGreaterThan(accuracy(own.arms.before));
    expect(own.arms.frelu.test.logLoss?.value).toBeGreaterThan(plain.arms.frelu.test.logLoss?.value ?? Number.NaN);
    // another run than that without a teacher
    expect(own.run.id).not.toBe(plain.run.id);
  });

  it('may be a model of TensorFlow.js', async () => {
    const { layers } = tf;
    const model = tf.sequential({
      layers: [
        layers.dense({ inputShape: [features], units: 32, activation: 'relu', name: 'hidden' }),
        layers.dense({ units: 3, activation: 'softmax', name: 'out' }),
      ],
    });
    randomize(model);
    const folder = await temporaryFolder();
    for (const [path, bytes] of await save(model)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    const teacher = await trained(join(folder, 'model.json'));
    const student = await network(16, 3, null);
    const result = await run(student, await dataset(true), { ...taughtBy(teacher, 1), training: longer });
    expect(accuracy(result.arms.frelu)).toBeGreaterThan(accuracy(result.arms.before) + 0.2);
  });

  it('is fed as the configuration beside it says, whatever the model is fed', async () => {
    const { student, data } = await images();
    const asModel = { ...taughtBy(student), training: { ...training, control: false } };
    // as its own teacher beside labels, it says what the model says; fed with pixels of another scale, it does not
    const same = await run(student, data, asModel);
    const copy = join(await temporaryFolder(), 'copy.onnx');
    await copyFile(student, copy);
    const config = { do_rescale: true, rescale_factor: 0.0001, do_normalize: false };
    await writeFile(join(dirname(copy), 'preprocessor_config.json'), JSON.stringify(config));
    const other = await run(student, data, { ...asModel, ...taughtBy(copy) });
    expect(other.reading.inputs).toEqual(same.reading.inputs);
    expect(other.arms.before).toEqual(same.arms.before);
    expect(firstLoss(other)).not.toBeCloseTo(firstLoss(same), 2);
  });

  it('of another input shape sees the same samples; one that does worse is told of', async () => {
    const { student, data } = await images();
    // linear, with random weights
    const graph = untrainedNetwork('flat', 5, [784], 10, (layers, input) => layers.dense('out', input, 784, 10));
    const teacher = join(await temporaryFolder(), 'flat.onnx');
    await writeFile(teacher, Buffer.concat(encodeModel(graph.model)));
    const warnings: string[] = [];
    const warn = (message: string) => warnings.push(message);
    await run(student, data, { ...taughtBy(teacher), training: { ...training, control: false } }, { warn });
    expect(warnings).toEqual([expect.stringMatching(/flat\.onnx: the teacher does worse than the model .* accuracy/)]);
  });
});

describe('what cannot teach is refused', () => {
  it.each([2, 4])('a teacher of %i classes for a model of 3', async (outputs) => {
    const [teacher, student] = [await network(8, outputs, 'Softmax'), await network(8, 3, 'Softmax')];
    await expect(run(student, await dataset(true), taughtBy(teacher))).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining(teacher),
      settings: ['teacher'],
      written: 'model-untouched',
    });
  });

  it('a teacher that has the classes in another order', async () => {
    const teacher = await network(8, 3, 'Softmax', '["0", "2", "1"]');
    const student = await network(16, 3, 'Softmax');
    await expect(run(student, await dataset(true), taughtBy(teacher))).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining("its class 1 is '2' (metadata_props 'classes'), the model's '1'"),
      settings: ['teacher'],
    });
  });

  it('a teacher whose answers fit the labels in another order only, unless it is trusted', async () => {
    const { student, data } = await images();
    const turned = (await loadModel(student)).graph.copy();
    const output = present(turned.proto.output[0], 'its output');
    const emit = new Emitter(turned, 'turned');
    const columns = emit.ints([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    output.name = emit.op('Gather', [output.name, columns], { axis: { int: 1 } });
    emit.flush();
    const teacher = join(await temporaryFolder(), 'turned.onnx');
    await writeFile(teacher, Buffer.concat(encodeModel(turned.model)));
    await expect(run(student, data, { ...taughtBy(teacher), reading: defaultReadingOptions })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/turned\.onnx, the teacher: .* order/),
      settings: ['teacher', 'trustReading'],
    });
  });

  it('a teacher of classes for a model of values', async () => {
    const [teacher, student] = [await network(8, 3, 'Softmax'), await network(8, 3, null)];
    const options = { ...distilling, ...taughtBy(teacher) };
    await expect(run(student, await dataset(false), options)).rejects.toMatchObject({
      kind: 'input',
      settings: ['teacher', 'loss'],
    });
  });

  it('maps: one whose axes lie otherwise, and classes for each of several places', async () => {
    const folder = await temporaryFolder();
    const data = join(folder, 'x.npy');
    const values = Array.from({ length: 40 * 12 }, (_, i) => Math.sin(i));
    await writeFile(data, npyBytes('<f4', [40, 1, 3, 4], littleEndian.float32(values)));
    const save = async (name: string, end: string): Promise<string> => {
      const text = `
        opset 13
        x: float[N,1,3,4]
        w = float[2,1,1,1]
        v = float[2,2,1,1]
        h = Conv(x, w)
        r = Relu(h)
        z = Conv(r, v)
        ${end}`;
      const path = join(folder, name);
      await writeFile(path, Buffer.concat(encodeModel(parseGraph(text).model)));
      return path;
    };
    const first = await save('first.onnx', '-> z');
    const last = await save('last.onnx', 't = Transpose(z) perm=[0,2,3,1]\n-> t');
    const softmax = await save('softmax.onnx', 'p = Softmax(z) axis=1\n-> p');
    await expect(run(first, data, { ...distilling, ...taughtBy(last) })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('this teacher gives [3, 4, 2] for a sample, the model [2, 3, 4]'),
      settings: ['teacher'],
    });
    await expect(run(softmax, data, { ...distilling, ...taughtBy(first) })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('gives classes for each of several places ([2, 3, 4] a sample)'),
    });
  });

  it('the model itself, under its own name or another, where nothing sets the two apart', async () => {
    const student = await network(16, 3, 'Softmax');
    const copy = join(await temporaryFolder(), 'copy.onnx');
    await copyFile(student, copy);
    const data = await dataset(false);
    for (const options of [{}, taughtBy('self'), taughtBy(student), taughtBy(copy, null, 4)]) {
      await expect(run(student, data, { ...distilling, ...options })).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringContaining('nothing to learn'),
        settings: ['teacher', 'data'],
      });
    }
    // smoothed labels are none of distillation's
    const smoothed = { ...distilling, training: { ...settings, labelSmoothing: 0.1 } };
    await expect(run(student, data, smoothed)).rejects.toMatchObject({ kind: 'input' });
    // beside labels there is something to learn
    const beside = await run(student, await dataset(true), { ...taughtBy(copy), training: { ...settings, epochs: 1 } });
    expect(beside.settings).toMatchObject({ distillWeight: 0.5, temperature: 4 });
    const alone = run(student, await dataset(true), taughtBy('self', 1));
    await expect(alone).rejects.toMatchObject({ kind: 'input', what: expect.stringContaining('nothing to learn') });
  });

  it.each([
    [{ distill: { teacher: null, distillWeight: 0.5, temperature: null } }, ['teacher']],
    [{ distill: { teacher: null, distillWeight: null, temperature: 2 } }, ['teacher']],
    [{ ...distilling, distill: { teacher: 'a.onnx', distillWeight: 0.5, temperature: 1 } }, ['distillWeight', 'task']],
  ] as const)('settings that would have no effect: %j', async (changes, named) => {
    await expect(run('absent.onnx', 'absent.npz', changes)).rejects.toMatchObject({ kind: 'usage', settings: named });
  });

  it('a temperature where there are no logits', async () => {
    const [teacher, student] = [await network(8, 3, null), await network(16, 3, null)];
    const options = { ...distilling, ...taughtBy(teacher, null, 2) };
    await expect(run(student, await dataset(false), options)).rejects.toMatchObject({
      kind: 'usage',
      settings: ['temperature', 'loss'],
    });
  });
});

it('a run that is resumed has what its teacher said, wherever the file lies; of another teacher it is another run', async () => {
  const [teacher, other, student] = [
    await network(32, 3, 'Softmax'),
    await network(33, 3, 'Softmax'),
    await network(16, 3, 'Softmax'),
  ];
  const data = await dataset(false);
  const uninterrupted = await run(student, data, { ...distilling, ...taughtBy(teacher) });
  const abort = new AbortController();
  let steps = 0;
  const onStep = (): void => {
    if (++steps === 9) abort.abort();
  };
  const stopping = { onStep, signal: abort.signal };
  const interrupted = { ...distilling, ...taughtBy(teacher) };
  await expect(run(student, data, interrupted, stopping)).rejects.toMatchObject({ kind: 'interrupted' });
  const runs = join(dirname(student), '.frelu', 'runs');
  const folder = present((await readdir(runs)).toSorted().at(-1), 'the folder of the run');
  const artifact = join(runs, folder, 'artifacts', 'teacher.artifact');
  const { mtimeMs } = await stat(artifact);

  const resume = { ...distilling, resume: true };
  await expect(run(student, data, { ...resume, ...taughtBy(other) })).rejects.toMatchObject({ kind: 'usage' });
  const moved = join(await temporaryFolder(), 'moved.onnx');
  await rename(teacher, moved);
  const resumed = await run(student, data, { ...resume, ...taughtBy(moved) });
  expect((await stat(artifact)).mtimeMs).toBe(mtimeMs);
  const curve = ({ arms }: MigrateResult) => arms.frelu.curve.map(({ validationLoss }) => validationLoss);
  expect(curve(resumed)).toEqual(curve(uninterrupted));
  expect(resumed.arms.frelu.test).toEqual(uninterrupted.arms.frelu.test);
});
