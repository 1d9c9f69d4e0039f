import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/upgrade/change.js';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { history } from '../../src/upgrade/history.js';
import { acquireLock } from '../../src/upgrade/lock.js';
import { prune } from '../../src/upgrade/prune.js';
import { recover } from '../../src/upgrade/recover.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { onnx, readFiles, sha256, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

const id = '20260101T000000Z-abcdef';
const before = { path: 'model.onnx', sha256: sha256('relu network'), bytes: 12, mode: 0o644 };
const after = { ...before, sha256: sha256('frelu network'), bytes: 13 };

/** A change as this program would announce it. */
const preparing: Change = {
  id,
  kind: 'upgrade',
  entry: 'model.onnx',
  when: '2026-01-01T00:00:00.000Z',
  state: 'preparing',
  from: 'original',
  to: id,
  run: null,
  before: [before],
  after: [],
  writes: ['model.onnx'],
  created: [],
  createdFolders: [],
  obsolete: [],
  pruned: false,
};
const prepared: Change = { ...preparing, state: 'prepared', after: [after] };
const notes = { path: 'notes.txt', sha256: sha256('notes'), bytes: 5, mode: 0o644 };

async function withJournal(...changes: readonly object[]): Promise<string> {
  const folder = await temporaryFolder();
  const journal = JSON.stringify({ version: 1, changes });
  await writeFiles(folder, {
    ...onnx.old,
    'notes.txt': 'notes',
    'sub/mine.txt': 'mine',
    '.frelu/journal.json': journal,
  });
  return folder;
}

/** Everything below a folder, `.frelu` too: links are named, not followed. */
async function everythingIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.map((each) => join(each.parentPath, each.name)).toSorted();
}

const commands: readonly (readonly [string, (model: string) => Promise<unknown>])[] = [
  ['history', history],
  ['rollback', rollback],
  ['recover', recover],
  ['prune', (model) => prune(model, 0)],
];

/** No command does anything, and each says why with exit code 5. */
async function expectRefused(folder: string, what: RegExp): Promise<void> {
  const there = await everythingIn(folder);
  for (const [name, command] of commands) {
    await expect(command(join(folder, 'model.onnx')), name).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(what),
      cure: expect.stringMatching(/./),
    });
    expect(await everythingIn(folder), name).toEqual(there);
  }
}

