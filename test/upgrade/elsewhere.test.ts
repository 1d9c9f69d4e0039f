import { spawnSync } from 'node:child_process';
import { mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refuseExisting, writeElsewhere } from '../../src/upgrade/elsewhere.js';
import { temporaryId } from '../../src/upgrade/lock-record.js';
import { draftName } from '../../src/upgrade/places.js';
import { readFiles, sha256, temporaryFolder, writeFiles } from './models.js';

const encode = (text: string) => new TextEncoder().encode(text);

async function target() {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'in/weights.bin': 'the weights' });
  const model = {
    outPath: join(folder, 'out', 'deep', 'new.onnx'),
    entry: 'model.onnx',
    files: [
      { path: 'model.onnx', bytes: encode('frelu network') },
      { path: 'data/weights.bin', bytes: { copyOf: join(folder, 'in', 'weights.bin') } },
    ],
  };
  return { folder, model, out: join(folder, 'out', 'deep') };
}

test('a model is written to a folder that does not exist yet, under the name that was asked for', async () => {
  const { model, out } = await target();
  expect(await writeElsewhere(model)).toEqual([
    { path: join(out, 'new.onnx'), sha256: sha256('frelu network') },
    { path: join(out, 'data', 'weights.bin'), sha256: sha256('the weights') },
  ]);
  expect(await readFiles(out)).toEqual({ 'new.onnx': 'frelu network', 'data/weights.bin': 'the weights' });
});

test('what stands there is not replaced, unless that is asked for', async () => {
  const { model, out } = await target();
  await writeFiles(out, { 'new.onnx': 'mine' });
  await expect(refuseExisting(model.outPath)).rejects.toMatchObject({ kind: 'usage' });
  await expect(writeElsewhere(model)).rejects.toMatchObject({
    kind: 'usage',
    what: expect.stringMatching(/new\.onnx exists already\.$/),
    cure: 'Choose another place, or remove it first.',
    settings: ['out'],
  });
  expect(await readFiles(out)).toEqual({ 'new.onnx': 'mine' });
  await writeElsewhere({ ...model, overwrite: true });
  expect(await readFiles(out)).toEqual({ 'new.onnx': 'frelu network', 'data/weights.bin': 'the weights' });
});

test('a side file in the way is not replaced either, and one with the same bytes is no obstacle', async () => {
  const { model, out } = await target();
  await writeFiles(out, { 'data/weights.bin': 'other weights' });
  await expect(writeElsewhere(model)).rejects.toMatchObject({ kind: 'usage' });
  expect(await readFiles(out)).toEqual({ 'data/weights.bin': 'other weights' });
  await writeFiles(out, { 'data/weights.bin': 'the weights' });
  await writeElsewhere(model);
  expect(await readFiles(out)).toEqual({ 'new.onnx': 'frelu network', 'data/weights.bin': 'the weights' });
});

test('a file that appears at the last moment is not replaced', async () => {
  const { model, out } = await target();
  const appear = async (name: string) => {
    if (name === 'moved data/weights.bin') await writeFiles(out, { 'new.onnx': 'mine' });
  };
  await expect(writeElsewhere(model, appear)).rejects.toMatchObject({ kind: 'usage' });
  expect(await readFiles(out)).toEqual({ 'new.onnx': 'mine' });
});

test('what is drafted is confirmed before anything takes its place', async () => {
  const { model, folder, out } = await target();
  const refuse = async () => {
    await expect(stat(join(out, 'data'))).rejects.toThrow('ENOENT');
    throw new Error('no');
  };
  await expect(writeElsewhere({ ...model, confirm: refuse })).rejects.toThrow('no');
  expect(await readFiles(folder)).toEqual({ 'in/weights.bin': 'the weights' });
});

describe('nothing is left behind', () => {
  test.each(['drafted data/weights.bin', 'drafted new.onnx', 'moved data/weights.bin', 'moved new.onnx'])(
    'when writing fails at "%s"',
    async (point) => {
      const { model, folder } = await target();
      const fail = (name: string) => {
        if (name === point) throw Object.assign(new Error('quota'), { code: 'EDQUOT' });
      };
      await expect(writeElsewhere(model, fail)).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringMatching(/quota is used up\.$/),
        written: 'removed-again',
      });
      expect(await readFiles(folder)).toEqual({ 'in/weights.bin': 'the weights' });
      await expect(stat(join(folder, 'out'))).rejects.toThrow('ENOENT');
    },
  );
});

test('what a process left that was killed over it is cleared by the next one, and nothing else is', async () => {
  const { model, out } = await target();
  const { pid = 0 } = spawnSync(process.execPath, ['-e', '']);
  const left = draftName('new.onnx', temporaryId().replace(`.${process.pid}.`, `.${pid}.`));
  const stays = [
    draftName('new.onnx', temporaryId()),
    draftName('other.onnx', temporaryId().replace(`.${process.pid}.`, `.${pid}.`)),
    '.new.onnx.mine.tmp',
  ];
  await writeFiles(out, Object.fromEntries([left, ...stays].map((name) => [`${name}/new.onnx`, 'half'])));
  await writeElsewhere(model);
  expect((await readdir(out)).toSorted()).toEqual([...stays, 'data', 'new.onnx'].toSorted());
});

test('a folder under the name of the model is refused', async () => {
  const { model } = await target();
  await mkdir(model.outPath, { recursive: true });
  await expect(writeElsewhere({ ...model, overwrite: true })).rejects.toMatchObject({ kind: 'usage' });
});

test.runIf(process.platform !== 'win32')('the files get the permissions that are asked for', async () => {
  const { model, out } = await target();
  await writeElsewhere({ ...model, mode: 0o600 });
  for (const path of ['new.onnx', 'data/weights.bin']) expect((await stat(join(out, path))).mode & 0o777).toBe(0o600);
});

test('a folder on the way that is a link is refused: what it leads to is somebody else’s', async () => {
  const { folder, model, out } = await target();
  await mkdir(out, { recursive: true });
  await symlink(join(folder, 'in'), join(out, 'data'));
  await expect(writeElsewhere({ ...model, overwrite: true })).rejects.toMatchObject({
    kind: 'input',
    settings: ['out'],
  });
  expect(await readFiles(join(folder, 'in'))).toEqual({ 'weights.bin': 'the weights' });
});

test('a dangling link where the model is to go is in the way', async () => {
  const { model, out } = await target();
  await mkdir(out, { recursive: true });
  await symlink('nowhere', join(out, 'new.onnx'));
  for (const overwrite of [false, true]) {
    await expect(writeElsewhere({ ...model, overwrite })).rejects.toMatchObject({ kind: 'usage' });
  }
});
