import fs from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { faults } from '../../bench/fault-injection.js';
import { Failure } from '../../src/contract/failure.js';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { recover } from '../../src/upgrade/recover.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { readFiles, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

const { entry, old, upgraded } = tfjs;
const model = (folder: string) => join(folder, entry);
const upgrade = (folder: string) => commitUpgrade(upgradeOf(folder, entry, old, upgraded));

function repaired(): void {
  Object.assign(faults, { folder: '', at: 0, count: 0 });
}
afterEach(repaired);

const actions = [
  { name: 'an upgrade', prepare: async () => {}, act: upgrade, from: old, to: upgraded },
  { name: 'a rollback', prepare: upgrade, act: (folder: string) => rollback(model(folder)), from: upgraded, to: old },
];

async function begin(prepare: (folder: string) => Promise<unknown>): Promise<string> {
  // a folder above that holds no other models, which would be looked through
  const folder = join(await realpath(await temporaryFolder()), 'm');
  await writeFiles(folder, old);
  await prepare(folder);
  return folder;
}

/** Runs an action on a disk that fails for good from its change number `at` on; returns what it throws. */
async function onFailingDisk(folder: string, at: number, code: string, act: (folder: string) => Promise<unknown>) {
  Object.assign(faults, { folder, at, code, count: 0 });
  const thrown = await act(folder).then(
    () => null,
    (error: unknown) => error,
  );
  const { count } = faults;
  repaired();
  return { thrown, count };
}

test('a file system without hard links has copies instead, and nothing else changes', async () => {
  const { link } = fs.promises;
  onTestFinished(() => {
    fs.promises.link = link;
    syncBuiltinESMExports();
  });
  let refused = 0;
  fs.promises.link = async () => {
    refused++;
    throw Object.assign(new Error('link'), { code: 'EPERM' });
  };
  syncBuiltinESMExports();
  const folder = await begin(upgrade);
  expect(refused).toBeGreaterThan(1);
  expect(await readFiles(folder)).toEqual(upgraded);
  await rollback(model(folder));
  expect(await readFiles(folder)).toEqual(old);
  expect((await readdir(join(folder, '.frelu'))).toSorted()).toEqual(['backups', 'journal.json']);
});

describe.each(actions)('$name on a disk that fails for good', ({ prepare, act, from, to }) => {
  test.each([
    ['EIO', 3, /input\/output error/],
    ['EROFS', 7, /read-only/],
    ['ENOSPC', 7, /disk is full/],
  ])('with %s, wherever it begins, tells the first error and which model stands', async (code, every, says) => {
    const whole = await onFailingDisk(await begin(prepare), 0, code, act);
    expect(whole).toMatchObject({ thrown: null });
    expect(whole.count).toBeGreaterThan(50);
    const told = new Set<unknown>();
    for (let at = 1; at <= whole.count; at += every) {
      const folder = await begin(prepare);
      const { thrown } = await onFailingDisk(folder, at, code, act);
      const stands = await readFile(model(folder), 'utf8');
      const isNew = stands === to[entry];
      expect(isNew || stands === from[entry]).toBe(true);
      // what fails last is no part of it: the lock, a folder that is left
      if (thrown === null) expect(isNew).toBe(true);
      else {
        if (!(thrown instanceof Failure)) throw thrown;
        expect(thrown.kind).toBe('input');
        expect(thrown.what).toMatch(says);
        if (thrown.written !== null) expect(thrown.written === 'model-replaced', `${at}: ${thrown.what}`).toBe(isNew);
        told.add(thrown.written);
      }
      await recover(model(folder));
      expect(await readFiles(folder), String(at)).toEqual(isNew ? to : from);
    }
    expect(told).toContain('model-replaced');
    expect(told).toContain('left-beside');
  });
});
