import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/contract/failure.js';
import { openDataset } from '../../../src/data/open.js';
import { idxBytes, littleEndian, npyBytes, temporaryFolder, write, zipBytes } from './bytes.js';

const folder = await temporaryFolder();

/** The message with which a data set is refused. */
async function refusal(path: string): Promise<string> {
  const thrown = await openDataset(path).then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!(thrown instanceof Failure)) throw new Error(`it is not refused: ${String(thrown)}`, { cause: thrown });
  expect(thrown.kind).toBe('input');
  expect(thrown.cure).not.toBe('');
  return thrown.message;
}

/** A zip archive with one deflated entry that claims to be of another size. */
function claiming(name: string, data: Uint8Array, size: number): Uint8Array {
  const stored = Buffer.from(zipBytes({ [name]: deflateRawSync(data), 'y.npy': data }));
  const directory = stored.indexOf('PK\x01\x02');
  for (const at of [8, directory + 10]) stored.writeUInt16LE(8, at);
  for (const at of [22, directory + 24]) stored.writeUInt32LE(size, at);
  return stored;
}

describe('what a file declares', () => {
  it('is believed of a zip entry only as far as such data compress', async () => {
    const x = npyBytes('<f4', [1, 4], littleEndian.float32([1, 2, 3, 4]));
    const path = await write(folder, 'bomb.npz', claiming('x.npy', x, 2 ** 32 - 2));
    expect(await refusal(path)).toMatch(/bomb\.npz.* unpacks to more than 134217728 bytes/);
  });

  it('is not believed of the number of a zip archive of entries', async () => {
    const one = npyBytes('<f4', [1, 1], littleEndian.float32([1]));
    const archive = Buffer.from(zipBytes({ 'x.npy': one, 'y.npy': one }));
    archive.writeUInt16LE(65535, archive.length - 14);
    expect(await refusal(await write(folder, 'many.npz', archive))).toMatch(/many\.npz.*(more entries|damaged)/);
  });

  it.each([
    ['(-2, -2)', 4],
    ['(0.5, 8)', 4],
    ['(1152921504606846976, 1152921504606846976)', 4],
    ['(nothing)', 4],
  ])('is no shape where it says %s', async (shape, count) => {
    const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117);
    const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
    const bytes = Buffer.concat([head, Buffer.from(`${header}\n`), Buffer.alloc(4 * count)]);
    const path = await write(folder, 'shape.npz', zipBytes({ 'x.npy': bytes, 'y.npy': bytes }));
    expect(await refusal(path)).toMatch(/shape\.npz.*(no shape|announces)/);
  });

  it('is held against the file where IDX announces more than there is', async () => {
    await write(folder, 'train-labels-idx1-ubyte', idxBytes([2], [0, 1]));
    const images = Buffer.from(idxBytes([2, 1, 1], [1, 2]));
    images.writeUInt32BE(2 ** 32 - 1, 8);
    images.writeUInt32BE(2 ** 32 - 1, 12);
    const path = await write(folder, 'train-images-idx3-ubyte', images);
    expect(await refusal(path)).toMatch(/header announces .* but it holds 18/);
  });
});

describe('a text without end', () => {
  it('is left where a quote is not closed', async () => {
    const path = await write(folder, 'quote.csv', `a,label\n"${'x,y\n'.repeat(2 ** 23)}`);
    const began = performance.now();
    expect(await refusal(path)).toMatch(/quote\.csv: a row of it is longer/);
    expect(performance.now() - began).toBeLessThan(120_000);
  });

  it('is left where a line of JSON does not end', async () => {
    const path = await write(folder, 'line.jsonl', `{"a":1}\n{"a":"${'x'.repeat(2 ** 25)}`);
    expect(await refusal(path)).toMatch(/line\.jsonl: a row of it is longer/);
  });

  it('is not unpacked beyond what such data compress to', async () => {
    const archive = gzipSync(Buffer.alloc(2 ** 26, `${'a'.repeat(1000)},b\n`));
    const path = await write(folder, 'bomb.csv.gz', archive);
    expect(await refusal(path)).toMatch(/bomb\.csv\.gz.* unpacks to more than/);
  });

  it('is refused where it nests its lists ten thousand deep', async () => {
    const path = await write(folder, 'deep.json', `${'['.repeat(20_000)}${']'.repeat(20_000)}`);
    expect(await refusal(path)).toMatch(/deep\.json: .* 500 deep/);
  });

  it('is refused where every row has columns of its own', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `{"c${i}":1}`);
    expect(await refusal(await write(folder, 'wide.jsonl', rows.join('\n')))).toMatch(/far more cells/);
  });
});

describe('what is no file', () => {
  it('is told at once of a pipe that nobody writes into, and of a device', async () => {
    const pipe = join(folder, 'pipe.csv');
    execFileSync('mkfifo', [pipe]);
    expect(await refusal(pipe)).toMatch(/pipe\.csv: this is a pipe, not a file/);
    expect(await refusal('/dev/zero')).toMatch(/this is a device, not a file/);
  });

  it('is told of an image that is a drawing by another name', async () => {
    const images = join(folder, 'images', 'one');
    await mkdir(images, { recursive: true });
    await write(images, 'a.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    const dataset = await openDataset(join(folder, 'images'));
    const size = {
      height: 2,
      width: 2,
      channels: 3,
      resized: { height: 2, width: 2 },
      fit: 'stretch',
      interpolation: 'linear',
    };
    const read = dataset.read([0], new Float32Array(12), { ...size, fit: 'stretch', interpolation: 'linear' });
    await expect(read).rejects.toThrow(/a\.png: .*no JPEG, PNG/);
  });

  it('is told of an image that announces more pixels than are decoded', async () => {
    const images = join(folder, 'large', 'one');
    await mkdir(images, { recursive: true });
    const header = Buffer.alloc(25);
    header.writeUInt32BE(13, 0);
    header.write('IHDR', 4, 'latin1');
    header.writeUInt32BE(40_000, 8);
    header.writeUInt32BE(40_000, 12);
    header.set([8, 2, 0, 0, 0], 16);
    await write(images, 'a.png', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), header]));
    const dataset = await openDataset(join(folder, 'large'));
    const size = { height: 2, width: 2, channels: 3, resized: { height: 2, width: 2 } };
    const read = dataset.read([0], new Float32Array(12), { ...size, fit: 'stretch', interpolation: 'linear' });
    await expect(read).rejects.toThrow(/a\.png: cannot be decoded/);
  });
});
