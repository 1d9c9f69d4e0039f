import { present } from '../src/contract/present.js';
import { storedBatches } from '../src/data/batches.js';
import { createInputs, keepThreadsBusy } from '../src/data/inputs.js';
import { openDataset } from '../src/data/open.js';
import { planPreprocessing } from '../src/data/preprocess.js';
import { pixelPrologues } from '../src/reading/fed-predictor.js';
import { signatureOf, tensorsFor } from '../src/runtime/predictor.js';
import { makeTrainable, prepareStep, type StepSettings } from '../src/training/prepare.js';
import { type StepFeed, Stepper } from '../src/training/stepper.js';
import { peakBytes } from './measure.js';
import { networks } from './networks.js';

/**
 * A process of its own for P13: an epoch of training over a folder of images, by the batches that `migrate` trains on. Prints what it took, how
 * much of that the step waited for its batch, and the process's peak.
 * Arguments: the folder, the network (patches, resnet18), the size of a batch, how many images at most.
 */
const [folder, name, size, most] = process.argv.slice(2);
const data = await openDataset(present(folder, 'the folder'));
const graph = networks[name === 'resnet18' ? name : 'patches'].build();
const signature = signatureOf(graph);
const [input] = signature.inputs;
const { name: inputName, shape } = present(input, 'the input of the network');
const inputs = [{ name: inputName, ...createInputs(data, planPreprocessing(data, { shape })) }];
const trainable = makeTrainable('the network', graph, 'all');
const settings: StepSettings = {
  provider: 'cpu',
  loss: 'cross-entropy',
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 1e-4 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { [inputName]: shape.slice(1).map((dim) => dim ?? 1) },
  pixels: pixelPrologues(trainable.graph.model, inputs),
};
const stepper = new Stepper((count, part) => prepareStep(trainable, count, settings, part), trainable.graph, {
  session: { besideThreads: keepThreadsBusy(inputs) },
});
const [batchSize, limit] = [Number(size), Math.min(data.count, Number(most))];
const { targetShape } = await stepper.step(batchSize);
const options = { indices: Int32Array.from({ length: limit }, (_, i) => i), batchSize, classes: targetShape[1] ?? 1 };
// as many in one call as training takes
const together = stepper.stepsPerCall;
const began = performance.now();
let waited = 0;
const epoch = storedBatches({ inputs, samples: data }, { ...options, shuffle: { seed: 1, epoch: 0 } });
const feeds: StepFeed[] = [];
for (let isOver = false; !isOver; ) {
  const asked = performance.now();
  const next = await epoch.next();
  waited += performance.now() - asked;
  isOver = next.done === true;
  if (next.done !== true) {
    const { inputs: fed, targets, count } = next.value;
    feeds.push({ inputs: tensorsFor(signature, fed, count), targets, count });
  }
  if (feeds.length < together && !isOver) continue;
  const some = feeds.splice(0);
  const rates = some.map(() => ({ weights: 1e-3, sites: 1e-3 }));
  await stepper.runAll(some, rates);
}
const seconds = (performance.now() - began) / 1000;
await stepper.release();
process.stdout.write(JSON.stringify({ seconds, secondsWaiting: waited / 1000, peakBytes: await peakBytes() }));
