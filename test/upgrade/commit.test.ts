import { chmod, link, mkdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { history } from '../../src/upgrade/history.js';
import { acquireLock } from '../../src/upgrade/lock.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { onnx, readFiles, sha256, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

describe.each([
  ['an ONNX file', onnx],
  ['a model.json with shards in sub-folders', tfjs],
])('%s', (_, { entry, old, upgraded }) => {
  test('is upgraded in place and rolled back byte for byte', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, old);

    const upgrade = await commitUpgrade(upgradeOf(folder, entry, old, upgraded));
    expect(await readFiles(folder)).toEqual(upgraded);
    expect(upgrade.files.find((each) => each.path === entry)?.sha256).toBe(sha256(upgraded[entry] ?? ''));

    const undone = await rollback(join(folder, entry));
    expect(await readFiles(folder)).toEqual(old);
    expect(undone).toMatchObject({ model: join(folder, entry), from: upgrade.id, to: 'original' });
    for (const { path, sha256: hash } of undone.restored) expect(hash).toBe(sha256(old[path] ?? ''));
  });

  test('keeps the old bytes where people without this tool can check and restore them', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, old);
    const { id } = await commitUpgrade(upgradeOf(folder, entry, old, upgraded));
    const backup = join(folder, '.frelu', 'backups', id);
    expect(await readFiles(join(backup, 'files'))).toEqual(old);
    const sums = await readFile(join(backup, 'SHA256SUMS'), 'utf8');
    for (const [path, content] of Object.entries(old)) expect(sums).toContain(`${sha256(content)}  files/${path}\n`);
  });

  test('is not touched when it is no longer what the run read', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, old);
    const upgrade = upgradeOf(folder, entry, old, upgraded);
    await writeFile(join(folder, entry), 'retrained meanwhile');
    await expect(commitUpgrade(upgrade)).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(/changed while the run was going on/),
      written: 'model-untouched',
    });
    expect(await readFiles(folder)).toEqual({ ...old, [entry]: 'retrained meanwhile' });
    await expect(stat(join(folder, '.frelu'))).rejects.toThrow('ENOENT');
  });
});

test('a change in the last moment before the commit is noticed', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, tfjs.old);
  const upgrade = upgradeOf(folder, tfjs.entry, tfjs.old, tfjs.upgraded);
  const saveInBetween = async (name: string) => {
    if (name === 'journal prepared') await writeFile(join(folder, 'weights/a.bin'), 'SHARD A');
  };
  await expect(commitUpgrade(upgrade, { checkpoint: saveInBetween })).rejects.toMatchObject({ kind: 'locked' });
  expect(await readFiles(folder)).toEqual({ ...tfjs.old, 'weights/a.bin': 'SHARD A' });
});

test('content comes as bytes, as a stream, or as a copy of another file', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'm.onnx': 'old', 'kept.bin': 'kept', 'elsewhere.bin': 'copied' });
  async function* stream() {
    yield new TextEncoder().encode('streamed ');
    yield new TextEncoder().encode('weights');
  }
  await commitUpgrade({
    ...upgradeOf(folder, 'm.onnx', { 'm.onnx': 'old', 'kept.bin': 'kept' }, { 'm.onnx': 'new', 'kept.bin': 'kept' }),
    files: [
      // A view of wider elements is written whole: 2 elements, 4 bytes.
      { path: 'm.onnx', bytes: new Uint8Array(new Uint16Array([0x6f6e, 0x776e]).buffer) },
      { path: 'w-1.bin', bytes: stream() },
      { path: 'w-2.bin', bytes: { copyOf: join(folder, 'elsewhere.bin') } },
      { path: 'kept.bin', bytes: { copyOf: join(folder, 'kept.bin') } },
    ],
  });
  expect(await readFiles(folder)).toEqual({
    'elsewhere.bin': 'copied',
    'kept.bin': 'kept',
    'm.onnx': 'nonw',
    'w-1.bin': 'streamed weights',
    'w-2.bin': 'copied',
  });
});

test('the entry file keeps its permissions, through upgrade and rollback', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, onnx.old);
  await chmod(join(folder, 'model.onnx'), 0o640);
  await commitUpgrade(upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded));
  expect((await stat(join(folder, 'model.onnx'))).mode & 0o777).toBe(0o640);
  await rollback(join(folder, 'model.onnx'));
  expect((await stat(join(folder, 'model.onnx'))).mode & 0o777).toBe(0o640);
});

test('a program that saves in place cannot reach the backup', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, tfjs.old);
  // Another name for the entry file: a snapshot made with `cp -l`.
  await link(join(folder, 'model.json'), join(folder, 'snapshot.json'));
  const { id } = await commitUpgrade(upgradeOf(folder, tfjs.entry, tfjs.old, tfjs.upgraded));
  for (const path of ['model.json', 'snapshot.json', 'weights/a.bin'])
    await writeFile(join(folder, path), 'overwritten');
  expect(await readFiles(join(folder, '.frelu', 'backups', id, 'files'))).toEqual(tfjs.old);
});

