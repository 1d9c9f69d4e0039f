/**
 * `npm run kill`: a run with two seeds is killed (SIGKILL) at twenty moments from its start to its end, and resumed. Each time the
 * result must be that of a run that nobody killed, but for times and paths, and the model must be the same file.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const moments = Number(process.argv[2] ?? 20);
const program = fileURLToPath(new URL('../bin/frelu-migrate.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
const options = '--seeds 2 --epochs 2 --accept always --yes --device cpu'.split(' ');

/** Starts a run in a folder; killed after some milliseconds, or left to end. Returns its exit code, null where it was killed. */
async function migrate(folder: string, more: readonly string[], killAfter: number | null): Promise<number | null> {
  const data = ['--data', join(fixtures, 'data')];
  const parameters = [program, 'migrate', join(folder, 'plain.onnx'), ...data, ...options, ...more];
  const child = spawn(process.execPath, parameters, { stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('exit', resolve);
  });
  if (killAfter !== null) await Promise.race([sleep(killAfter).then(() => child.kill('SIGKILL')), ended]);
  return ended;
}

/** What must not depend on whether a run was killed: its result but for times and paths, its pages but for both, and the model. */
async function outcomeOf(folder: string): Promise<string> {
  const runs = join(folder, '.frelu', 'runs');
  const finished = [];
  for (const run of await readdir(runs)) {
    const names = await readdir(join(runs, run));
    if (names.includes('report.json')) finished.push(join(runs, run));
  }
  const [run] = finished;
  if (run === undefined || finished.length !== 1) throw new Error(`${runs}: ${finished.length} finished runs`);
  const dropped = new Set(['run', 'seconds', 'samplesPerSecond', 'latency', 'report', 'rollback', 'path']);
  const text = await readFile(join(run, 'report.json'), 'utf8');
  const result = JSON.stringify(JSON.parse(text, (key, value: unknown) => (dropped.has(key) ? undefined : value)));
  const hash = createHash('sha256').update(result);
  hash.update(await readFile(join(folder, 'plain.onnx')));
  return hash.digest('hex');
}

/** Where a run had come to when it was killed. */
async function reached(folder: string): Promise<string> {
  const runs = join(folder, '.frelu', 'runs');
  const [run] = await readdir(runs).catch(() => []);
  if (run === undefined) return 'nothing kept yet';
  const kept = await readdir(join(runs, run, 'artifacts')).catch(() => []);
  return `${kept.filter((name) => name.endsWith('.artifact')).length} artifacts`;
}

async function withModel<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-kill-'));
  try {
    await copyFile(join(fixtures, 'plain.onnx'), join(folder, 'plain.onnx'));
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { expected, milliseconds } = await withModel(async (folder) => {
  const began = performance.now();
  await migrate(folder, [], null);
  return { milliseconds: performance.now() - began, expected: await outcomeOf(folder) };
});
process.stdout.write(`uninterrupted: ${(milliseconds / 1000).toFixed(1)} s\n`);
let wrong = 0;
for (let i = 0; i < moments; i++) {
  const after = (milliseconds * (i + 0.5)) / moments;
  await withModel(async (folder) => {
    const code = await migrate(folder, [], after);
    const where = await reached(folder);
    // a run that has kept nothing yet, and one that had ended, have nothing to resume
    const resumed = code === null ? await migrate(folder, ['--resume'], null) : code;
    if (resumed === 2) await migrate(folder, [], null);
    const same = (await outcomeOf(folder)) === expected;
    if (!same) wrong++;
    const how = code !== null ? 'had ended' : resumed === 2 ? 'begun again' : 'resumed';
    process.stdout.write(
      `${(after / 1000).toFixed(1).padStart(6)} s  ${where.padEnd(18)} ${how.padEnd(12)} ${same ? 'same' : 'DIFFERS'}\n`,
    );
  });
}
process.stdout.write(`${moments - wrong} of ${moments} the same\n`);
if (wrong > 0) process.exitCode = 1;
