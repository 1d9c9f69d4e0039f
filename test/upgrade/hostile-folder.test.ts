import { execFileSync } from 'node:child_process';
import { link, mkdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/upgrade/change.js';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { history } from '../../src/upgrade/history.js';
import { prune } from '../../src/upgrade/prune.js';
import { recover } from '../../src/upgrade/recover.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { onnx, readFiles, sha256, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

const fileOf = (path: string, content: string) => ({
  path,
  sha256: sha256(content),
  bytes: content.length,
  mode: 0o644,
});
const idOf = (index: number): string => `20260101T000000Z-${index.toString(16).padStart(6, '0')}`;

/** The upgrade with this number of 'model.onnx', each a version of the one before. */
function upgradeNumber(index: number): Change {
  return {
    id: idOf(index),
    kind: 'upgrade',
    entry: 'model.onnx',
    when: '2026-01-01T00:00:00.000Z',
    state: 'complete',
    from: index === 0 ? 'original' : idOf(index - 1),
    to: idOf(index),
    run: null,
    before: [fileOf('model.onnx', `version ${index}`)],
    after: [fileOf('model.onnx', `version ${index + 1}`)],
    writes: ['model.onnx'],
    created: [],
    createdFolders: [],
    obsolete: [],
    pruned: false,
  };
}

async function withJournal(changes: readonly Change[], files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  await writeFiles(folder, { ...files, '.frelu/journal.json': JSON.stringify({ version: 1, changes }) });
  return folder;
}

async function upgraded(): Promise<{ readonly folder: string; readonly model: string; readonly kept: string }> {
  const folder = await temporaryFolder();
  await writeFiles(folder, onnx.old);
  const { id } = await commitUpgrade(upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded));
  const kept = join(folder, '.frelu', 'backups', id, 'files', 'model.onnx');
  return { folder, model: join(folder, onnx.entry), kept };
}

describe('a kept file that is none any more is told as lost, and not waited for:', () => {
  test.runIf(process.platform !== 'win32').each<readonly [string, (path: string, folder: string) => Promise<unknown>]>([
    ['a dangling link', (path) => symlink('nowhere', path)],
    ['a link to itself', (path) => symlink('model.onnx', path)],
    [
      'a link to the same bytes elsewhere',
      async (path, folder) => {
        await writeFile(join(folder, 'same'), 'relu network');
        await symlink(join(folder, 'same'), path);
      },
    ],
    ['a pipe', async (path) => execFileSync('mkfifo', [path])],
    ['a folder', (path) => mkdir(path)],
  ])('%s', async (_, replace) => {
    const { folder, model, kept } = await upgraded();
    await rm(kept);
    await replace(kept, folder);
    await expect(rollback(model)).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringContaining('the kept bytes of model.onnx are missing or damaged'),
      written: 'model-untouched',
    });
    expect(await readFile(model, 'utf8')).toBe('frelu network');
  });
});

test.runIf(process.platform !== 'win32')('a pipe in the place of a shard is not waited for', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, tfjs.old);
  await commitUpgrade(upgradeOf(folder, tfjs.entry, tfjs.old, tfjs.upgraded));
  await rm(join(folder, 'weights/a.bin'));
  execFileSync('mkfifo', [join(folder, 'weights/a.bin')]);
  await expect(rollback(join(folder, tfjs.entry))).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringContaining('a.bin is not a regular file'),
  });
});

test('a model and a kept file that have other names elsewhere leave those as they were', async () => {
  const elsewhere = await temporaryFolder();
  await writeFiles(elsewhere, { model: 'relu network', kept: 'relu network' });
  const folder = join(elsewhere, 'm');
  await mkdir(folder);
  await link(join(elsewhere, 'model'), join(folder, 'model.onnx'));
  const { id } = await commitUpgrade(upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded));
  const kept = join(folder, '.frelu', 'backups', id, 'files', 'model.onnx');
  await rm(kept);
  await link(join(elsewhere, 'kept'), kept);
  const before = await stat(join(elsewhere, 'kept'));
  await rollback(join(folder, 'model.onnx'));
  await writeFile(join(folder, 'model.onnx'), 'edited in place');
  await prune(join(folder, 'model.onnx'), 0).catch(() => undefined);
  for (const name of ['model', 'kept']) expect(await readFile(join(elsewhere, name), 'utf8')).toBe('relu network');
  expect((await stat(join(elsewhere, 'kept'))).mode).toBe(before.mode);
});

test('another name of the model itself is not removed as a file that is not needed any more', async () => {
  // what 'MODEL.ONNX' is on a disk without case, a hard link is on any
  const other = fileOf('MODEL.bin', 'version 1');
  const change: Change = { ...upgradeNumber(0), state: 'committed', obsolete: [other.path] };
  const folder = await withJournal([{ ...change, before: [...change.before, other] }], {
    'model.onnx': 'version 1',
    [`.frelu/backups/${idOf(0)}/files/MODEL.bin`]: 'version 1',
  });
  await link(join(folder, 'model.onnx'), join(folder, 'MODEL.bin'));
  expect(await recover(join(folder, 'model.onnx'))).toMatchObject([{ outcome: 'finished' }]);
  expect(await readFiles(folder)).toEqual({ 'model.onnx': 'version 1', 'MODEL.bin': 'version 1' });
});

describe('a long journal', () => {
  test('of four thousand versions is read, and pruned, in seconds', async () => {
    const upgrades = Array.from({ length: 4_000 }, (_, index) => upgradeNumber(index));
    const back: Change = {
      ...upgradeNumber(4_000),
      kind: 'rollback',
      to: 'original',
      after: [fileOf('model.onnx', 'version 0')],
    };
    const folder = await withJournal([...upgrades, back], { 'model.onnx': 'version 0' });
    const began = performance.now();
    const entries = await history(join(folder, 'model.onnx'));
    expect(entries.slice(-2).map(({ state }) => state)).toEqual(['rolled back', 'done']);
    await expect(rollback(join(folder, 'model.onnx'))).rejects.toMatchObject({ kind: 'input' });
    await prune(join(folder, 'model.onnx'), 1);
    expect(performance.now() - began).toBeLessThan(120_000);
  });

  test('beyond any that this program writes is not read at all', async () => {
    const folder = await withJournal([], { 'model.onnx': 'version 0' });
    await truncate(join(folder, '.frelu', 'journal.json'), 2 ** 31);
    await expect(history(join(folder, 'model.onnx'))).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringContaining(`${2 ** 31} bytes long`),
    });
  });

  test('of many changes that are all unfinished is refused', async () => {
    const changes = Array.from({ length: 9 }, (_, index): Change => ({ ...upgradeNumber(index), state: 'prepared' }));
    const folder = await withJournal(changes, { 'model.onnx': 'version 0' });
    for (const command of [history, rollback, recover]) {
      await expect(command(join(folder, 'model.onnx'))).rejects.toMatchObject({
        kind: 'locked',
        what: expect.stringContaining('9 changes are unfinished'),
      });
    }
  });
});
