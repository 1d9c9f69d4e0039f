/**
 * `npm run bench -- p1 p5`: runs the benchmarks that are named, or all, each in a process of its own: what one leaves in memory
 * would slow the next. With `--rounds 5` all of them five times, and then each figure's median and range. docs/benchmarks.md says
 * what each of these names stands for.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { present } from '../src/contract/present.js';
import { print, type Section } from './print.js';
import { overRounds } from './rounds.js';

const benchmarks: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  p1: () => import('./step-resnet20-batch-statistics.js'),
  p2: () => import('./step-resnet20-frozen-and-biases.js'),
  p3: () => import('./step-resnet18.js'),
  p4: () => import('./step-smallnet.js'),
  p5: () => import('./inference-latency.js'),
  p6: () => import('./large-file-rewrite.js'),
  p7: () => import('./process-start.js'),
  p8: () => import('./webgpu-copies.js'),
  p9: () => import('./step-memory.js'),
  p10: () => import('./step-scaling.js'),
  p11: () => import('./whole-job.js'),
  p12: () => import('./first-step.js'),
  p13: () => import('./image-folder.js'),
  'p13-20000': async () => ({ run: (await import('./image-folder.js')).runMany }),
  p14: () => import('./step-layers-model.js'),
  p15: () => import('./evaluation-rate.js'),
  p17: () => import('./frelu-price.js'),
  forms: () => import('./form-costs.js'),
  half: () => import('./half-sums.js'),
  lstm: () => import('./step-lstm.js'),
  torchvision: () => import('./torchvision.js'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '1' } },
});
const named = positionals.map((name) => name.toLowerCase());
const unknown = named.filter((name) => benchmarks[name] === undefined);
const rounds = Number(values.rounds);
if (unknown.length > 0) {
  process.stderr.write(
    `There is no benchmark ${unknown.join(', ')}. There are ${Object.keys(benchmarks).join(', ')}.\n`,
  );
  process.exitCode = 2;
} else if (!Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`--rounds takes a whole number, at least 1: '${values.rounds}' is none.\n`);
  process.exitCode = 2;
} else {
  const chosen = named.length === 0 ? Object.keys(benchmarks) : named;
  const [first, ...others] = chosen;
  if (first !== undefined && others.length === 0 && rounds === 1) {
    const load = present(benchmarks[first], `the benchmark ${first}`);
    await (await load()).run();
  } else await runRounds(chosen, rounds);
}

/** Round after round, so that what a machine does meanwhile meets all benchmarks; then each result over all rounds. */
async function runRounds(names: readonly string[], rounds: number): Promise<void> {
  const results: Section[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const child = fork(fileURLToPath(import.meta.url), [name]);
      child.on('message', (result: Section) => results.push(result));
      const [status] = await once(child, 'exit');
      if (status !== 0) process.exitCode = 1;
    }
  }
  if (rounds === 1) return;
  process.stdout.write(`Over ${rounds} rounds: medians, and ranges\n\n`);
  for (const result of overRounds(results)) await print(result);
}
