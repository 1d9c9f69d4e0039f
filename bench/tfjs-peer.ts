import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Contestant } from './measure.js';
import { linesOf } from './peer.js';

const child = fileURLToPath(new URL('tfjs-peer-process.js', import.meta.url));

/** tfjs-node in a process of its own, which takes steps of a LayersModel when it is asked to; null where $FRELU_TFJS_NODE names no project that has it. */
export async function openTfjsPeer(
  model: string,
  batch: number,
): Promise<(Contestant & { readonly name: string; close(): Promise<void> }) | null> {
  const { FRELU_TFJS_NODE: project } = process.env;
  if (project === undefined) return null;
  const peer = spawn(process.execPath, [child, project, model, String(batch)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = linesOf(peer);
  const { name }: { name?: unknown } = JSON.parse(await answers());
  return {
    name: String(name),
    async run(count) {
      peer.stdin.write(`${count}\n`);
      const { seconds }: { seconds?: unknown } = JSON.parse(await answers());
      return Array.isArray(seconds) ? seconds.map(Number) : [];
    },
    async close() {
      const ended = new Promise((resolve) => peer.once('exit', resolve));
      peer.stdin.end();
      await ended;
    },
  };
}
