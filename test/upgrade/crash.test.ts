import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import type { Checkpoint } from '../../src/upgrade/files.js';
import { history } from '../../src/upgrade/history.js';
import { acquireLock, type Lock } from '../../src/upgrade/lock.js';
import { recover } from '../../src/upgrade/recover.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { type Example, onnx, readFiles, sha256, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

interface Options {
  readonly lock?: Lock;
  readonly checkpoint?: Checkpoint;
}

interface Case {
  readonly example: Example;
  /** what leads to the model from which the change starts */
  readonly prepare: (folder: string) => Promise<void>;
  readonly change: (folder: string, options: Options) => Promise<unknown>;
  readonly from: Example['old'];
  readonly to: Example['old'];
}

function upgradeCase(example: Example): Case {
  const { entry, old, upgraded } = example;
  return {
    example,
    prepare: async () => {},
    change: (folder, options) => commitUpgrade(upgradeOf(folder, entry, old, upgraded), options),
    from: old,
    to: upgraded,
  };
}

function rollbackCase(example: Example): Case {
  const { entry, old, upgraded } = example;
  return {
    example,
    prepare: async (folder) => {
      await commitUpgrade(upgradeOf(folder, entry, old, upgraded));
    },
    change: (folder, options) => rollback(join(folder, entry), options),
    from: upgraded,
    to: old,
  };
}

async function begin({ example, prepare }: Case): Promise<string> {
  const folder = await temporaryFolder();
  await writeFiles(folder, example.old);
  await prepare(folder);
  return folder;
}

/** The names of all checkpoints that an action passes, in their order. */
async function checkpointsOf(action: (checkpoint: Checkpoint) => Promise<unknown>): Promise<readonly string[]> {
  const names: string[] = [];
  await action((name) => {
    names.push(name);
  });
  return names;
}

/**
 * Runs `action` up to a checkpoint and leaves it there for ever, as a crash does: nothing after it runs, no clean-up either.
 */
function stopAt(stop: string, action: (checkpoint: Checkpoint) => Promise<unknown>): Promise<void> {
  return new Promise((stopped, failed) => {
    action((name) => {
      if (name !== stop) return;
      stopped();
      return new Promise<never>(() => {});
    }).then(() => failed(new Error(`never came to ${stop}`)), failed);
  });
}

/** A crash of the change at `stop`; the lock of the crashed process is gone, as a dead process's lock is. */
async function crash(each: Case, folder: string, stop: string): Promise<void> {
  const lock = await acquireLock(join(folder, each.example.entry));
  await stopAt(stop, (checkpoint) => each.change(folder, { lock, checkpoint }));
  await lock.release();
}

describe.each([
  ['upgrade of an ONNX file', upgradeCase(onnx)],
  ['upgrade of a model.json with shards', upgradeCase(tfjs)],
  ['rollback of an ONNX file', rollbackCase(onnx)],
  ['rollback of a model.json with shards', rollbackCase(tfjs)],
])('%s', (_, each) => {
  const { entry } = each.example;

  /** Between commit and recovery more files may lie there, but the entry file and all that it names must be whole. */
  async function expectWhole(folder: string): Promise<void> {
    const files = await readFiles(folder);
    const whole = files[entry] === each.from[entry] ? each.from : each.to;
    expect(files).toMatchObject(whole);
  }

  test('a crash at any step leaves the whole old model or the whole new one, and recovery clears the rest', async () => {
    const names = await checkpointsOf(async (checkpoint) => each.change(await begin(each), { checkpoint }));
    expect(names).toContain('entry renamed');
    const outcomes: string[] = [];
    for (const name of names) {
      const folder = await begin(each);
      await crash(each, folder, name);
      await expectWhole(folder);

      await recover(join(folder, entry));
      const files = await readFiles(folder);
      const isNew = files[entry] === each.to[entry];
      expect(files, name).toEqual(isNew ? each.to : each.from);
      expect(isNew, name).toBe(names.indexOf(name) >= names.indexOf('entry renamed'));
      outcomes.push(isNew ? 'new' : 'old');
      expect(await recover(join(folder, entry))).toEqual([]);

      // The history goes on as if nothing had happened: the change can be made now, or undone.
      if (!isNew) await each.change(folder, {});
      expect(await readFiles(folder), name).toEqual(each.to);
      const last = (await history(join(folder, entry))).at(-1);
      await rollback(join(folder, entry), { to: last?.from ?? '' });
      expect(await readFiles(folder), name).toEqual(each.from);
    }
    expect(new Set(outcomes)).toEqual(new Set(['old', 'new']));
  });

  test('an error at any step is cleared up at once, and its message says which model stands', async () => {
    const names = await checkpointsOf(async (checkpoint) => each.change(await begin(each), { checkpoint }));
    for (const name of names) {
      const folder = await begin(each);
      const fillDisk: Checkpoint = (at) => {
        if (at === name) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      };
      const result = await each.change(folder, { checkpoint: fillDisk }).catch((error: unknown) => error);
      const files = await readFiles(folder);
      if (result instanceof Failure) {
        expect(result.kind).toBe('input');
        expect(result.what).toMatch(/disk is full/);
        expect(result.written, name).toBe('removed-again');
        expect(files, name).toEqual(each.from);
      } else {
        expect(result, name).not.toBeInstanceOf(Error);
        expect(files, name).toEqual(each.to);
      }
      expect(await recover(join(folder, entry))).toEqual([]);
    }
  });

  test('recovery itself may crash at any step', async () => {
    for (const point of ['entry drafted', 'journal prepared', 'entry renamed', 'journal committed']) {
      const probe = await begin(each);
      await crash(each, probe, point);
      const names = await checkpointsOf((checkpoint) => recover(join(probe, entry), { checkpoint }));
      expect(names.length).toBeGreaterThan(0);
      const recovered = await readFiles(probe);
      for (const name of names) {
        const folder = await begin(each);
        await crash(each, folder, point);
        const lock = await acquireLock(join(folder, entry));
        await stopAt(name, (checkpoint) => recover(join(folder, entry), { lock, checkpoint }));
        await lock.release();
        await expectWhole(folder);
        await recover(join(folder, entry));
        expect(await readFiles(folder), `${point}, then ${name}`).toEqual(recovered);
      }
    }
  });
});

