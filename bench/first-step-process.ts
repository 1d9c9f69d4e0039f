import { present } from '../src/contract/present.js';
import { loadModel } from '../src/model/load.js';
import { openStep } from './training.js';

/** A process of its own for P12: loads the model that its first argument names, takes one step on as many samples as the second says, and ends. */
const [path, batch] = process.argv.slice(2);
const { graph } = await loadModel(present(path, 'the path of a model'));
const step = await openStep(graph, { batch: Number(batch), batchNorm: 'frozen', scope: 'all' }, true);
await step.runOne();
process.exit(0);
