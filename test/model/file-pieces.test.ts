import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hashFile, RangeReader } from '../../src/model/file-pieces.js';

/** More than two pieces, and no whole number of them. */
const bytes = new Uint8Array(9_000_001).map((_, index) => index * 7 + (index >> 9));

async function file(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-pieces-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'weights.bin'), bytes);
  return join(folder, 'weights.bin');
}

test('ranges are read in pieces, each into a buffer that is used again', async () => {
  const reader = new RangeReader(await file());
  onTestFinished(() => reader.close());
  for (const [offset, byteLength] of [
    [0, bytes.byteLength],
    [4_194_303, 4_194_306],
    [17, 3],
    [5, 0],
  ] as const) {
    const pieces: Buffer[] = [];
    for await (const piece of reader.read({ offset, byteLength })) pieces.push(Buffer.from(piece));
    expect(Buffer.concat(pieces).equals(bytes.subarray(offset, offset + byteLength))).toBe(true);
  }
});

test('a range may be left half-way, and another be read', async () => {
  const reader = new RangeReader(await file());
  onTestFinished(() => reader.close());
  for await (const piece of reader.read({ offset: 0, byteLength: bytes.byteLength })) {
    expect(piece.byteLength).toBeGreaterThan(0);
    break;
  }
  for await (const piece of reader.read({ offset: 8_000_000, byteLength: 2 })) {
    expect([...piece]).toEqual([...bytes.subarray(8_000_000, 8_000_002)]);
  }
});

test('a file that ends before the range does is refused', async () => {
  const reader = new RangeReader(await file());
  onTestFinished(() => reader.close());
  const read = async () => {
    for await (const piece of reader.read({ offset: bytes.byteLength - 5, byteLength: 6 })) void piece;
  };
  await expect(read()).rejects.toMatchObject({
    kind: 'input',
    message: /weights\.bin: the file ended while it was read/,
  });
});

test('the hash of a file is that of its bytes', async () => {
  expect(await hashFile(await file())).toEqual({
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.byteLength,
  });
});