test('an entry file that somebody replaced after the crash is left alone', async () => {
  const folder = await begin(upgradeCase(tfjs));
  await crash(upgradeCase(tfjs), folder, 'journal prepared');
  await writeFiles(folder, { 'model.json': '{"retrained":1}' });
  expect(await recover(join(folder, 'model.json'))).toMatchObject([{ outcome: 'abandoned' }]);
  expect(await readFiles(folder)).toMatchObject({ ...tfjs.old, 'model.json': '{"retrained":1}' });
  const [entry] = await history(join(folder, 'model.json'));
  expect(entry).toMatchObject({ state: 'abandoned' });
  expect(entry?.files).toContainEqual({
    path: 'model.json',
    before: sha256(tfjs.old['model.json'] ?? ''),
    after: sha256(tfjs.upgraded['model.json'] ?? ''),
  });
});

test('an obsolete file that somebody changed after the crash is left alone', async () => {
  const folder = await begin(upgradeCase(tfjs));
  await crash(upgradeCase(tfjs), folder, 'journal committed');
  await writeFiles(folder, { 'weights/b.bin': 'somebody’s own' });
  await recover(join(folder, 'model.json'));
  expect(await readFiles(folder)).toEqual({ ...tfjs.upgraded, 'weights/b.bin': 'somebody’s own' });
});

test.each(['entry drafted', 'journal prepared'])(
  'a run that lost its lock at "%s" commits nothing, and leaves the clearing up to whoever has it',
  async (point) => {
    const folder = await begin(upgradeCase(onnx));
    const model = join(folder, 'model.onnx');
    const other = { pid: 7, host: 'elsewhere', machine: 'elsewhere', token: 'abc', since: '2026-01-01T00:00:00.000Z' };
    const loseLock: Checkpoint = async (name) => {
      if (name === point) await writeFiles(folder, { '.frelu/lock': JSON.stringify(other) });
    };
    await expect(upgradeCase(onnx).change(folder, { checkpoint: loseLock })).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(/taken over/),
      written: 'left-beside',
    });
    expect(await readFiles(folder)).toMatchObject(onnx.old);
    await unlink(join(folder, '.frelu', 'lock'));
    expect(await recover(model)).toMatchObject([{ outcome: 'discarded' }]);
    expect(await readFiles(folder)).toEqual(onnx.old);
  },
);

test('what a live run is doing is not recovered away under its hands', async () => {
  const folder = await begin(upgradeCase(onnx));
  const model = join(folder, 'model.onnx');
  const lock = await acquireLock(model);
  await stopAt('entry drafted', (checkpoint) => upgradeCase(onnx).change(folder, { lock, checkpoint }));
  await expect(recover(model)).rejects.toMatchObject({ kind: 'locked' });
  expect(await history(model)).toMatchObject([{ state: 'in progress' }]);
  await lock.release();
  // reading changes nothing: the next change of the model clears it up
  expect(await history(model)).toMatchObject([{ state: 'interrupted' }]);
  expect(await readFiles(folder)).not.toEqual(onnx.old);
  await recover(model);
  expect(await history(model)).toEqual([]);
  expect(await readFiles(folder)).toEqual(onnx.old);
});
