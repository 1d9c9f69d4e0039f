import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { threads } from './measure.js';
import { networks } from './networks.js';
import { noPeer, openTrainingPeer } from './peer.js';
import { megabytes, type Row, ratio, section } from './print.js';

const steps = 10;
const task = { batch: 64, batchNorm: 'batch', scope: 'all' } as const;

/** The peak of a process that takes the steps of P1, ours and PyTorch's, each with all that its runtime loads. */
export async function run(): Promise<void> {
  const child = fileURLToPath(new URL('step-process.js', import.meta.url));
  const parameters = JSON.stringify({ ...task, network: networks.resnet20.name, steps });
  const { stdout } = await promisify(execFile)(process.execPath, [child, parameters]);
  const ours: { readonly loaded: number; readonly peak: number } = JSON.parse(stdout);
  const row = (who: string, peak: number, loaded: number): Row => [
    who,
    megabytes(peak),
    `${megabytes(peak - loaded)} beyond the loaded runtime`,
  ];
  const rows: Row[] = [row('ours, FReLU', ours.peak, ours.loaded)];
  const peer = await openTrainingPeer({ ...task, network: networks.resnet20.name, threads });
  if (peer !== null) {
    await peer.run(steps);
    const [peak, beyond] = [peer.peakBytes(), peer.peakBytes() - peer.loadedBytes];
    const compared = `ours is ${ratio(ours.peak / peak)} its memory, ${ratio((ours.peak - ours.loaded) / beyond)} beyond the runtime`;
    rows.push([...row(peer.name, peak, peer.loadedBytes), compared]);
    await peer.close();
  }
  await section(
    `P9  peak memory of the full step, ${networks.resnet20.title}, batch ${task.batch}`,
    rows,
    peer === null ? noPeer('PyTorch') : undefined,
  );
}
