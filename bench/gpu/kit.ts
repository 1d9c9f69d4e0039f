/**
 * What the kit of `npm run gpu-kit` runs: the steps of p1 to p4 on WebGPU, beside PyTorch's on CUDA where a Python has it, and a whole
 * migration of a model that ships with the package. Arguments name steps (p1, p2 ...) or `migrate`; without any it is all. `--batch N` takes
 * another batch: an adapter in software computes a few samples in the time in which a GPU computes all.
 */
import { parseArgs } from 'node:util';
import { discoverDevices } from '../../src/runtime/devices.js';
import { networks } from '../networks.js';
import type { StepTask } from '../training.js';
import { compareMigrations } from './migration.js';
import { compareOnDevice, type Machine } from './steps.js';
import { cudaPeer } from './torch.js';

const { resnet20, resnet18, smallnet } = networks;
const steps: Readonly<Record<string, StepTask>> = {
  p1: { network: resnet20, batch: 64, batchNorm: 'batch', scope: 'all' },
  p2: { network: resnet20, batch: 64, batchNorm: 'frozen', scope: 'all' },
  'p2-biases': { network: resnet20, batch: 64, batchNorm: 'frozen', scope: 'biases' },
  p3: { network: resnet18, batch: 8, batchNorm: 'batch', scope: 'all' },
  'p3-frozen': { network: resnet18, batch: 8, batchNorm: 'frozen', scope: 'all' },
  p4: { network: smallnet, batch: 128, batchNorm: 'frozen', scope: 'all' },
};

const { values, positionals: named } = parseArgs({ allowPositionals: true, options: { batch: { type: 'string' } } });
const batch = values.batch === undefined ? {} : { batch: Number(values.batch) };
const isWanted = (name: string): boolean => named.length === 0 || named.includes(name);
const unknown = named.filter((name) => name !== 'migrate' && steps[name] === undefined);
const [device] = await discoverDevices(['webgpu']);
if (unknown.length > 0) {
  process.stderr.write(
    `There is no ${unknown.join(', ')}. There are ${[...Object.keys(steps), 'migrate'].join(', ')}.\n`,
  );
  process.exitCode = 2;
} else if (device === undefined || !device.usable) {
  process.stderr.write(`WebGPU cannot be used here: ${device?.reason ?? 'there is no such device'}\n`);
  process.exitCode = 1;
} else {
  const machine: Machine = { gigaflops: device.gigaflops ?? Number.NaN, torch: await cudaPeer() };
  for (const [name, task] of Object.entries(steps))
    if (isWanted(name)) await compareOnDevice(name, { ...task, ...batch }, machine);
  if (isWanted('migrate')) await compareMigrations();
}
