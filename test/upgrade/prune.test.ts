import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { history } from '../../src/upgrade/history.js';
import { acquireLock } from '../../src/upgrade/lock.js';
import { prune } from '../../src/upgrade/prune.js';
import { rollback } from '../../src/upgrade/rollback.js';
import type { Files } from './models.js';
import { readFiles, temporaryFolder, upgradeOf, writeFiles } from './models.js';

/** The versions of one model: version 0 is the original. Its shard stays through the first upgrade. */
const versions: readonly Files[] = [
  { 'model.json': 'version 0', 'a.bin': 'shard of 0 and 1' },
  { 'model.json': 'version 1', 'a.bin': 'shard of 0 and 1' },
  { 'model.json': 'version 2', 'b.bin': 'shard of 2' },
  { 'model.json': 'version 3', 'b.bin': 'shard of 2' },
];

async function upgradedThrice(): Promise<{ folder: string; model: string; ids: readonly string[] }> {
  const folder = await temporaryFolder();
  await writeFiles(folder, versions[0] ?? {});
  const ids = ['original'];
  for (const [index, files] of versions.slice(1).entries()) {
    ids.push((await commitUpgrade(upgradeOf(folder, 'model.json', versions[index] ?? {}, files))).id);
  }
  return { folder, model: join(folder, 'model.json'), ids };
}

async function backupsOf(folder: string): Promise<Record<string, Files>> {
  const root = join(folder, '.frelu', 'backups');
  const names = await readdir(root).catch(() => []);
  return Object.fromEntries(await Promise.all(names.map(async (id) => [id, await readFiles(join(root, id))] as const)));
}

test('frees what is not needed for the last versions, and no more', async () => {
  const { folder, model, ids } = await upgradedThrice();
  const [, one = '', two = '', three = ''] = ids;
  const result = await prune(model, 2);
  expect(result).toMatchObject({ model, kept: [two, one] });
  // the shard of the original is that of version 1 too
  expect(result.pruned).toEqual([{ id: one, bytes: 'version 0'.length }]);
  expect(result.freed).toBe('version 0'.length);
  const backups = await backupsOf(folder);
  expect(Object.keys(backups[one] ?? {})).toEqual(['SHA256SUMS', 'files/a.bin']);
  expect(backups[one]?.SHA256SUMS).toMatch(/^[0-9a-f]{64} {2}files\/a\.bin\n$/);
  expect(backups[two]).toMatchObject({ 'files/model.json': 'version 1', 'files/a.bin': 'shard of 0 and 1' });
  expect((await history(model)).map((each) => each.pruned)).toEqual([true, false, false]);

  await expect(rollback(model, { to: 'original' })).rejects.toMatchObject({
    kind: 'locked',
    what: expect.stringContaining('since old backups were freed'),
  });
  expect(await readFiles(folder)).toEqual(versions[3]);
  await rollback(model, { to: one });
  expect(await readFiles(folder)).toEqual(versions[1]);
  await rollback(model, { to: three });
  expect(await readFiles(folder)).toEqual(versions[3]);
  // what was given up is not counted among the last three; the kept copy of the present version is not needed
  expect(await prune(model, 3)).toMatchObject({ kept: [one, two], freed: 'version 3'.length });
  expect((await prune(model, 3)).pruned).toEqual([]);
});

test('frees everything where no version is to be kept, and is done again for nothing', async () => {
  const { folder, model } = await upgradedThrice();
  expect((await prune(model, 0)).kept).toEqual([]);
  expect(await backupsOf(folder)).toEqual({});
  expect(await readFiles(folder)).toEqual(versions[3]);
  expect(await prune(model, 0)).toMatchObject({ pruned: [], freed: 0 });
  expect(await history(model)).toHaveLength(3);
});

test('leaves what another model of the folder needs, what nobody knows of, and other backups', async () => {
  const { folder, model, ids } = await upgradedThrice();
  const other: Files = { 'other.json': 'other', 'b.bin': 'shard of 2' };
  await writeFiles(folder, { 'other.json': 'other' });
  const { id } = await commitUpgrade(upgradeOf(folder, 'other.json', other, { ...other, 'other.json': 'other+' }));
  const stranger = join(folder, '.frelu', 'backups', '20200101T000000Z-aaaaaa', 'files');
  await mkdir(stranger, { recursive: true });
  await writeFile(join(stranger, 'mine'), 'mine');
  await writeFile(join(folder, '.frelu', 'backups', ids[1] ?? '', 'mine'), 'mine');
  await prune(model, 0);
  const backups = await backupsOf(folder);
  expect(Object.keys(backups).toSorted()).toEqual(['20200101T000000Z-aaaaaa', ids[1], ids[3], id].toSorted());
  expect(backups[ids[1] ?? '']).toEqual({ mine: 'mine' });
  expect(Object.keys(backups[ids[3] ?? ''] ?? {})).toEqual(['SHA256SUMS', 'files/b.bin']);
  await rollback(join(folder, 'other.json'));
  expect(await readFile(join(folder, 'other.json'), 'utf8')).toBe('other');
});

test('waits for nobody: a held lock is refused', async () => {
  const { folder, model } = await upgradedThrice();
  const there = await backupsOf(folder);
  const lock = await acquireLock(model);
  await expect(prune(model, 0)).rejects.toMatchObject({ kind: 'locked' });
  await lock.release();
  expect(await backupsOf(folder)).toEqual(there);
});
