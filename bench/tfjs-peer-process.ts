import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type * as Tfjs from '@tensorflow/tfjs';
import { present } from '../src/contract/present.js';

/**
 * Training steps of tfjs-node, on demand: the project that has it, the model.json and the batch size are the arguments, then a line of standard
 * input for each turn is the number of steps to take. Answers are lines of JSON: what runs; then the seconds of each step.
 */
const [project = '', path = '', size] = process.argv.slice(2);
const batch = Number(size);
const tf: typeof Tfjs = createRequire(join(project, 'from.js'))('@tensorflow/tfjs-node');
const { modelTopology, weightsManifest }: Tfjs.io.ModelJSON = JSON.parse(await readFile(path, 'utf8'));
const [{ weights: weightSpecs, paths } = { weights: [], paths: [] }] = weightsManifest;
const bytes = await readFile(join(dirname(path), present(paths[0], 'the path of the weights')));
const weightData = Uint8Array.from(bytes).buffer;
const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
model.compile({ optimizer: tf.train.momentum(0.01, 0.9), loss: 'categoricalCrossentropy' });
const [input, output] = [model.inputs[0], model.outputs[0]].map((value) =>
  present(value, 'a tensor of the model').shape.slice(1).map(Number),
);
const x = tf.randomUniform([batch, ...(input ?? [])]);
const y = tf.oneHot(tf.randomUniform([batch], 0, output?.[0] ?? 1, 'int32'), output?.[0] ?? 1);
const answer = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({ name: `tfjs-node ${tf.version['tfjs-core']}, ${tf.getBackend()}` });
for await (const line of createInterface({ input: process.stdin })) {
  const seconds: number[] = [];
  for (let i = 0; i < Number(line); i++) {
    const began = performance.now();
    await model.trainOnBatch(x, y);
    seconds.push((performance.now() - began) / 1000);
  }
  answer({ seconds });
}
