import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { endedProgram } from './command.js';
import { median, threads } from './measure.js';
import { type NetworkName, networks } from './networks.js';
import { noPeer, pythonWith, runPeer } from './peer.js';
import { type Row, ratio, section } from './print.js';

const names: readonly NetworkName[] = ['smallnet', 'resnet8'];
const [epochs, batch, runs] = [2, 64, 5];
const { FRELU_FASHION_MNIST: data = fileURLToPath(new URL('../../fixtures/data', import.meta.url)) } = process.env;

/**
 * The whole job, from the command to the verdict, two arms of two epochs, beside a script in PyTorch that loads, evaluates, trains twice and
 * evaluates; and to the end of the process, which explains the verdict and writes the report. On the IDX files of $FRELU_FASHION_MNIST, else on the small part of them that this package has.
 */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  const python = await pythonWith('torch');
  const rows: Row[] = [];
  try {
    for (const name of names) {
      const model = join(folder, `${name}.onnx`);
      await writeFile(model, toBinary(ModelProtoSchema, networks[name].build().model));
      const seconds: { verdict: number[]; end: number[]; peer: number[] } = { verdict: [], end: [], peer: [] };
      let title = '';
      for (let i = 0; i < runs; i++) {
        const job = await migrate(model, join(folder, `${name}-${i}`));
        seconds.verdict.push(job.verdict);
        seconds.end.push(job.end);
        if (python === null) continue;
        const task = { network: name, data, epochs, batch, threads };
        const peer = await runPeer(python, 'whole_job.py', [JSON.stringify(task)]);
        title = peer.name;
        seconds.peer.push(peer.seconds);
      }
      const peer = median(seconds.peer);
      for (const [until, ours] of [
        ['to the verdict', seconds.verdict],
        ['to the end', seconds.end],
      ] as const) {
        rows.push([
          networks[name].title,
          until,
          `${median(ours).toFixed(1)} s (${range(ours)})`,
          ...(python === null
            ? []
            : [`${title} ${peer.toFixed(1)} s (${range(seconds.peer)})`, `${ratio(peer / median(ours))} as fast`]),
        ]);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const title = 'P11  from the command to the verdict';
  await section(title, [['', '', 'ours', ''], ...rows], ...(python === null ? [noPeer('PyTorch')] : []));
}

/** The seconds of a migration that writes no model: until its verdict is told, and until its process ends. */
async function migrate(model: string, folder: string): Promise<{ readonly verdict: number; readonly end: number }> {
  const settings = { data, epochs, 'batch-size': batch, lr: 0.01, patience: epochs, 'run-dir': folder };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { code, seconds, errors, told } = await endedProgram([model, ...words, '--trust-reading', '--dry-run']);
  const verdict = told.find(({ text }) => /^verdict: /m.test(text));
  if ((code !== 0 && code !== 4) || verdict === undefined) throw new Error(errors);
  return { verdict: verdict.seconds, end: seconds };
}

const range = (seconds: readonly number[]): string =>
  `${Math.min(...seconds).toFixed(1)} to ${Math.max(...seconds).toFixed(1)}`;
