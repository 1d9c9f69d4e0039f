// a training loop of one's own: batches, gradients, a schedule, a state that is kept
import { gradients, plan, read, Stepper, save, type TrainingBatch, trainability } from 'frelu-migrate';

const [path = '', out = ''] = process.argv.slice(2);
const model = await read(path);
const { trained } = await trainability(model);
const planned = await plan(model, { granularity: 'channel' });

const noise = (count: number): TrainingBatch => ({
  inputs: {
    input: { dims: [count, 1, 28, 28], data: Float32Array.from({ length: count * 784 }, (_, i) => (i % 17) / 17) },
  },
  targets: Int32Array.from({ length: count }, (_, i) => i % 10),
});
const { loss, weights, sites } = await gradients(model, noise(4), { loss: 'cross-entropy', plan: planned });
console.log(`loss ${loss.toFixed(3)}, ${weights.size} of ${trained.length} gradients, ${sites.length} sites`);

const stepper = await Stepper.open(model, { loss: 'cross-entropy', plan: planned, optimizer: 'adamw', device: 'cpu' });
let last = Number.NaN;
for (let step = 0; step < 10; step++) last = await stepper.step(noise(8), { lr: 1e-3 });
const { files } = await save(await stepper.network(), out);
await stepper.release();
console.log(`after ${10} steps ${last.toFixed(3)}, ${files.length} file`);
