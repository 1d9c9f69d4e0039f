import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { history } from '../../src/upgrade/history.js';
import { acquireLock } from '../../src/upgrade/lock.js';
import { candidateName, type LockRecord, parseRecord } from '../../src/upgrade/lock-record.js';
import { recover } from '../../src/upgrade/recover.js';
import { onnx, readFiles, sha256, temporaryFolder, writeFiles } from './models.js';

/** `src/upgrade` as JavaScript, for processes of their own: locks and kills are between processes. */
let built = '';

beforeAll(async () => {
  const project = fileURLToPath(new URL('../..', import.meta.url));
  built = await realpath(await mkdtemp(join(tmpdir(), 'frelu-upgrade-built-')));
  const config = {
    extends: join(project, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      rootDir: project,
      outDir: built,
      typeRoots: [join(project, 'node_modules', '@types')],
    },
    include: [],
    files: ['commit', 'lock', 'rollback'].map((name) => join(project, 'src', 'upgrade', `${name}.ts`)),
  };
  await writeFile(join(built, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(built, 'package.json'), '{"type":"module"}');
  await symlink(join(project, 'node_modules'), join(built, 'node_modules'), 'junction');
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', built], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
});

afterAll(() => rm(built, { recursive: true, force: true }));

interface Program {
  readonly process: ChildProcess;
  /** the next line that it prints; '' when it has ended */
  readonly says: () => Promise<string>;
  /** lets it pass its next `await told()` */
  readonly tell: () => void;
}

/** Starts a program that has `acquireLock`, `commitUpgrade`, `model` and `told` in scope; it lives no longer than the test. */
function start(model: string, program: string): Program {
  const from = (name: string) => JSON.stringify(pathToFileURL(join(built, 'src', 'upgrade', `${name}.js`)).href);
  const source = `
    import { acquireLock } from ${from('lock')};
    import { commitUpgrade } from ${from('commit')};
    const model = ${JSON.stringify(model)};
    const told = () => new Promise((go) => process.stdin.once('data', go));
    ${program}
    process.stdin.destroy();`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    says: async () => String((await lines.next()).value ?? ''),
    tell: () => child.stdin.write('\n'),
  };
}

/** Takes the lock when told, says how it went, and keeps it until told again. */
const contender = `
  console.log('ready');
  await told();
  try {
    const lock = await acquireLock(model);
    console.log('got it ' + process.pid);
    await told();
    await lock.release();
  } catch (error) { console.log(error.kind + ': ' + error.message); }`;

async function race(model: string, count: number): Promise<readonly string[]> {
  const contenders = Array.from({ length: count }, () => start(model, contender));
  await Promise.all(contenders.map((each) => each.says()));
  for (const each of contenders) each.tell();
  return Promise.all(contenders.map((each) => each.says()));
}

async function modelFolder(): Promise<{ folder: string; model: string; lock: string }> {
  const folder = await realpath(await temporaryFolder());
  await writeFiles(folder, onnx.old);
  return { folder, model: join(folder, 'model.onnx'), lock: join(folder, '.frelu', 'lock') };
}

/** A lock file as a holder leaves it that was not able to release it. */
async function leaveLock(lock: string, holder: object, ageMs = 0): Promise<void> {
  await mkdir(dirname(lock), { recursive: true });
  const { machine } = await ownRecord();
  const record = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    token: 'abc123',
    machine,
    born: null,
  };
  await writeFile(lock, JSON.stringify({ ...record, ...holder }));
  const when = new Date(Date.now() - ageMs);
  await utimes(lock, when, when);
}

/** What this process writes into a lock file. */
async function ownRecord(): Promise<{ readonly machine: unknown; readonly born: unknown }> {
  const folder = await temporaryFolder();
  await writeFiles(folder, onnx.old);
  const lock = await acquireLock(join(folder, 'model.onnx'));
  const record: unknown = JSON.parse(await readFile(join(folder, '.frelu', 'lock'), 'utf8'));
  await lock.release();
  if (typeof record !== 'object' || record === null || !('machine' in record && 'born' in record))
    throw new Error('no record');
  return record;
}

