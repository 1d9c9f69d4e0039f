import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openDataset } from '../../src/data/open.js';
import { openSlices } from '../../src/data/slices.js';
import { littleEndian, npyBytes, temporaryFolder, write, zipBytes } from './readers/bytes.js';

const every = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);
const described = (slices: Awaited<ReturnType<typeof openSlices>>) =>
  Object.fromEntries(slices.map(({ column, value, positions }) => [`${column}=${value}`, [...positions]]));

it('tells the samples of a part apart by a column of their table, what is missing too', async () => {
  const rows = ['a,site,y', '1,north,0', '2,south,1', '3,,0', '4,north,1'].join('\n');
  const path = await write(await temporaryFolder(), 'table.csv', rows);
  const dataset = await openDataset(path, { slices: { columns: ['site'], areInputs: false } });
  expect(dataset.sample.names).toEqual(['a']);
  // positions are those of the part, not of the table
  expect(described(await openSlices(dataset, Int32Array.of(1, 2, 3), { columns: ['site'], file: null }))).toEqual({
    'site=south': [0],
    'site=(missing)': [1],
    'site=north': [2],
  });
});

it('reads the table of the part that is judged, in a folder with one for each', async () => {
  const path = await temporaryFolder();
  await write(path, 'train.csv', 'a,site,y\n1,north,0\n2,south,1\n3,south,1\n');
  await write(path, 'test.csv', 'a,site,y\n4,west,1\n5,north,0\n');
  const slices = { columns: ['site'], areInputs: false };
  const options = { columns: ['site'], file: null };
  const test = await openDataset(path, { part: 'test', slices });
  expect(test.sample.names).toEqual(['a']);
  expect(described(await openSlices(test, every(2), options))).toEqual({ 'site=west': [0], 'site=north': [1] });
  const train = await openDataset(path, { part: 'train', slices });
  expect(described(await openSlices(train, every(3), options))).toEqual({ 'site=north': [0], 'site=south': [1, 2] });
  await expect(openSlices(test, every(2), { ...options, columns: ['sex'] })).rejects.toThrow(
    'test.csv: it has no column "sex". Its columns are a, site, y.',
  );
});

it('never takes a column to slice by for the target because it is the last', async () => {
  const path = await write(await temporaryFolder(), 'table.csv', 'a,price,site\n1,2.5,0\n2,3.5,1\n3,4.5,0\n');
  const { targets } = await openDataset(path, { slices: { columns: ['site'], areInputs: true } });
  expect(targets).toMatchObject({ kind: 'values', values: Float32Array.of(2.5, 3.5, 4.5) });
});

it('cuts numbers that take many values at the quartiles of the part, and none that take few', async () => {
  const ages = Array.from({ length: 40 }, (_, i) => 20 + i);
  const path = await write(
    await temporaryFolder(),
    'table.csv',
    ['a,age,level,y', ...ages.map((age, i) => `${i},${age},${i % 3},${i % 2}`)].join('\n'),
  );
  const slices = await openSlices(await openDataset(path), every(40), { columns: ['age', 'level'], file: null });
  expect(slices.map(({ column, value, positions }) => [column, value, positions.length])).toEqual([
    ['age', '<= 29', 10],
    ['age', '29 to 39', 10],
    ['age', '39 to 49', 10],
    ['age', '> 49', 10],
    ['level', '0', 14],
    ['level', '1', 13],
    ['level', '2', 13],
  ]);
});

it('refuses a column of ids, one that is not there, and a table of other samples', async () => {
  const folder = await temporaryFolder();
  const rows = Array.from({ length: 60 }, (_, i) => `${i},id${i},${i % 2}`);
  const data = await openDataset(await write(folder, 'table.csv', ['a,id,y', ...rows].join('\n')), {
    slices: { columns: ['id'], areInputs: false },
  });
  const slice = (column: string, file: string | null = null) =>
    openSlices(data, every(60), { columns: [column], file });
  await expect(slice('id')).rejects.toThrow('has 60 different values');
  await expect(slice('sex')).rejects.toThrow('its columns are a, id, y'.replace('its', 'Its'));
  const other = await write(folder, 'meta.csv', 'sex\nf\nm\n');
  await expect(slice('sex', other)).rejects.toThrow('it has 2 rows for the 60 samples');
});

