import { readdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { history } from '../../src/upgrade/history.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { type Files, readFiles, sha256, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

const entry = 'model.json';
const first: Files = tfjs.upgraded;
const second: Files = {
  'model.json': '{"frelu":2}',
  'weights/a-77aa.bin': 'newer shard a',
  'new/deep/b.71b2c24e63b8.bin': 'new shard b',
};

/** A model that was upgraded twice; the shards of the original and of the first upgrade are gone from its folder. */
async function upgradedTwice(): Promise<{ folder: string; model: string; ids: readonly [string, string] }> {
  const folder = await temporaryFolder();
  await writeFiles(folder, tfjs.old);
  const one = await commitUpgrade(upgradeOf(folder, entry, tfjs.old, first, 'run-1'));
  const two = await commitUpgrade(upgradeOf(folder, entry, first, second, 'run-2'));
  expect(await readFiles(folder)).toEqual(second);
  return { folder, model: join(folder, entry), ids: [one.id, two.id] };
}

async function statesOf(model: string): Promise<readonly string[]> {
  return (await history(model)).map((each) => `${each.kind}: ${each.state}`);
}

test('step by step: to the first upgrade, then to the original', async () => {
  const { folder, model, ids } = await upgradedTwice();
  expect(await statesOf(model)).toEqual(['upgrade: superseded', 'upgrade: current']);

  expect(await rollback(model)).toEqual({
    model,
    from: ids[1],
    to: ids[0],
    restored: [
      { path: 'model.json', sha256: sha256('{"frelu":1}') },
      { path: 'weights/a.bin', sha256: sha256('shard a') },
    ],
  });
  expect(await readFiles(folder)).toEqual(first);
  expect(await statesOf(model)).toEqual(['upgrade: current', 'upgrade: rolled back', 'rollback: done']);

  expect(await rollback(model)).toMatchObject({ from: ids[0], to: 'original' });
  expect(await readFiles(folder)).toEqual(tfjs.old);
  expect(await statesOf(model)).toEqual([
    'upgrade: rolled back',
    'upgrade: rolled back',
    'rollback: done',
    'rollback: done',
  ]);
  // The folders of the upgrades' shards are gone with them.
  expect((await readdir(folder)).toSorted()).toEqual(['.frelu', 'model.json', 'weights']);

  await expect(rollback(model)).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringMatching(/nothing to roll back.*the original already\.$/),
    settings: ['version'],
  });
});

test('several steps at once, and forward again', async () => {
  const { folder, model, ids } = await upgradedTwice();
  expect(await rollback(model, { to: 'original' })).toMatchObject({ from: ids[1], to: 'original' });
  expect(await readFiles(folder)).toEqual(tfjs.old);

  expect(await rollback(model, { to: ids[1] })).toMatchObject({ from: 'original', to: ids[1] });
  expect(await readFiles(folder)).toEqual(second);
  expect(await statesOf(model)).toEqual([
    'upgrade: superseded',
    'upgrade: current',
    'rollback: done',
    'rollback: done',
  ]);
});

test('to the version that stands already writes nothing', async () => {
  const { folder, model, ids } = await upgradedTwice();
  expect(await rollback(model, { to: ids[1] })).toEqual({ model, restored: [], from: ids[1], to: ids[1] });
  expect(await readFiles(folder)).toEqual(second);
  expect(await history(model)).toHaveLength(2);
});

test('an upgrade after a rollback builds on what was restored', async () => {
  const { folder, model, ids } = await upgradedTwice();
  await rollback(model);
  const third: Files = { ...first, 'model.json': '{"frelu":3}' };
  const { id } = await commitUpgrade(upgradeOf(folder, entry, first, third, 'run-3'));
  expect((await history(model)).at(-1)).toMatchObject({ state: 'current', from: ids[0], to: id });
  expect(await rollback(model, { to: 'original' })).toMatchObject({ from: id });
  expect(await readFiles(folder)).toEqual(tfjs.old);
});

test('a model that was retrained by other means begins a history of its own', async () => {
  const { folder, model, ids } = await upgradedTwice();
  const retrained: Files = { ...second, 'model.json': '{"retrained":1}' };
  await writeFiles(folder, retrained);
  await commitUpgrade(upgradeOf(folder, entry, retrained, { ...retrained, 'model.json': '{"retrained+frelu":1}' }));
  expect(await statesOf(model)).toEqual(['upgrade: replaced', 'upgrade: replaced', 'upgrade: current']);
  await rollback(model);
  expect(await readFiles(folder)).toEqual(retrained);
  // The older line is not lost.
  await rollback(model, { to: ids[0] });
  expect(await readFiles(folder)).toMatchObject(first);
});

test('between two upgrades that wrote the same bytes, as two runs of one seed do', async () => {
  const { folder, model, ids } = await upgradedTwice();
  await rollback(model);
  const again = await commitUpgrade(upgradeOf(folder, entry, first, second, 'run-3'));
  expect(await rollback(model, { to: ids[1] })).toEqual({ model, restored: [], from: again.id, to: ids[1] });
  expect(await readFiles(folder)).toEqual(second);
  expect((await history(model)).find(({ state }) => state === 'current')?.id).toBe(ids[1]);
  expect(await rollback(model)).toMatchObject({ from: ids[1], to: ids[0] });
  expect(await readFiles(folder)).toEqual(first);
});

