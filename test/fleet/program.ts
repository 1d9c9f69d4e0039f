import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { table, tableSetting } from '../run/table.js';

const executable = resolve('dist/bin/frelu-migrate.js');

export interface Ended {
  /** null: killed */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export type Environment = Readonly<Record<string, string>>;

/** The columns that the network takes, and the labels. */
const numbers = table.replaceAll(/,[^,]*,[^,]*(,[^,]*)$/gm, '$1');

/** Of units that are trained for a while: each epoch of each arm leaves a checkpoint. */
export const long = { epochs: 40, patience: 40 };

/** Starts the program, in a folder; killed at the test's end, if it still runs then. */
function start(folder: string, argv: readonly string[], env: Environment): Started {
  const [command = process.execPath, ...words] = argv;
  const child = spawn(command, words, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (text: Buffer) => {
      written[name] += text.toString();
    });
  }
  const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code, ...written })));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended };
}

/**
 * The description of a fleet of small networks in a folder of its own, and the program, run there. Whatever its place, the same description has the same units.
 * @param models beside each other, alike but for their learning rate
 */
export async function fleetOf({
  models = 1,
  seeds = 1,
  lr = 0.05 as number | 'auto',
  settings = {},
  store = null as string | null,
  env = {} as Environment,
}) {
  const { model, data } = await tableSetting(numbers);
  const folder = dirname(model);
  const names = Array.from({ length: models }, (_, i) => (i === 0 ? 'net.onnx' : `net${i}.onnx`));
  for (const name of names.slice(1)) await copyFile(model, join(folder, name));
  const all = { data, target: 'label', epochs: 1, lr: 0.05, trustReading: true, accept: 'always', device: 'cpu' };
  const description = {
    // a queue is called by its plan: tests that share a server have their own
    models: names.map((name, i) => ({
      model: name,
      name: `${basename(folder)}-${i}`,
      lr: lr === 'auto' ? lr : lr - 0.01 * i,
    })),
    settings: { ...all, ...settings },
    seeds,
    ...(store !== null && { store }),
  };
  await writeFile(join(folder, 'fleet.json'), JSON.stringify(description));
  const begin = (argv: readonly string[], more: Environment = {}): Started =>
    start(folder, [process.execPath, executable, 'fleet', ...argv], { ...env, ...more });
  return {
    folder,
    plan: join(folder, 'plan'),
    /** in the store's folder, where it is one */
    results: join(folder, 'plan', 'store', 'results'),
    start: begin,
    /** another command than those of fleets, in the fleet's folder */
    command: (...argv: readonly string[]): Promise<Ended> =>
      start(folder, [process.execPath, executable, ...argv], env).ended,
    run: (...argv: readonly string[]): Promise<Ended> => begin(argv).ended,
    /** behind other words: those of a program that starts this one */
    behind: (words: readonly string[], argv: readonly string[]): Started =>
      start(folder, [...words, process.execPath, executable, 'fleet', ...argv], env),
  };
}

export type Fleet = Awaited<ReturnType<typeof fleetOf>>;

/** Units that were computed, as `fleet work --json` says. */
export function computedBy({ stdout }: Ended): number {
  return JSON.parse(stdout).computed;
}

/** The weights of every result by its unit, as a hash of all its model's files; of a store in a folder. */
export async function weights(fleet: Fleet): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const unit of await readdir(fleet.results)) {
    const record = JSON.parse(await readFile(join(fleet.results, unit, 'result.json'), 'utf8'));
    const hash = createHash('sha256');
    for (const { path } of record.files) {
      if (path.startsWith('model/')) hash.update(await readFile(join(fleet.results, unit, path)));
    }
    found.set(unit, hash.digest('hex'));
  }
  return found;
}

/** Waits until something is so. @throws where it is not after 60 s */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const began = Date.now(); Date.now() - began < 60_000; await sleep(20)) if (await isSo()) return;
  throw new Error('it has not come to that');
}

/** The checkpoints below a folder, of arms that are being trained or have been. */
export async function checkpoints(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => /checkpoint\.[\w~-]+\.artifact$/.test(name));
}

/** The processes that a process has started. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (const each of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${each}/stat`, 'utf8').catch(() => '');
    // its name, in parentheses, may hold anything
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) === pid) found.push(Number(each));
  }
  return found;
}

/** Kills a worker and what it computes with, all at once, as a machine that loses its power does. */
export async function killAll({ child, ended }: Started): Promise<void> {
  const pid = child.pid ?? 0;
  // it starts no others while it is stopped
  process.kill(pid, 'SIGSTOP');
  const below = await childrenOf(pid);
  for (const each of [...below, pid]) process.kill(each, 'SIGKILL');
  await ended;
}