describe('a journal that this program would not write is refused by every command, and nothing is touched:', () => {
  const twice = [preparing, preparing];
  const circle = { ...prepared, state: 'complete', from: id };
  const reversed = { ...prepared, state: 'complete', kind: 'rollback', to: '20270101T000000Z-abcdef' };
  const side = { ...notes, path: 'side.bin' };
  test.each<readonly [string, readonly object[], RegExp]>([
    ['an id that is a folder of somebody', [{ ...preparing, id: 'Documents', to: 'Documents' }], /changes\.0\.id/],
    ['an id on two lines', [{ ...preparing, id: `${id}\n`, to: `${id}\n` }], /changes\.0\.id/],
    ['an id that leads elsewhere', [{ ...preparing, id: '../..', to: '../..' }], /changes\.0\.id/],
    ['another entry in its place', [{ ...preparing, entry: 'sub/mine.txt' }], /no file's name/],
    ['an entry above', [{ ...preparing, entry: '..' }], /no file's name/],
    ['its own model among what it created', [{ ...preparing, created: ['model.onnx'] }], /cannot have created/],
    ['a created file that it does not write', [{ ...preparing, created: ['notes.txt'] }], /cannot have created/],
    [
      'a created file that was there before',
      [{ ...preparing, before: [before, notes], writes: ['model.onnx', 'notes.txt'], created: ['notes.txt'] }],
      /cannot have created/,
    ],
    ['a file outside', [{ ...preparing, writes: ['model.onnx', '../x'], created: ['../x'] }], /no place in the model/],
    ['an absolute path', [{ ...preparing, writes: ['model.onnx', '/etc/x'] }], /no place in the model/],
    ['a path by a detour', [{ ...preparing, writes: ['model.onnx', 'sub/../../x'] }], /no place in the model/],
    ['its own records', [{ ...preparing, writes: ['model.onnx', '.frelu/journal.json'] }], /no place in the model/],
    ['its own records on a disk without case', [{ ...preparing, writes: ['model.onnx', '.Frelu/lock'] }], /no place/],
    ['a folder of somebody', [{ ...preparing, createdFolders: ['sub'] }], /cannot have created the folder/],
    ['the model as obsolete', [{ ...prepared, obsolete: ['model.onnx'] }], /cannot be obsolete/],
    ['an obsolete file that is none of the model', [{ ...prepared, obsolete: ['notes.txt'] }], /cannot be obsolete/],
    ['files that nobody wrote', [{ ...prepared, after: [after, side] }], /does not write/],
    [
      'a side file under its old name',
      [{ ...prepared, before: [before, notes], after: [after, { ...notes, sha256: sha256('x') }] }],
      /cannot have overwritten/,
    ],
    ['no model before', [{ ...preparing, before: [] }], /does not replace its own model/],
    ['no model after', [{ ...prepared, after: [] }], /do not go with the state/],
    ['files after it before they are written', [{ ...preparing, after: [after] }], /do not go with the state/],
    ['a file twice', [{ ...preparing, writes: ['model.onnx', 'model.onnx'] }], /twice/],
    ['a change twice', twice, /another change has this id/],
    ['versions in a circle', [circle], /no earlier version/],
    ['a rollback to nowhere', [reversed], /no earlier version/],
    ['an upgrade to another version', [{ ...prepared, to: 'original' }], /another version than its own/],
    ['a hash that is none', [{ ...preparing, before: [{ ...before, sha256: 'x' }] }], /sha256/],
    ['a mode that is none', [{ ...preparing, before: [{ ...before, mode: -1 }] }], /mode/],
    ['a time that is none', [{ ...preparing, when: 'x' }], /when/],
  ])('%s', async (_, changes, what) => {
    await expectRefused(await withJournal(...changes), what);
  });

  test('a summary that is nested without end', async () => {
    const folder = await withJournal();
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const run = `{"runId":"r","toolVersion":"1","summary":${deep}}`;
    const text = JSON.stringify({ version: 1, changes: [preparing] }).replace('"run":null', `"run":${run}`);
    await writeFile(join(folder, '.frelu', 'journal.json'), text);
    await expectRefused(folder, /not readable/);
  });
});

describe('what is in the place of what this program keeps is refused by every command that comes upon it, and never waited for:', () => {
  const kinds: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    'a file': (path) => writeFile(path, 'x'),
    'a folder': (path) => mkdir(path),
    'a link to itself': (path) => symlink(path, path),
    'a dangling link': (path) => symlink('nowhere', path),
    'a link to a folder elsewhere': (path) => symlink('../elsewhere', path),
    ...(process.platform !== 'win32' && {
      'a pipe': async (path: string) => execFileSync('mkfifo', [path]),
    }),
  };
  const places: Readonly<Record<string, readonly string[]>> = {
    '.frelu': Object.keys(kinds).filter((kind) => kind !== 'a folder'),
    '.frelu/backups': Object.keys(kinds).filter((kind) => kind !== 'a folder'),
    '.frelu/journal.json': Object.keys(kinds).filter((kind) => kind !== 'a file'),
    '.frelu/journal.json.tmp': Object.keys(kinds).filter((kind) => kind !== 'a file'),
    '.frelu/lock': Object.keys(kinds).filter((kind) => kind !== 'a file'),
  };
  const cases = Object.entries(places).flatMap(([place, wrong]) => wrong.map((kind) => ({ place, kind })));
  test.each(cases)('$place is $kind', async ({ place, kind }) => {
    const folder = await temporaryFolder();
    await writeFiles(folder, { ...onnx.old, 'elsewhere/precious.txt': 'precious' });
    await commitUpgrade(upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded));
    await rm(join(folder, place), { recursive: true, force: true });
    await kinds[kind]?.(join(folder, place));
    const there = await everythingIn(folder);
    for (const command of [history, rollback, acquireLock]) {
      await expect(command(join(folder, onnx.entry))).rejects.toMatchObject({
        kind: 'locked',
        what: expect.stringContaining(join(folder, place)),
        cure: expect.stringContaining('move it away'),
      });
    }
    expect(await everythingIn(folder)).toEqual(there);
    expect(await readFile(join(folder, 'model.onnx'), 'utf8')).toBe('frelu network');
  });
});

