/**
 * `npm run fuzz -- SECONDS [SEED [TARGET]]`: bad models, data, journals and runs, made from good ones, are read as the commands read them,
 * in this process. Each must be used or refused (a Failure); what ends otherwise is kept in test/fuzz/corpus, which the tests read again.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { search } from './fuzz/search.js';
import type { Target } from './fuzz/target.js';
import { targets } from './fuzz/targets.js';

const [seconds = '60', seed = '1', only] = process.argv.slice(2);
const home = fileURLToPath(new URL('../../test/fuzz/', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'frelu-fuzz-'));
const wanted = only === undefined ? targets : targets.filter(({ name }) => name === only);
const perRound = 400;

const executions = new Map<string, number>();
const findings: string[] = [];

async function keep(target: Target, input: Uint8Array, error: unknown): Promise<void> {
  const name = createHash('sha256').update(input).digest('hex').slice(0, 12);
  await mkdir(join(home, 'corpus', target.name), { recursive: true });
  await writeFile(join(home, 'corpus', target.name, name), input);
  const [first = '', ...stack] = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split('\n');
  const where = stack.find((line) => /\/(src|transforms)\//.test(line))?.trim() ?? '';
  findings.push(`${target.name}/${name}: ${first.slice(0, 200)} ${where}`);
  console.log(`FOUND ${findings.at(-1)}`);
}

const end = performance.now() + 1000 * Number(seconds);
for (let round = 0; performance.now() < end && wanted.length > 0; round++) {
  for (const target of wanted) {
    const left = end - performance.now();
    if (left <= 0) break;
    const found = await search(target, {
      seed: Number(seed) + round,
      runs: perRound,
      within: Math.min(left, (1000 * Number(seconds)) / wanted.length),
      folder: join(folder, 'input'),
      seeds: join(home, 'seeds'),
      // what ends the process is the last one of its target
      before: (input) => writeFileSync(join(folder, `last-${target.name}`), input),
    });
    executions.set(target.name, (executions.get(target.name) ?? 0) + found.executions);
    if (found.finding !== null) await keep(target, found.finding.input, found.finding.error);
  }
}
await rm(folder, { recursive: true, force: true });
for (const [name, count] of executions) console.log(`${name.padEnd(14)} ${count}`);
const total = [...executions.values()].reduce((sum, count) => sum + count, 0);
console.log(`${total} executions, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
