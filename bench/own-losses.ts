/**
 * `npm run own-losses -- FOLDER`: ten steps of SGD with momentum on the networks and losses that bench/peers/own_losses.py exported into FOLDER,
 * against PyTorch's own. Compared are the loss before each step and, after the last, every parameter: |ours - PyTorch's| as a share of how
 * far PyTorch moved it. Ends with 1 where one is more than a ten-thousandth off.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { JudgedOutput } from '../src/autodiff/lower/expose-loss.js';
import { type BatchPart, parametersIn } from '../src/autodiff/step.js';
import { present } from '../src/contract/present.js';
import { numbers } from '../src/data/readers/npy.js';
import { npz } from '../src/data/readers/npz.js';
import { loadModel } from '../src/model/load.js';
import { elementCount, readFloats } from '../src/model/tensor.js';
import { loadOwnGraphs } from '../src/reading/own-graphs.js';
import { type Feed, signatureOf, tensorsFor } from '../src/runtime/predictor.js';
import { makeTrainable, prepareStep, type StepSettings, type Trainable } from '../src/training/prepare.js';
import { type StepFeed, Stepper } from '../src/training/stepper.js';
import { type Row, section } from './print.js';

const aboutSchema = v.object({
  batch: v.number(),
  rate: v.number(),
  momentum: v.number(),
  losses: v.array(v.number()),
  inputs: v.array(v.string()),
  targets: v.array(v.string()),
  outputs: v.optional(
    v.array(
      v.object({
        name: v.string(),
        key: v.string(),
        loss: v.picklist(['cross-entropy', 'mse']),
        width: v.number(),
        scale: v.optional(v.number()),
      }),
    ),
  ),
});
type About = v.InferOutput<typeof aboutSchema>;
type Arrays = ReadonlyMap<string, Feed>;

const most = 1e-4;

async function arraysOf(path: string): Promise<Arrays> {
  const source = await present(npz.arrays, 'the arrays of an .npz file')(path);
  const arrays = await source.read(source.names);
  return new Map(
    [...arrays].map(([name, array]) => {
      const feed = { values: Float32Array.from(numbers(`${path}: ${name}`, array)), shape: array.shape.slice(1) };
      return [name, feed] as const;
    }),
  );
}

/** One batch of an array. */
function batchOf(arrays: Arrays, name: string, step: number, batch: number): Feed {
  const { values, shape } = present(arrays.get(name), `the array '${name}'`);
  const size = elementCount(shape);
  return { values: values.subarray(step * batch * size, (step + 1) * batch * size), shape };
}

const shapesOf = (arrays: Arrays, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, present(arrays.get(name), `the array '${name}'`).shape] as const));

function settingsOf({ inputs, targets, momentum, outputs = [] }: About, arrays: Arrays): StepSettings {
  const [first, ...others] = outputs;
  return {
    provider: 'cpu',
    loss: first?.loss ?? 'mse',
    optimizer: { kind: 'sgd', momentum, nesterov: false, weightDecay: 0 },
    batchNorm: 'frozen',
    clipNorm: null,
    sampleShapes: shapesOf(arrays, inputs),
    lossShapes: shapesOf(arrays, targets),
    others: others.map(({ loss, scale }) => ({ loss, ...(scale !== undefined && { targetScale: [scale] }) })),
  };
}

function feedOf({ batch, inputs, outputs = [] }: About, arrays: Arrays, trainable: Trainable, step: number): StepFeed {
  const named = [...inputs.map((name) => [name, name] as const), ...[...(trainable.ownLoss?.targets ?? [])]].map(
    ([name, input]) => [input, batchOf(arrays, name, step, batch)] as const,
  );
  const [targets = new Float32Array(), ...others] = outputs.map(({ key, width }) => {
    const { values } = batchOf(arrays, key, step, batch);
    if (width === 1) return values;
    const oneHot = new Float32Array(batch * width);
    values.forEach((label, i) => {
      oneHot[i * width + label] = 1;
    });
    return oneHot;
  });
  const tensors = tensorsFor(signatureOf(trainable.graph), Object.fromEntries(named), batch);
  return { inputs: tensors, targets, others, count: batch };
}

/** The largest relative difference of a loss, and of a parameter's way. */
async function compare(folder: string, lossFile: string | null): Promise<{ losses: number; weights: number }> {
  const about = v.parse(aboutSchema, JSON.parse(await readFile(join(folder, 'steps.json'), 'utf8')));
  const arrays = await arraysOf(join(folder, 'data.npz'));
  const wanted = await arraysOf(join(folder, 'weights.npz'));
  const model = await loadModel(join(folder, 'model.onnx'));
  const own = await loadOwnGraphs(model, { loss: lossFile === null ? null : { file: lossFile }, metric: null });
  const judged = (about.outputs ?? []).map(({ name, loss }): JudgedOutput => {
    return { output: name, loss, scores: loss === 'mse' ? 'values' : 'logits' };
  });
  const trainable = makeTrainable(model.path, model.graph, 'all', [], judged, own?.loss ?? null);
  const settings = settingsOf(about, arrays);
  const build = (size: number, part: BatchPart) => prepareStep(trainable, size, settings, part);
  const stepper = new Stepper(build, trainable.graph);
  try {
    const rates = { weights: about.rate, sites: about.rate };
    let losses = 0;
    for (const [step, theirs] of about.losses.entries()) {
      const ours = await stepper.run(feedOf(about, arrays, trainable, step), rates);
      losses = Math.max(losses, Math.abs(ours - theirs) / Math.abs(theirs));
    }
    const { groups } = await stepper.step(about.batch);
    const trained = parametersIn(groups, await stepper.read());
    if (trained.size !== wanted.size)
      throw new Error(`${trained.size} parameters are trained, ${wanted.size} by PyTorch`);
    let weights = 0;
    for (const [name, theirs] of wanted) {
      const ours = present(trained.get(name), `the parameter '${name}'`);
      const before = readFloats(present(model.graph.initializer(name), `the initializer '${name}'`));
      weights = Math.max(weights, distance(ours, theirs.values) / distance(before, theirs.values));
    }
    return { losses, weights };
  } finally {
    await stepper.release();
  }
}

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? Number.NaN)) ** 2, 0));

const [, , folder] = process.argv;
if (folder === undefined) throw new Error('usage: npm run own-losses -- FOLDER');
const rows: Row[] = [['network', 'loss', 'losses of 10 steps', 'parameters after them']];
for (const name of ['keypoints', 'triplets', 'classes', 'both']) {
  const place = join(folder, name);
  const files = ['loss-script.onnx', 'loss-dynamo.onnx'].filter((file) => existsSync(join(place, file)));
  for (const file of files.length === 0 ? [null] : files) {
    const { losses, weights } = await compare(place, file === null ? null : join(place, file));
    if (!(losses <= most && weights <= most)) process.exitCode = 1;
    rows.push([name, file ?? 'cross-entropy + mse', losses.toExponential(1), weights.toExponential(1)]);
  }
}
await section('Largest relative difference to PyTorch', rows);