describe('between processes', () => {
  test('of several that race for the lock one gets it, and the others are told who has it', async () => {
    const { model } = await modelFolder();
    const said = await race(model, 4);
    const winners = said.filter((each) => each.startsWith('got it'));
    expect(winners).toHaveLength(1);
    const winner = winners[0]?.slice('got it '.length);
    for (const each of said.filter((text) => !text.startsWith('got it'))) {
      expect(each).toMatch(new RegExp(`^locked: .*(process ${winner} on .* Wait until|just taking .* Run again)`));
    }
  });

  test('of several that find a dead holder’s lock one takes it over', async () => {
    for (let round = 0; round < 3; round++) {
      const { model, lock } = await modelFolder();
      const gone = start(model, 'console.log(process.pid);');
      const pid = Number(await gone.says());
      expect(await gone.says()).toBe('');
      await leaveLock(lock, { pid });
      const said = await race(model, 3);
      expect(said.map((each) => each.split(/[ :]/)[0]).toSorted()).toEqual(['got', 'locked', 'locked']);
    }
  });

  test('one that waits gets the lock when the holder releases it', async () => {
    const { model } = await modelFolder();
    const holder = start(model, contender);
    await holder.says();
    holder.tell();
    expect(await holder.says()).toMatch('got it');
    const waits: (number | undefined)[] = [];
    const lock = await acquireLock(model, {
      waitMs: 20_000,
      onWait: (by) => {
        waits.push(by?.pid);
        holder.tell();
      },
    });
    expect(waits).toEqual([holder.process.pid]);
    await lock.release();
  });

  test.each(['wrote w-1.bin', 'journal prepared', 'entry renamed'])(
    'a run killed at "%s" leaves a whole model, and a lock that the next command recovers',
    async (point) => {
      const { folder, model } = await modelFolder();
      const child = start(
        model,
        `const lock = await acquireLock(model);
         await commitUpgrade({
           modelPath: model,
           entry: 'model.onnx',
           files: [
             { path: 'w-1.bin', bytes: new TextEncoder().encode('weights') },
             { path: 'model.onnx', bytes: new TextEncoder().encode('frelu network') },
           ],
           obsolete: [],
           expected: { 'model.onnx': '${sha256('relu network')}' },
           record: { runId: 'r', toolVersion: '1', summary: null },
         }, { lock, checkpoint: (name) => { if (name === '${point}') process.kill(process.pid, 'SIGKILL'); } });`,
      );
      await once(child.process, 'close');
      expect(child.process.signalCode).toBe('SIGKILL');
      const [recovery] = await recover(model);
      const isNew = point === 'entry renamed';
      expect(recovery?.outcome).toBe(isNew ? 'finished' : 'discarded');
      expect(await readFiles(folder)).toEqual(
        isNew ? { 'model.onnx': 'frelu network', 'w-1.bin': 'weights' } : onnx.old,
      );
      expect(await history(model)).toHaveLength(isNew ? 1 : 0);
    },
  );
});

test('a held lock is refused with its holder, since when, and the cure', async () => {
  const { model, lock } = await modelFolder();
  const held = await acquireLock(model);
  await expect(acquireLock(model)).rejects.toMatchObject({
    kind: 'locked',
    what: expect.stringMatching(/this very process on .* since \d{4}-.*\.$/),
    cure: expect.stringMatching(/^Wait until that run has ended.*delete .*lock\.$/),
  });
  await held.release();
  expect(await readFile(lock, 'utf8').catch(() => 'gone')).toBe('gone');
});

test('a run that changed nothing leaves no folder behind', async () => {
  const { model, folder } = await modelFolder();
  await (await acquireLock(model)).release();
  await expect(readFile(join(folder, '.frelu'))).rejects.toThrow('ENOENT');
});

test('waiting can be interrupted', async () => {
  const { model } = await modelFolder();
  const held = await acquireLock(model);
  const waiting = acquireLock(model, { waitMs: 60_000, signal: AbortSignal.timeout(50) });
  await expect(waiting).rejects.toMatchObject({ kind: 'interrupted' });
  await held.release();
});

test('what processes left that were killed while they took the lock is cleared by the next one; what is not dead, or no such thing, stays', async () => {
  const { folder, model } = await modelFolder();
  const gone = start(model, 'console.log(process.pid);');
  const pid = Number(await gone.says());
  expect(await gone.says()).toBe('');
  const held = await acquireLock(model);
  const own = parseRecord(await readFile(join(folder, '.frelu', 'lock'), 'utf8'));
  await held.release();
  if (own === null) throw new Error('no record');
  const candidate = (record: LockRecord) => `.frelu/${candidateName('lock', record)}`;
  const dead = { ...own, pid, token: 'a'.repeat(16) };
  const stale = `.frelu/lock.${'b'.repeat(16)}.stale`;
  const litter = {
    // killed before it wrote, before it linked, and while it broke a dead lock
    [candidate(dead)]: '',
    [candidate({ ...dead, token: 'c'.repeat(16) })]: JSON.stringify(dead),
    [stale]: JSON.stringify(dead),
    [`${stale}.${candidateName('x', dead).slice(2)}`]: '',
  };
  const alive = {
    [candidate({ ...own, token: 'd'.repeat(16) })]: '',
    [candidate({ ...own, token: 'e'.repeat(16) })]: JSON.stringify(own),
    [candidate({ ...dead, machine: 'elsewhere', token: 'f'.repeat(16) })]: '',
    '.frelu/locked by me': 'mine',
  };
  await writeFiles(folder, { ...litter, ...alive });
  const lock = await acquireLock(model);
  const left = await readdir(join(folder, '.frelu'));
  expect(left.map((name) => `.frelu/${name}`).toSorted()).toEqual([...Object.keys(alive), '.frelu/lock'].toSorted());
  await lock.release();
});

