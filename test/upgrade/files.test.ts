import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { explainFileError } from '../../src/upgrade/file-errors.js';
import { createFolder, fingerprint, writeFileDurably } from '../../src/upgrade/files.js';
import { resolveInside } from '../../src/upgrade/places.js';
import { sha256, temporaryFolder, writeFiles } from './models.js';

test('a fingerprint is the SHA-256 and the size, null for a file that is not there', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { empty: '', abc: 'abc' });
  expect(await fingerprint(join(folder, 'abc'))).toEqual({
    // FIPS 180-2, appendix B.1
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    bytes: 3,
  });
  expect(await fingerprint(join(folder, 'empty'))).toMatchObject({ bytes: 0 });
  expect(await fingerprint(join(folder, 'absent'))).toBeNull();
});

test('a stream of many pieces and a view into a larger buffer are written exactly', async () => {
  const folder = await temporaryFolder();
  const all = new Uint8Array(3_000_000).map((_, index) => index * 31);
  async function* pieces() {
    for (let at = 0; at < all.length; at += 70_001) yield all.subarray(at, at + 70_001);
  }
  const written = await writeFileDurably(join(folder, 'stream'), pieces());
  expect(written).toEqual({ sha256: sha256(all), bytes: all.byteLength });
  expect(await fingerprint(join(folder, 'stream'))).toEqual(written);
  await writeFileDurably(join(folder, 'view'), all.subarray(7, 12), { mode: 0o600 });
  expect([...(await readFile(join(folder, 'view')))]).toEqual([...all.subarray(7, 12)]);
  expect((await stat(join(folder, 'view'))).mode & 0o777).toBe(0o600);
});

test('a copy has the bytes and the permissions of what it copies', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'weights'), 'the weights', { mode: 0o640 });
  expect(await writeFileDurably(join(folder, 'copy'), { copyOf: join(folder, 'weights') })).toEqual({
    sha256: sha256('the weights'),
    bytes: 11,
  });
  expect(await readFile(join(folder, 'copy'), 'utf8')).toBe('the weights');
  expect((await stat(join(folder, 'copy'))).mode & 0o777).toBe((await stat(join(folder, 'weights'))).mode & 0o777);
});

test('what is being written goes to the disk on the way, and whole', async () => {
  const folder = await temporaryFolder();
  const piece = new Uint8Array(1 << 23).fill(7);
  async function* pieces() {
    // the buffer is used again, as one that a file is read into
    for (let at = 0; at < 9; at++) yield piece.fill(at);
  }
  const { sha256: told, bytes } = await writeFileDurably(join(folder, 'large'), pieces());
  expect(bytes).toBe(9 * piece.byteLength);
  expect((await fingerprint(join(folder, 'large')))?.sha256).toBe(told);
  expect((await readFile(join(folder, 'large'))).subarray(-2)).toEqual(Buffer.of(8, 8));
});

test('a file that exists is never overwritten', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { a: 'a', b: 'b' });
  await expect(writeFileDurably(join(folder, 'a'), new Uint8Array(1))).rejects.toThrow('EEXIST');
  await expect(writeFileDurably(join(folder, 'a'), { copyOf: join(folder, 'b') })).rejects.toThrow('EEXIST');
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('a');
});

test('creating a folder tells which ones were new', async () => {
  const folder = await temporaryFolder();
  expect(await createFolder(join(folder, 'a', 'b'))).toEqual([join(folder, 'a'), join(folder, 'a', 'b')]);
  expect(await createFolder(join(folder, 'a', 'b'))).toEqual([]);
});

test('the file system’s refusals become failures that say what to do and what was written', () => {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
  expect(explainFileError(full, '/models/m.onnx', 'removed-again')).toMatchObject({
    kind: 'input',
    what: '/models/m.onnx cannot be written: the disk is full.',
    cure: 'Free some space, or write to another disk.',
    settings: ['out'],
    written: 'removed-again',
    cause: full,
  });
  // A failure that knows what was written keeps it, another is told.
  const known = new Failure('locked', { what: 'No.', cure: 'Wait.', written: 'nothing' });
  expect(explainFileError(known, '/models/m.onnx', 'removed-again')).toBe(known);
  const unknown = new Failure('locked', { what: 'No.', cure: 'Wait.', settings: ['out'] });
  expect(explainFileError(unknown, '/models/m.onnx', 'left-beside')).toMatchObject({
    kind: 'locked',
    what: 'No.',
    cure: 'Wait.',
    settings: ['out'],
    written: 'left-beside',
    cause: unknown,
  });
  // A defect must keep looking like one.
  const defect = new TypeError('undefined is not a function');
  expect(explainFileError(defect, '/models/m.onnx', 'nothing')).toBe(defect);
});

test('side files lie inside of the model’s folder', () => {
  expect(resolveInside('/models', 'weights/group1-shard1of2.bin')).toBe(
    join('/models', 'weights', 'group1-shard1of2.bin'),
  );
  for (const path of ['', '.', '..', '../x', '/x', 'a/../../x', './.frelu/lock']) {
    expect(() => resolveInside('/models', path)).toThrow(Failure);
  }
});
