import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/data/open.js';
import { allValues, littleEndian, npyBytes, temporaryFolder, write, zipBytes } from './bytes.js';

/** Everything but the header stays in the file. */
const heldBytes = 150;

const pixels = Uint8Array.from({ length: 6 * 5 * 7 }, (_, i) => (37 * i) % 256);
const numbers = Array.from({ length: 6 * 11 }, (_, i) => Math.sin(i));
const labels = npyBytes('|i1', [6], Uint8Array.of(0, 1, 2, 0, 1, 2));

async function written(x: Uint8Array): Promise<readonly string[]> {
  const folder = await temporaryFolder();
  const archive = await write(folder, 'data.npz', zipBytes({ 'x.npy': x, 'y.npy': labels }));
  await write(folder, 'y.npy', labels);
  return [archive, await write(folder, 'x.npy', x)];
}

describe.each([
  ['8-bit pixels', npyBytes('|u1', [6, 5, 7], pixels)],
  ['float32', npyBytes('<f4', [6, 11], littleEndian.float32(numbers))],
])('samples stay in an .npz or .npy file, %s', (_, x) => {
  it('and are read as those in memory', async () => {
    for (const path of await written(x)) {
      const inMemory = await openDataset(path);
      const inFile = await openDataset(path, { heldBytes });
      expect(inFile.sample).toEqual(inMemory.sample);
      expect(inFile.targets).toEqual(inMemory.targets);
      expect(await allValues(inFile)).toEqual(await allValues(inMemory));
      const width = (await allValues(inMemory)).length / 6;
      // a run, and samples out of order
      const some = [1, 2, 3, 5, 0];
      const [a, b] = [new Float32Array(5 * width), new Float32Array(5 * width)];
      await inMemory.read(some, a);
      await inFile.read(some, b);
      expect(b).toEqual(a);
      expect(await inFile.pixels?.(some, null)).toEqual(await inMemory.pixels?.(some, null));
    }
  });
});

it('refuses a number that is not finite when it is read, naming the sample', async () => {
  const broken = numbers.map((value, i) => (i === 45 ? Number.NaN : value));
  for (const path of await written(npyBytes('<f4', [6, 11], littleEndian.float32(broken)))) {
    const inFile = await openDataset(path, { heldBytes });
    await inFile.read([0, 1], new Float32Array(22));
    await expect(inFile.read([5, 4], new Float32Array(22))).rejects.toThrow(/sample 4 holds NaN at position 1/);
  }
});

it('refuses targets that stay in the file, and an array that is cut short', async () => {
  const folder = await temporaryFolder();
  const x = npyBytes('|u1', [80, 2], Uint8Array.from({ length: 160 }));
  const y = npyBytes('<f4', [80], littleEndian.float32(Array.from({ length: 80 }, (_, i) => i)));
  const archive = await write(folder, 'data.npz', zipBytes({ 'x.npy': x, 'y.npy': y }));
  await expect(openDataset(archive, { heldBytes })).rejects.toThrow(/y holds 320 bytes, more than targets may be/);
  const cut = await write(folder, 'x.npy', npyBytes('|u1', [6, 5, 7], pixels).subarray(0, 300));
  await expect(openDataset(cut, { heldBytes, requireTargets: false })).rejects.toThrow(/announces 210 bytes/);
  const turned = await write(folder, 'x.npy', npyBytes('|u1', [6, 5, 7], pixels, true));
  await expect(openDataset(turned, { heldBytes, requireTargets: false })).rejects.toThrow(
    /in Fortran order.*too large/,
  );
});