test('the folder of the lock is durable in the folder of the model', async () => {
  const { model, folder } = await modelFolder();
  const synced: string[] = [];
  const probe = await open(folder, 'r');
  const prototype: { sync: (this: FileHandle) => Promise<void> } = Object.getPrototypeOf(probe);
  await probe.close();
  const { sync } = prototype;
  onTestFinished(() => {
    prototype.sync = sync;
  });
  prototype.sync = async function (this: FileHandle) {
    const [one, other] = await Promise.all([this.stat(), stat(folder)]);
    if (one.ino === other.ino) synced.push((await readdir(folder)).join());
    return sync.call(this);
  };
  const lock = await acquireLock(model);
  expect(synced).toEqual(['.frelu,model.onnx']);
  await lock.release();
});

test('a lock that cannot be removed hides no failure, and is the lock of this process still', async () => {
  const { model, folder } = await modelFolder();
  const lock = await acquireLock(model);
  const path = join(folder, '.frelu', 'lock');
  await rm(path);
  await mkdir(path);
  await lock.release();
  await rm(path, { recursive: true });
  await (await acquireLock(model)).release();
});

test('locks that cannot be removed add no listener each to the end of the process', async () => {
  const { model, lock: path } = await modelFolder();
  const before = process.listenerCount('exit');
  for (let i = 0; i < 3; i++) {
    const lock = await acquireLock(model);
    await rm(path);
    await mkdir(path);
    await lock.release();
    await rm(path, { recursive: true });
  }
  expect(process.listenerCount('exit')).toBeLessThanOrEqual(before + 1);
});

test.runIf(process.platform !== 'win32' && process.getuid?.() !== 0)(
  'a lock that may not be read is refused with what to do',
  async () => {
    const { model, lock } = await modelFolder();
    await leaveLock(lock, {});
    await chmod(lock, 0);
    await expect(acquireLock(model)).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringContaining('cannot be read (EACCES)'),
      cure: expect.stringContaining('move it away'),
    });
  },
);

describe('a lock that is left behind', () => {
  const minute = 60_000;
  test.each([
    ['by another machine whose heart-beat stopped', { machine: 'elsewhere', host: 'elsewhere' }, 6 * minute],
    ['by a process from before the machine started', { since: '2001-01-01T00:00:00.000Z' }, 0],
  ])('%s is taken over', async (_, holder, age) => {
    const { model, lock } = await modelFolder();
    await leaveLock(lock, holder, age);
    const taken = await acquireLock(model);
    expect(await taken.isHeld()).toBe(true);
    await taken.release();
  });

  test('by another machine that still shows its heart-beat is respected', async () => {
    const { model, lock } = await modelFolder();
    await leaveLock(lock, { machine: 'elsewhere', host: 'elsewhere', pid: 7 }, minute);
    await expect(acquireLock(model)).rejects.toMatchObject({
      message: expect.stringContaining('process 7 on elsewhere'),
    });
  });

  test.runIf(process.platform === 'linux')('by a process whose pid another one has now is taken over', async () => {
    const { model, lock } = await modelFolder();
    await leaveLock(lock, { born: 'another-boot:12345' });
    await (await acquireLock(model)).release();
    await leaveLock(lock, { born: (await ownRecord()).born });
    await expect(acquireLock(model)).rejects.toMatchObject({ kind: 'locked' });
  });

  test('half written is taken over once nobody can be writing it any more', async () => {
    const { model, lock } = await modelFolder();
    await mkdir(dirname(lock), { recursive: true });
    await writeFile(lock, '{"pid": 1');
    await expect(acquireLock(model)).rejects.toMatchObject({ kind: 'locked' });
    const before = new Date(Date.now() - minute);
    await utimes(lock, before, before);
    await (await acquireLock(model)).release();
  });

  test('and taken over is noticed by the one who lost it', async () => {
    const { model, lock } = await modelFolder();
    const lost = await acquireLock(model);
    await leaveLock(lock, { machine: 'elsewhere', host: 'elsewhere' });
    await expect(lost.assertHeld()).rejects.toMatchObject({ kind: 'locked' });
    await lost.release();
    expect(await readFile(lock, 'utf8')).toContain('elsewhere');
  });
});
