import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { exists } from '../../src/upgrade/files.js';
import { temporaryFolder } from '../run/runs.js';
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
  /** Waits until it has said something on stderr. */
  says(text: string): Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

/** The columns that the network takes, and the labels. */
const numbers = table.replaceAll(/,[^,]*,[^,]*(,[^,]*)$/gm, '$1');

/** Of units that are at it for several epochs, each of which leaves a checkpoint. */
export const several = { epochs: 3, patience: 3 };

/** Starts the program, in a folder; killed with what it has started at the test's end, if it still runs then. */
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
  const started = { child, ended, says: (text: string) => until(() => written.stderr.includes(text)) };
  onTestFinished(() => killAll(started));
  return started;
}

/** Has every process of the program do something before it begins. */
export const preloading = (...sources: readonly string[]): Environment => ({
  NODE_OPTIONS: sources.map((source) => `--import=data:text/javascript,${encodeURIComponent(source)}`).join(' '),
});

/** Processes that compute make these files one after another, and the one that makes the last is killed by the system, as where memory is short. */
export const killing = (...marks: readonly string[]): string => `
  import { existsSync, writeFileSync } from 'node:fs';
  if (process.argv.includes('compute')) {
    const marks = ${JSON.stringify(marks)};
    const mark = marks.find((each) => !existsSync(each));
    if (mark !== undefined) writeFileSync(mark, '');
    if (mark === marks.at(-1)) process.kill(process.pid, 'SIGKILL');
  }`;

/** A worker that makes this file and waits for two seconds before the record of its first result takes its name. */
export const publishingSlowly = (mark: string): string => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const { rename } = fs.promises;
  fs.promises.rename = async (from, to) => {
    if (/work.[0-9a-f]+.result.result\\.json$/.test(to) && !fs.existsSync(${JSON.stringify(mark)})) {
      fs.writeFileSync(${JSON.stringify(mark)}, '');
      await new Promise((done) => setTimeout(done, 2000));
    }
    return rename(from, to);
  };
  syncBuiltinESMExports();`;

/** A worker whose process that computes stands still from some point of its work on, on a machine of any speed. */
export interface Standstill {
  readonly env: Environment;
  /** waits until it does */
  came(worker: Started): Promise<void>;
  /** lets it go on, to its end */
  goOn(): Promise<void>;
}

/**
 * The first process that computes and leaves a checkpoint stands still in the next epoch.
 * @param checkpoint its name, so far as it has to be that one
 * @param sources what processes do besides
 */
export async function standstill(checkpoint = '', sources: readonly string[] = []): Promise<Standstill> {
  const mark = join(await temporaryFolder(), 'stands');
  const source = `
    import { existsSync, readdirSync, writeFileSync } from 'node:fs';
    if (process.argv.includes('compute') && !existsSync(${JSON.stringify(mark)})) {
      const { stdin, stdout } = process;
      const [push, write] = [stdin.push, stdout.write];
      let order = '';
      stdin.push = function (piece, ...rest) {
        order += piece ?? '';
        return push.call(this, piece, ...rest);
      };
      const isThere = () => {
        const { folder } = JSON.parse(order).assignment;
        return readdirSync(folder, { recursive: true }).some((name) => ${isCheckpoint}.test(name) && name.includes(${JSON.stringify(checkpoint)}));
      };
      stdout.write = function (...words) {
        const stands = isThere();
        const result = write.apply(this, words);
        if (stands) {
          stdout.write = write;
          writeFileSync(${JSON.stringify(mark)}, String(process.pid));
          process.kill(process.pid, 'SIGSTOP');
        }
        return result;
      };
    }`;
  return {
    env: preloading(source, ...sources),
    came: ({ ended }) =>
      Promise.race([
        until(() => exists(mark)),
        ended.then(({ stderr }) => Promise.reject(new Error(`it ended before it came to that: ${stderr}`))),
      ]),
    async goOn() {
      process.kill(Number(await readFile(mark, 'utf8')), 'SIGCONT');
    },
  };
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

/** Waits until something is so. @throws where it is not after four minutes */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const began = Date.now(); Date.now() - began < 240_000; await sleep(20)) if (await isSo()) return;
  throw new Error('it has not come to that');
}

const isCheckpoint = /checkpoint\.[\w~-]+\.artifact$/;

/** The checkpoints below a folder, of arms that are being trained or have been. */
export async function checkpoints(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => isCheckpoint.test(name));
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
  const { pid } = child;
  if (pid !== undefined && child.exitCode === null && child.signalCode === null) {
    // it starts no others while it is stopped
    process.kill(pid, 'SIGSTOP');
    const below = await childrenOf(pid);
    for (const each of [...below, pid]) process.kill(each, 'SIGKILL');
  }
  await ended;
}
