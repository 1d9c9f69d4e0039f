import { type Contestant, median, threads } from '../measure.js';
import { openTrainingPeer } from '../peer.js';
import { megabytes, milliseconds, type Row, ratio, section, share } from '../print.js';
import { openStep, type StepTask, stepOperations } from '../training.js';
import { profileStep } from '../webgpu-profile.js';
import { usedDeviceBytes } from './memory.js';
import type { CudaPeer } from './torch.js';

/** What is known of the machine before anything is measured. */
export interface Machine {
  /** that WebGPU reaches in multiplying float32 matrices */
  readonly gigaflops: number;
  readonly torch: CudaPeer | null;
}

/** Seconds that a contestant takes steps for, after the two in which it warms up; and the fewest. */
const [secondsEach, fewest] = [5, 3];

/** A step on WebGPU, as the network came and migrated, and PyTorch's on CUDA: with what it takes of the device, and of its peak. */
export async function compareOnDevice(name: string, task: StepTask, { gigaflops, torch }: Machine): Promise<void> {
  const { network, batch, scope } = task;
  const model = network.build();
  const { onDevice, onHost, dispatches, bytes } = await profileStep(model, task);
  const peak = 1e9 * (torch?.gigaflops ?? gigaflops);
  const operations = await stepOperations(model, batch, scope);
  const row = (who: string, { seconds, memory }: Taken): Row => [
    who,
    milliseconds(seconds),
    `${(batch / seconds).toFixed(0)} samples/s`,
    `${share(operations / seconds / peak)} of the peak`,
    memory === null ? '' : `${megabytes(memory)} on the GPU`,
  ];
  const ours: Taken[] = [];
  for (const migrated of [false, true]) {
    ours.push(await taken(() => openStep(model, task, migrated, { provider: 'webgpu' })));
  }
  const theirs = torch === null ? null : await taken(() => peerOf(task));
  await section(
    `${name.toUpperCase()}  ${network.title}, batch ${batch}, ${task.batchNorm} statistics, ${scope}, WebGPU`,
    [
      ...['ours, ReLU', 'ours, FReLU'].flatMap((who, i): Row[] => {
        const own = ours[i];
        if (own === undefined) return [];
        return [[...row(who, own), theirs === null ? '' : `${ratio(theirs.seconds / own.seconds)} its speed`]];
      }),
      ...(torch === null || theirs === null ? [] : [row(torch.name, theirs)]),
      [
        'a step, FReLU',
        `${onDevice + onHost} nodes`,
        `${onHost} on the CPU`,
        dispatches === null ? 'dispatches are not told here' : `${dispatches} dispatches`,
        `${bytes} bytes copied`,
      ],
      ['product of matrices', `${(peak / 1e9).toFixed(1)} GFLOP/s`],
    ],
  );
}

interface Taken {
  readonly seconds: number;
  /** bytes of the device that it has beyond what was in use before; null where that is not known */
  readonly memory: number | null;
}

/** The median of its steps, and its memory, when it has taken them. */
async function taken(open: () => Promise<Contestant & { release(): Promise<void> }>): Promise<Taken> {
  const before = await usedDeviceBytes();
  const contestant = await open();
  const [, second = Number.NaN] = await contestant.run(2);
  const steps = await contestant.run(Math.max(fewest, Math.min(200, Math.ceil(secondsEach / second))));
  const after = await usedDeviceBytes();
  await contestant.release();
  return { seconds: median(steps), memory: before === null || after === null ? null : after - before };
}

async function peerOf({ network, batch, batchNorm, scope }: StepTask) {
  const peer = await openTrainingPeer({ network: network.name, batch, batchNorm, scope, threads, device: 'cuda' });
  if (peer === null) throw new Error('PyTorch is there no longer');
  return { run: peer.run, release: peer.close };
}
