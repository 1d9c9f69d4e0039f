import { link, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { usedByOthers } from '../../src/upgrade/shared.js';
import { type Files, readFiles, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

const modelJson = (...paths: readonly string[]) => JSON.stringify({ weightsManifest: [{ paths, weights: [] }] });

async function used(files: Files, prepare: (folder: string) => Promise<unknown> = async () => {}): Promise<boolean> {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'm/model.json': modelJson('weights/b.bin'), 'm/weights/b.bin': 'shard', ...files });
  await prepare(folder);
  const shard = join(folder, 'm/weights/b.bin');
  return (await usedByOthers(join(folder, 'm/model.json'), [shard])).has(shard);
}

test.each<readonly [string, Files]>([
  ['another model.json beside it', { 'm/second.json': modelJson('a.bin', 'weights/b.bin') }],
  ['one that writes the path otherwise', { 'm/second.json': modelJson('./weights//b.bin') }],
  ['one that escapes its letters', { 'm/second.json': modelJson('weights/b.bin').replace('b.bin', '\\u0062.bin') }],
  ['one in the folder of the shards', { 'm/weights/second.json': modelJson('b.bin') }],
  ['one in a folder beside', { 'm/other/model.json': modelJson('../weights/b.bin') }],
  ['one in the folder above', { 'both.json': modelJson('m/weights/b.bin') }],
  ['an ONNX model, among other bytes', { 'm/second.onnx': `\0location\x12\x0db.bin\0` }],
])('a shard that %s names is used by others', async (_, files) => {
  expect(await used(files)).toBe(true);
});

test('a shard that a link leads to is used by others', async () => {
  expect(await used({}, (folder) => symlink('weights/b.bin', join(folder, 'm/alias.bin')))).toBe(true);
  expect(
    await used({ 'm/second.json': modelJson('linked/b.bin') }, (folder) =>
      symlink('weights', join(folder, 'm/linked')),
    ),
  ).toBe(true);
});

test.each<readonly [string, Files]>([
  ['no other model', {}],
  ['JSON that is none', { 'm/second.json': '{', 'm/third.json': '{"weightsManifest": 1}' }],
  [
    'a model with shards of its own',
    { 'm/other/model.json': modelJson('weights/b.bin'), 'm/second.json': modelJson('c.bin') },
  ],
  ['a package', { 'm/node_modules/x/model.json': modelJson('../../weights/b.bin') }],
])('a shard is the model’s alone beside %s', async (_, files) => {
  expect(await used(files)).toBe(false);
});

test('a name that lies across two pieces of a large file is found', async () => {
  const piece = 1 << 22;
  for (const at of [piece - 3, 2 * piece - 5]) {
    const large = `${'\0'.repeat(at)}b.bin${'\0'.repeat(100)}`;
    expect(await used({ 'm/second.onnx': large })).toBe(true);
  }
});

test('what another model names stays through an upgrade and a rollback; another name of the same bytes is another file', async () => {
  const folder = await temporaryFolder();
  const second = { 'second.json': modelJson('weights/b.bin') };
  await writeFiles(folder, { ...tfjs.old, ...second });
  await link(join(folder, 'weights/b.bin'), join(folder, 'snapshot.bin'));
  const { id } = await commitUpgrade(upgradeOf(folder, 'model.json', tfjs.old, tfjs.upgraded));
  const kept = { 'weights/b.bin': 'shard b', 'snapshot.bin': 'shard b' };
  expect(await readFiles(folder)).toEqual({ ...tfjs.upgraded, ...second, ...kept });

  // somebody begins to use what the upgrade has written
  const third = { 'third.json': modelJson('new/deep/b.71b2c24e63b8.bin') };
  await writeFiles(folder, third);
  await rollback(join(folder, 'model.json'));
  const left = { 'new/deep/b.71b2c24e63b8.bin': 'new shard b' };
  expect(await readFiles(folder)).toEqual({ ...tfjs.old, ...second, ...third, ...left, 'snapshot.bin': 'shard b' });

  await rollback(join(folder, 'model.json'), { to: id });
  expect(await readFiles(folder)).toMatchObject(tfjs.upgraded);
  expect(await readFile(join(folder, 'weights/b.bin'), 'utf8')).toBe('shard b');
});
