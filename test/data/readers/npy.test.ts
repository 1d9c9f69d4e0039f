import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCompanion, openDataset } from '../../../src/data/open.js';
import { allValues, temporaryFolder, write } from './bytes.js';

/** Written by NumPy 2.4: float32 [[0, 1], [2, 3], [4, 5]] and int64 [2, 0, 1]. */
const x = Buffer.from(
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA=',
  'base64',
);
const y = Buffer.from(
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoCAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAA=',
  'base64',
);

async function folderOf(names: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const name of names) await write(folder, `${name}.npy`, name.toLowerCase().includes('x') ? x : y);
  return folder;
}

const labels = Int32Array.of(2, 0, 1);

describe('.npy', () => {
  it('in a folder is read as an archive of the same names is', async () => {
    const train = await openDataset(await folderOf(['x_train', 'y_train', 'x_test', 'y_test']));
    expect(train).toMatchObject({ format: 'npy', part: 'train', count: 3, targets: { kind: 'class', labels } });
    expect(await allValues(train)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await openCompanion(train, 'test')).toMatchObject({ part: 'test', count: 3, targets: { labels } });
    expect(await openCompanion(train, 'validation')).toBeNull();
  });

  it('whose header has no end is refused by its beginning, however long the file is', async () => {
    const folder = await folderOf(['x', 'y']);
    const file = join(folder, 'x.npy');
    await write(folder, 'x.npy', Buffer.concat([x.subarray(0, 6), Buffer.from([2, 0, 0, 0, 0, 0x40])]));
    await truncate(file, 2 ** 33);
    await expect(openDataset(file)).rejects.toMatchObject({
      kind: 'input',
      what: `${file} has a header without end.`,
    });
  });

  it('alone has the targets that lie beside it, or none', async () => {
    const folder = await folderOf(['x_test', 'y_test', 'X', 'other']);
    expect(await openDataset(join(folder, 'x_test.npy'))).toMatchObject({ count: 3, targets: { labels } });
    const without = join(folder, 'X.npy');
    await expect(openDataset(without)).rejects.toMatchObject({
      kind: 'input',
      what: `${without}: it holds X but no labels for it.`,
      cure: expect.stringMatching(/y.npy beside x.npy/),
    });
    const unlabelled = await openDataset(without, { requireTargets: false });
    expect(unlabelled).toMatchObject({ count: 3, targets: { kind: 'none' } });
    // known by its first bytes
    const nameless = await write(folder, 'embeddings', x);
    expect(await openDataset(nameless, { requireTargets: false })).toMatchObject({ format: 'npy', count: 3 });
  });
});
