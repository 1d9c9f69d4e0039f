import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeModel } from '../src/model/onnx/write.js';
import { endedNode } from './command.js';
import { median, threads } from './measure.js';
import { type Network, networks } from './networks.js';
import { noPeer, openTrainingPeer } from './peer.js';
import { type Row, ratio, section } from './print.js';

const batch = 8;
const runs = 3;
const child = fileURLToPath(new URL('first-step-process.js', import.meta.url));

/**
 * From the start of a process to the end of its first training step: ours reads the model's file, migrates it, builds the step and opens its
 * session; PyTorch's is imported and builds the model. In turns.
 */
export async function run(): Promise<void> {
  const { resnet50, densenet121, mobilenetv2, lstm200x2 } = networks;
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  const rows: Row[] = [];
  let lacksPeer = false;
  for (const network of [resnet50, densenet121, mobilenetv2, lstm200x2]) {
    const path = join(folder, `${network.name}.onnx`);
    await writeFile(path, Buffer.concat(encodeModel(network.build().model)));
    const ours: number[] = [];
    const theirs: number[] = [];
    let peer = '';
    for (let i = 0; i < runs; i++) {
      const { seconds, code, errors } = await endedNode([child, path, String(batch)]);
      if (code !== 0) throw new Error(errors);
      ours.push(seconds);
      const first = await firstStepOfPeer(network);
      if (first === null) continue;
      theirs.push(first.seconds);
      peer = first.name;
    }
    lacksPeer ||= theirs.length === 0;
    const [own, other] = [median(ours), median(theirs)];
    rows.push([
      network.title,
      `${own.toFixed(1)} s`,
      ...(theirs.length === 0 ? [] : [`${peer}: ${other.toFixed(1)} s`, `${ratio(own / other)} its time`]),
    ]);
  }
  await rm(folder, { recursive: true });
  await section(
    `P12  from the start of a process to the end of its first step, batch ${batch}, ${threads} threads`,
    rows,
    lacksPeer ? noPeer('PyTorch') : undefined,
  );
}

async function firstStepOfPeer({ name }: Network): Promise<{ name: string; seconds: number } | null> {
  const peer = await openTrainingPeer({ network: name, batch, batchNorm: 'frozen', scope: 'all', threads });
  if (peer === null) return null;
  await peer.run(1);
  const seconds = (performance.now() - peer.began) / 1000;
  await peer.close();
  return { name: peer.name, seconds };
}
