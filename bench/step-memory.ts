import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { threads } from './measure.js';
import { networks } from './networks.js';
import { noPeer, openTrainingPeer } from './peer.js';
import { megabytes, type Row, ratio, section } from './print.js';
import type { StepTask } from './training.js';

const steps = 10;
const { resnet20, resnet18, densenet121, densenet121x224, vgg11 } = networks;
const tasks: readonly StepTask[] = [
  { network: resnet20, batch: 64, batchNorm: 'batch', scope: 'all' },
  { network: resnet18, batch: 8, batchNorm: 'batch', scope: 'all' },
  ...[densenet121, densenet121x224, vgg11].map((network) => {
    return { network, batch: 8, batchNorm: 'frozen', scope: 'all' } as const;
  }),
];

/** The peak of a process that takes steps: those of P1, and of networks that need much; ours and PyTorch's, each with all that its runtime loads. */
export async function run(): Promise<void> {
  for (const task of tasks) await compareMemory(task);
}

async function compareMemory(task: StepTask): Promise<void> {
  const { network, batch } = task;
  const child = fileURLToPath(new URL('step-process.js', import.meta.url));
  const parameters = JSON.stringify({ ...task, network: network.name, steps });
  const { stdout } = await promisify(execFile)(process.execPath, [child, parameters]);
  const ours: { readonly loaded: number; readonly peak: number } = JSON.parse(stdout);
  const row = (who: string, peak: number, loaded: number): Row => [
    who,
    megabytes(peak),
    `${megabytes(peak - loaded)} beyond the loaded runtime`,
  ];
  const rows: Row[] = [row('ours, FReLU', ours.peak, ours.loaded)];
  const peer = await openTrainingPeer({ ...task, network: network.name, threads });
  if (peer !== null) {
    await peer.run(steps);
    const [peak, beyond] = [peer.peakBytes(), peer.peakBytes() - peer.loadedBytes];
    const compared = `ours is ${ratio(ours.peak / peak)} its memory, ${ratio((ours.peak - ours.loaded) / beyond)} beyond the runtime`;
    rows.push([...row(peer.name, peak, peer.loadedBytes), compared]);
    await peer.close();
  }
  await section(
    `P9  peak memory of the full step, ${network.title}, batch ${batch}, ${task.batchNorm} statistics`,
    rows,
    peer === null ? noPeer('PyTorch') : undefined,
  );
}
