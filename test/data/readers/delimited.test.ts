import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset, type ReadOptions } from '../../../src/data/open.js';
import { allValues, temporaryFolder, write } from './bytes.js';

const folder = await temporaryFolder();
let files = 0;
async function table(text: string, options: ReadOptions = {}, extension = 'csv') {
  files += 1;
  return openDataset(await write(folder, `${files}.${extension}`, text), options);
}

describe('CSV and TSV', () => {
  it('takes the column called label, target, class or y as the target, wherever it stands', async () => {
    const dataset = await table('label,width,height\n1,0.5,2\n0,1.5,3\n');
    expect(dataset).toMatchObject({
      format: 'csv',
      count: 2,
      sample: { shape: [2], layout: 'values', dtype: 'float32' },
      targets: { kind: 'class', labels: Int32Array.of(1, 0), names: ['0', '1'] },
    });
    expect(await allValues(dataset)).toEqual([0.5, 2, 1.5, 3]);
  });

  it('takes the last column of a table without a header; words are class names, sorted', async () => {
    const dataset = await table('5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n');
    expect(dataset.count).toBe(3);
    expect(dataset.targets).toEqual({
      kind: 'class',
      labels: Int32Array.of(0, 1, 0),
      names: ['setosa', 'versicolor'],
    });
  });

  it('takes the named target, or the one at a position', async () => {
    expect((await table('a,b,c\n1,2,0.5\n3,4,0.25\n', { target: 'b' })).targets).toMatchObject({
      labels: Int32Array.of(2, 4),
    });
    const first = await table('7,0.5,0.5\n2,0.25,0.25\n', { target: '0' });
    expect(first.targets).toMatchObject({ labels: Int32Array.of(7, 2) });
    await expect(table('a,b\n1,2\n', { target: 'price' })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/no column "price". Its columns are a, b/),
    });
  });

  it('takes fractions and amounts as values, and whole numbers as what the caller says', async () => {
    expect((await table('x,y\n1,0.5\n2,-1\n')).targets).toEqual({
      kind: 'values',
      values: Float32Array.of(0.5, -1),
      width: 1,
    });
    expect((await table('x,price\n1,250000\n2,310000\n')).targets.kind).toBe('values');
    expect((await table('x,y\n1,3\n2,4\n')).targets.kind).toBe('class');
    expect((await table('x,y\n1,3\n2,4\n', { targetKind: 'values' })).targets.kind).toBe('values');
    expect((await table('x,y\n1,-1\n2,1\n')).targets).toMatchObject({
      labels: Int32Array.of(0, 1),
      names: ['-1', '1'],
    });
  });

  it('reads tabs, semicolons, quotes, a byte order mark, blank lines, Windows line ends, gzip', async () => {
    expect(await table('a\ty\n1\tno\n2\tyes\n', {}, 'tsv')).toMatchObject({ format: 'tsv', count: 2 });
    expect(await table('a\ty\n1\tno\n2\tyes\n', {}, 'txt')).toMatchObject({ format: 'tsv', count: 2 });
    const odd = await table('\uFEFFlabel;a;b\r\n"red; dark";1;2\r\n\r\nblue;3;4\r\n');
    expect(odd.targets).toMatchObject({ names: ['blue', 'red; dark'], labels: Int32Array.of(1, 0) });
    const path = await write(folder, 'packed.csv.gz', gzipSync('a,y\n1,0\n2,1\n'));
    expect(await allValues(await openDataset(path))).toEqual([1, 2]);
  });

  it("leaves out pandas's row numbers, and knows columns of pixels", async () => {
    expect((await table(',a,y\n0,5,1\n1,6,0\n')).sample.shape).toEqual([1]);
    const names = Array.from({ length: 64 }, (_, i) => `pixel${i}`);
    const row = Array.from({ length: 64 }, (_, i) => i * 4);
    const pixels = await table(`label,${names.join()}\n3,${row.join()}\n`);
    expect(pixels.sample).toMatchObject({ shape: [64], names, layout: 'values', dtype: 'uint8' });
    expect(await allValues(pixels)).toEqual(row);
  });

  it('refuses what is malformed, by row and column', async () => {
    const input = (message: RegExp) => ({ kind: 'input', message: expect.stringMatching(message) });
    await expect(table('a,b,y\n1,2,0\n1,,0\n')).rejects.toMatchObject(input(/row 2, column "b" holds nothing/));
    await expect(table('a,b,y\n1,NaN,0\n')).rejects.toMatchObject(input(/row 1, column "b" holds "NaN"/));
    await expect(table('a,b,y\n1,red,0\n2,blue,1\n')).rejects.toMatchObject(input(/row 1, column "b" holds "red"/));
    await expect(table('a,b,y\n1,2,0\n1,2\n')).rejects.toMatchObject(input(/row 2 has 2 cells where the first has 3/));
    await expect(table('a,y\n1,0\n2,\n')).rejects.toMatchObject(input(/row 2, column "y" is missing/));
    await expect(table('y\n1\n')).rejects.toMatchObject(input(/no column besides the target/));
    await expect(table('')).rejects.toMatchObject(input(/it holds no rows/));
    await expect(table('a,y\n1,0.5\n', { targetKind: 'class' })).rejects.toMatchObject(input(/is 0.5, not a class/));
  });
});