it('reads an array beside the samples, of the part that is judged', async () => {
  const path = await write(
    await temporaryFolder(),
    'data.npz',
    zipBytes({
      'x_train.npy': npyBytes('<f4', [2, 1], littleEndian.float32([1, 2])),
      'y_train.npy': npyBytes('<i8', [2], littleEndian.int64([0, 1])),
      'x_test.npy': npyBytes('<f4', [3, 1], littleEndian.float32([1, 2, 3])),
      'y_test.npy': npyBytes('<i8', [3], littleEndian.int64([0, 1, 1])),
      'group_test.npy': npyBytes('<i8', [3], littleEndian.int64([7, 8, 7])),
    }),
  );
  const test = await openDataset(path, { part: 'test' });
  const options = { columns: ['group'], file: null };
  expect(described(await openSlices(test, every(3), options))).toEqual({ 'group=7': [0, 2], 'group=8': [1] });
  const train = await openDataset(path, { part: 'train' });
  await expect(openSlices(train, every(2), options)).rejects.toThrow('no array "group" or "group_train"');
});

it('tells missing numbers from large ones, and quarters whose edges differ in their last digits', async () => {
  const count = 40;
  const seconds = Array.from({ length: count }, (_, i) => (i % 8 === 7 ? Number.NaN : 1_700_000_000 + 60 * i));
  const path = await write(
    await temporaryFolder(),
    'data.npz',
    zipBytes({
      'x.npy': npyBytes('<f4', [count, 1], littleEndian.float32(Array.from({ length: count }, (_, i) => i))),
      'y.npy': npyBytes('<i8', [count], littleEndian.int64(Array.from({ length: count }, (_, i) => i % 2))),
      'time.npy': npyBytes('<f8', [count], new Uint8Array(Float64Array.from(seconds).buffer)),
    }),
  );
  const slices = await openSlices(await openDataset(path), every(count), { columns: ['time'], file: null });
  expect(slices.map(({ value, positions }) => [value, positions.length])).toEqual([
    ['<= 1700000540', 9],
    ['(missing)', 5],
    ['1700000540 to 1700001140', 9],
    ['1700001140 to 1700001740', 9],
    ['> 1700001740', 8],
  ]);
});

it('finds what is known of images by the names of their files, and by the folders that they lie in', async () => {
  const folder = await temporaryFolder();
  const pixel = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  for (const name of ['cat/1.png', 'cat/2.png', 'dog/1.png']) {
    await mkdir(join(folder, 'images', name, '..'), { recursive: true });
    await write(join(folder, 'images'), name, pixel);
  }
  const images = await openDataset(join(folder, 'images'));
  // dog/1.png is told from cat/1.png; a file that the table lacks has no value
  const meta = await write(folder, 'meta.csv', 'file_name,camera\ndog/1.png,new\ncat/1.png,old\n');
  expect(described(await openSlices(images, every(3), { columns: ['camera'], file: meta }))).toEqual({
    'camera=old': [0],
    'camera=(missing)': [1],
    'camera=new': [2],
  });
  // a name that two files have names neither
  const bare = await write(folder, 'bare.csv', 'file_name,camera\n1.png,new\n2.png,old\n');
  expect(described(await openSlices(images, every(3), { columns: ['camera'], file: bare }))).toEqual({
    'camera=(missing)': [0, 2],
    'camera=old': [1],
  });
  expect(described(await openSlices(images, every(3), { columns: ['folder:1'], file: null }))).toEqual({
    'folder:1=cat': [0, 1],
    'folder:1=dog': [2],
  });
});