test('a shard that somebody overwrote between two upgrades comes back as the second found it', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, tfjs.old);
  const model = join(folder, entry);
  const one = await commitUpgrade(upgradeOf(folder, entry, tfjs.old, first));
  const overwritten: Files = { ...first, 'weights/a.bin': 'shard A' };
  await writeFiles(folder, overwritten);
  const third: Files = { ...overwritten, 'model.json': '{"frelu":3}' };
  const two = await commitUpgrade(upgradeOf(folder, entry, overwritten, third));
  // under one name there is one shard, and no rename of the entry file would restore it with the rest
  await expect(rollback(model, { to: one.id })).rejects.toMatchObject({
    kind: 'locked',
    what: expect.stringMatching(/weights\/a\.bin was overwritten since/),
    cure: expect.stringContaining('by hand'),
    settings: ['version'],
    written: 'model-untouched',
  });
  expect(await readFiles(folder)).toEqual(third);
  expect(await rollback(model)).toMatchObject({ from: two.id, to: 'original' });
  expect(await readFiles(folder)).toEqual(overwritten);
});

describe('refuses, and writes nothing,', () => {
  test('when files were changed or removed since, naming each', async () => {
    const { folder, model } = await upgradedTwice();
    await writeFile(model, 'edited');
    await unlink(join(folder, 'new/deep/b.71b2c24e63b8.bin'));
    const tampered = await readFiles(folder);
    await expect(rollback(model)).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(/model\.json has SHA-256.*b.71b2c24e63b8\.bin is missing/),
      cure: expect.stringContaining('Restore them'),
      written: 'model-untouched',
    });
    expect(await readFiles(folder)).toEqual(tampered);
    expect(await history(model)).toHaveLength(2);
  });

  test('when the entry file itself is gone', async () => {
    const { model } = await upgradedTwice();
    await unlink(model);
    await expect(rollback(model)).rejects.toMatchObject({
      kind: 'locked',
      message: expect.stringContaining('model.json is missing'),
    });
  });

  test('when the kept bytes are damaged or missing', async () => {
    const { folder, model, ids } = await upgradedTwice();
    const backups = join(folder, '.frelu', 'backups');
    await writeFile(join(backups, ids[0], 'files', 'weights', 'b.bin'), 'rotten');
    await expect(rollback(model, { to: 'original' })).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(/weights\/b\.bin are missing or damaged/),
      settings: ['version'],
      written: 'model-untouched',
    });
    expect(await readFiles(folder)).toEqual(second);
    await rm(backups, { recursive: true });
    await expect(rollback(model)).rejects.toMatchObject({ kind: 'locked' });
    expect(await readFiles(folder)).toEqual(second);
  });

  test('when a stranger’s file lies where one must be restored', async () => {
    const { folder, model } = await upgradedTwice();
    await writeFiles(folder, { 'weights/b.bin': 'somebody’s own' });
    await expect(rollback(model, { to: 'original' })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/weights\/b\.bin is in the way/),
      written: 'removed-again',
    });
    expect(await readFiles(folder)).toEqual({ ...second, 'weights/b.bin': 'somebody’s own' });
  });

  test('when a folder has become a link, as what the journal does not say', async () => {
    const { folder, model } = await upgradedTwice();
    await rename(join(folder, 'weights'), join(folder, 'elsewhere'));
    await symlink('elsewhere', join(folder, 'weights'));
    const there = await readFiles(join(folder, 'elsewhere'));
    await expect(rollback(model)).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringContaining('weights is not a folder but leads elsewhere'),
      settings: [],
    });
    expect(await readFiles(join(folder, 'elsewhere'))).toEqual(there);
  });

  test('when the disk does, with no cure that a rollback has not', async () => {
    const { model } = await upgradedTwice();
    const full = () => {
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    };
    await expect(rollback(model, { checkpoint: full })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('the disk is full'),
      cure: 'Free some space.',
      settings: [],
      written: 'removed-again',
    });
  });

  test('when there is no such version, naming those that there are', async () => {
    const { model, ids } = await upgradedTwice();
    await expect(rollback(model, { to: 'yesterday' })).rejects.toMatchObject({
      kind: 'usage',
      cure: `Name one of its versions: original, ${ids[0]}, ${ids[1]}.`,
      settings: ['version'],
    });
  });

  test('when the model was never upgraded, or the journal is not one', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, tfjs.old);
    const model = join(folder, entry);
    await expect(rollback(model)).rejects.toMatchObject({ kind: 'input' });
    await writeFiles(folder, { '.frelu/journal.json': '{"version": 2, "changes": []}' });
    await expect(rollback(model)).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringMatching(/journal\.json is not readable \(.*: .*\)/),
      cure: expect.stringContaining('Restore it'),
    });
  });
});

test('the history tells what each run did to each file', async () => {
  const { model, ids } = await upgradedTwice();
  expect(await history(model)).toMatchObject([
    { id: ids[0], run: { runId: 'run-1', toolVersion: '1.2.3', summary: { verdict: 'adopt', delta: 0.012 } } },
    {
      id: ids[1],
      from: ids[0],
      to: ids[1],
      run: { runId: 'run-2' },
      files: [
        { path: 'model.json', before: sha256('{"frelu":1}'), after: sha256('{"frelu":2}') },
        { path: 'new/deep/b.71b2c24e63b8.bin', before: sha256('new shard b'), after: sha256('new shard b') },
        { path: 'weights/a-77aa.bin', before: null, after: sha256('newer shard a') },
        { path: 'weights/a.bin', before: sha256('shard a'), after: null },
      ],
    },
  ]);
});
