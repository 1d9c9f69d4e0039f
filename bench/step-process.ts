import { present } from '../src/contract/present.js';
import { peakBytes } from './measure.js';
import { networks } from './networks.js';
import { openStep, type StepTask } from './training.js';

/** A process of its own for P9: takes the steps that its argument asks for, and prints what it had when loaded and its peak, in bytes. */
type Task = Omit<StepTask, 'network'> & { readonly network: keyof typeof networks; readonly steps: number };
const task: Task = JSON.parse(present(process.argv[2], 'the task'));
const loaded = await peakBytes();
const step = await openStep(networks[task.network].build(), task, true);
await step.run(task.steps);
process.stdout.write(JSON.stringify({ loaded, peak: await peakBytes() }));
await step.release();
