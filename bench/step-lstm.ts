import { inTurn, threads } from './measure.js';
import { type NetworkName, networks } from './networks.js';
import { noPeer, openTrainingPeer } from './peer.js';
import { milliseconds, type Row, ratio, section } from './print.js';
import { openStep } from './training.js';

const task = { batch: 32, batchNorm: 'frozen', scope: 'all' } as const;
const names: readonly NetworkName[] = ['lstm50', 'lstm200', 'lstm800'];

/** How a recurrent layer's training grows with its steps: the graph, the seconds until two steps are taken, a step beside PyTorch's. */
export async function run(): Promise<void> {
  const rows: Row[] = [];
  let lacksPeer = false;
  for (const name of names) {
    const network = networks[name];
    const began = performance.now();
    const ours = await openStep(network.build(), task, true);
    await ours.run(1);
    const opening = (performance.now() - began) / 1000;
    const peer = await openTrainingPeer({ ...task, network: name, threads });
    lacksPeer ||= peer === null;
    const [own = Number.NaN, theirs] = await inTurn(peer === null ? [ours] : [ours, peer]);
    await ours.release();
    await peer?.close();
    rows.push([
      network.title,
      `${ours.nodes} nodes`,
      `${opening.toFixed(1)} s to the second step`,
      `${milliseconds(own)} a step`,
      ...(peer === null || theirs === undefined
        ? []
        : [`${peer.name}: ${milliseconds(theirs)}`, `${ratio(theirs / own)} its speed`]),
    ]);
  }
  await section(
    `P11  full step of an LSTM, 64 units, batch ${task.batch}, ${threads} threads`,
    rows,
    lacksPeer ? noPeer('PyTorch') : undefined,
  );
}