describe('recovery', () => {
  test('leaves a file that the journal says was created and that holds something else', async () => {
    const writes = ['model.onnx', 'notes.txt'];
    const side = { ...notes, sha256: sha256('other notes') };
    const folder = await withJournal({ ...prepared, after: [after, side], writes, created: ['notes.txt'] });
    expect(await recover(join(folder, 'model.onnx'))).toMatchObject([{ outcome: 'discarded' }]);
    expect(await readFiles(folder)).toEqual({ ...onnx.old, 'notes.txt': 'notes', 'sub/mine.txt': 'mine' });
  });

  test('leaves a file whose hash the journal knows, under a name that this program gives to none', async () => {
    const folder = await withJournal({
      ...prepared,
      after: [after, notes],
      writes: ['model.onnx', 'notes.txt'],
      created: ['notes.txt'],
    });
    expect(await recover(join(folder, 'model.onnx'))).toMatchObject([{ outcome: 'discarded' }]);
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('notes');
  });

  test('removes no obsolete file that no backup holds', async () => {
    const folder = await withJournal({
      ...prepared,
      state: 'committed',
      before: [before, notes],
      obsolete: ['notes.txt'],
    });
    await writeFile(join(folder, 'model.onnx'), 'frelu network');
    expect(await recover(join(folder, 'model.onnx'))).toMatchObject([{ outcome: 'finished' }]);
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('notes');
  });

  test('removes nothing of a committed change whose model somebody has replaced since', async () => {
    const folder = await withJournal({
      ...prepared,
      state: 'committed',
      before: [before, notes],
      obsolete: ['notes.txt'],
    });
    await writeFiles(folder, { 'model.onnx': 'retrained', [`.frelu/backups/${id}/files/notes.txt`]: 'notes' });
    await recover(join(folder, 'model.onnx'));
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('notes');
  });

  test.each(['created', 'obsolete'] as const)('follows no link to a file that is %s', async (kind) => {
    const elsewhere = await temporaryFolder();
    await writeFiles(elsewhere, { 'notes.txt': 'notes' });
    const linked = { ...notes, path: 'x/notes.txt' };
    const change = {
      created: { ...prepared, after: [after, linked], writes: ['model.onnx', 'x/notes.txt'], created: ['x/notes.txt'] },
      obsolete: { ...prepared, state: 'committed', before: [before, linked], obsolete: ['x/notes.txt'] },
    }[kind];
    const folder = await withJournal(change);
    await writeFiles(folder, { [`.frelu/backups/${id}/files/x/notes.txt`]: 'notes' });
    if (kind === 'obsolete') await writeFile(join(folder, 'model.onnx'), 'frelu network');
    await symlink(elsewhere, join(folder, 'x'));
    await expect(recover(join(folder, 'model.onnx'))).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(/x is not a folder but leads elsewhere/),
    });
    expect(await readFiles(elsewhere)).toEqual({ 'notes.txt': 'notes' });
  });

  test('of a backup removes what this program put there, and nothing through a link', async () => {
    const elsewhere = await temporaryFolder();
    await writeFiles(elsewhere, { 'files/model.onnx': 'precious', SHA256SUMS: 'precious' });
    const folder = await withJournal(preparing);
    await writeFiles(folder, {
      [`.frelu/backups/${id}/mine.txt`]: 'mine',
      [`.frelu/backups/${id}/files/model.onnx`]: 'x',
    });
    await recover(join(folder, 'model.onnx'));
    expect(await readdir(join(folder, '.frelu', 'backups', id))).toEqual(['mine.txt']);

    await writeFile(join(folder, '.frelu', 'journal.json'), JSON.stringify({ version: 1, changes: [preparing] }));
    await rm(join(folder, '.frelu', 'backups', id), { recursive: true });
    await symlink(elsewhere, join(folder, '.frelu', 'backups', id));
    await recover(join(folder, 'model.onnx'));
    expect(await readFiles(elsewhere)).toEqual({ 'files/model.onnx': 'precious', SHA256SUMS: 'precious' });
  });
});

describe('a folder of the model that is a link', () => {
  test('is neither written to nor cleared', async () => {
    const elsewhere = await temporaryFolder();
    await writeFiles(elsewhere, { 'a.bin': 'shard a', 'b.bin': 'shard b' });
    const folder = await temporaryFolder();
    await writeFiles(folder, { 'model.json': tfjs.old['model.json'] ?? '' });
    await symlink(elsewhere, join(folder, 'weights'));
    for (const upgraded of [
      tfjs.upgraded,
      { ...tfjs.old, 'model.json': '{"frelu":1}', [`weights/c.${sha256('c').slice(0, 12)}.bin`]: 'c' },
    ]) {
      await expect(commitUpgrade(upgradeOf(folder, 'model.json', tfjs.old, upgraded))).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringContaining('weights is not a folder but leads elsewhere'),
        settings: ['out'],
        written: 'model-untouched',
      });
    }
    expect(await readFiles(elsewhere)).toEqual({ 'a.bin': 'shard a', 'b.bin': 'shard b' });
    expect(await history(join(folder, 'model.json'))).toEqual([]);
  });
});