test('a symbolic link is followed to the real file, and the caller told', async () => {
  const folder = await temporaryFolder();
  await writeFiles(join(folder, 'store'), { 'v7.onnx': 'relu network' });
  await symlink(join(folder, 'store', 'v7.onnx'), join(folder, 'model.onnx'));
  const upgrade = upgradeOf(folder, 'model.onnx', onnx.old, onnx.upgraded);
  expect(await commitUpgrade(upgrade)).toMatchObject({
    model: join(folder, 'store', 'v7.onnx'),
    followed: join(folder, 'model.onnx'),
  });
  expect(await readFile(join(folder, 'store', 'v7.onnx'), 'utf8')).toBe('frelu network');
  await rollback(join(folder, 'model.onnx'));
  expect(await readFile(join(folder, 'store', 'v7.onnx'), 'utf8')).toBe('relu network');
});

test('an obsolete side file that is a symbolic link stays: what it leads to belongs to somebody else', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, tfjs.old);
  await writeFiles(folder, { 'shared.bin': 'shard b' });
  await unlink(join(folder, 'weights/b.bin'));
  await symlink(join(folder, 'shared.bin'), join(folder, 'weights/b.bin'));
  await commitUpgrade(upgradeOf(folder, tfjs.entry, tfjs.old, tfjs.upgraded));
  expect(await readFile(join(folder, 'weights/b.bin'), 'utf8')).toBe('shard b');
  await rollback(join(folder, 'model.json'));
  expect(await readFiles(folder)).toEqual({ ...tfjs.old, 'shared.bin': 'shard b' });
});

test.each(['../outside.bin', '/tmp/outside.bin', '.frelu/journal.json', 'a/../../outside.bin'])(
  'a side file named %s is refused',
  async (path) => {
    const folder = await temporaryFolder();
    await writeFiles(folder, onnx.old);
    const upgrade = upgradeOf(folder, onnx.entry, onnx.old, { ...onnx.upgraded, [path]: 'weights' });
    await expect(commitUpgrade(upgrade)).rejects.toMatchObject({ kind: 'input' });
    expect(await readFiles(folder)).toEqual(onnx.old);
  },
);

test('a stranger’s file under the name of a new side file is not overwritten', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { ...tfjs.old, 'new/deep/b.71b2c24e63b8.bin': 'somebody’s own' });
  const upgrade = upgradeOf(folder, tfjs.entry, tfjs.old, tfjs.upgraded);
  await expect(commitUpgrade(upgrade)).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringContaining('in the way'),
    written: 'removed-again',
  });
  expect(await readFiles(folder)).toEqual({ ...tfjs.old, 'new/deep/b.71b2c24e63b8.bin': 'somebody’s own' });
});

test('two models of one folder have their own histories', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'a.onnx': 'a', 'b.onnx': 'b' });
  await commitUpgrade(upgradeOf(folder, 'a.onnx', { 'a.onnx': 'a' }, { 'a.onnx': 'a+' }));
  await commitUpgrade(upgradeOf(folder, 'b.onnx', { 'b.onnx': 'b' }, { 'b.onnx': 'b+' }));
  await rollback(join(folder, 'a.onnx'));
  expect(await readFiles(folder)).toEqual({ 'a.onnx': 'a', 'b.onnx': 'b+' });
  expect((await history(join(folder, 'b.onnx'))).map((each) => each.state)).toEqual(['current']);
});

test('a run that holds the lock passes it on', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, onnx.old);
  const lock = await acquireLock(join(folder, 'model.onnx'));
  const upgrade = upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded);
  await expect(commitUpgrade(upgrade)).rejects.toMatchObject({ kind: 'locked' });
  await commitUpgrade(upgrade, { lock });
  expect(await lock.isHeld()).toBe(true);
  await lock.release();
  expect(await readFiles(folder)).toEqual(onnx.upgraded);
});

test.each([
  ['a missing file', 'absent.onnx', 'There is no file'],
  ['a folder', 'sub', 'is a folder'],
])('%s is no model', async (_, name, message) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'sub'));
  await expect(acquireLock(join(folder, name))).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringContaining(message),
  });
});

test.skipIf(process.getuid?.() === 0)(
  'a folder that this user may not write is refused before the run begins',
  async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, onnx.old);
    await chmod(folder, 0o555);
    await expect(acquireLock(join(folder, 'model.onnx'))).rejects.toMatchObject({
      kind: 'input',
      cure: 'Change the permissions, or write elsewhere.',
      settings: ['out'],
    });
    await chmod(folder, 0o755);
  },
);
