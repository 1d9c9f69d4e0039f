import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
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

  it('knows the marks of what is missing, and true and false', async () => {
    const marks = ['', 'NA', 'NaN', 'null', 'None', 'N/A', '?'];
    const dataset = await table(`a,b,y\n4,true,0\n6,FALSE,1\n${marks.map((mark) => `${mark},True,0\n`).join('')}`);
    expect(await allValues(dataset)).toEqual([4, 1, 6, 0, ...marks.flatMap(() => [5, 1])]);
    expect((await table('a,y\n1,True\n2,False\n')).targets).toMatchObject({ names: ['False', 'True'] });
    expect((await table('a,y\n1,True\n2,False\n', { targetKind: 'values' })).targets).toMatchObject({
      values: Float32Array.of(1, 0),
    });
  });

  it('reads decimal commas where no comma separates the columns', async () => {
    // pandas: to_csv(sep=';', decimal=',', index=False)
    const written = await table('age;share;y\n31,5;0,125;1,5\n;-1,25;2\n44,5;3e-1;0,5\n');
    expect(await allValues(written)).toEqual([31.5, 0.125, 38, -1.25, 44.5, Math.fround(0.3)]);
    expect(written.targets).toMatchObject({ kind: 'values', values: Float32Array.of(1.5, 2, 0.5) });
    expect(await allValues(await table('1,5;2,5;0\n3,5;4,5;1\n'))).toEqual([1.5, 2.5, 3.5, 4.5]);
    expect(await allValues(await table('a\tb\ty\n1,5\t2\t0\n3,5\t4\t1\n', {}, 'tsv'))).toEqual([1.5, 2, 3.5, 4]);
    // more different numbers than are kept as text
    const many = Array.from({ length: 9000 }, (_, i) => `${i},${i % 7};${i % 2}\n`).join('');
    expect((await allValues(await table(`a;y\n${many}`)))[8999]).toBeCloseTo(8999.4, 2);
  });

  it('refuses marks between thousands, and a comma that may be one', async () => {
    const refused = (text: string, what: RegExp) =>
      expect(table(text)).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringMatching(what),
        cure: 'Write numbers with a decimal point and no mark between thousands.',
      });
    await refused('a;y\n1.234,56;0\n2;1\n', /row 1, column "a" holds "1.234,56", with a mark between its thousands/);
    await refused('a;y\n5;0\n1.234.567;1\n', /row 2, column "a" holds "1.234.567"/);
    await refused('a;y\n1,234;0\n22,500;1\n', /"1,234", whose comma may be the decimal comma or stand between/);
    await refused('a;y\n1,5;0\n2.5;1\n', /row 2, column "a" holds "2.5", but .*row 1, column "a" has a decimal comma/);
    await refused('a,y\n"1,234",0\n"2,5",1\n', /"1,234", with a comma in it/);
    await refused('a,b,y\n1 000,2,0\n1,2,0\n', /"1 000", with a mark between its thousands/);
  });

  it('reads the images that its one column names, from the folder of the table', async () => {
    const image = { width: 2, height: 1, channels: 3, background: '#00ff00' } as const;
    await write(folder, 'green.png', await sharp({ create: image }).png().toBuffer());
    const dataset = await table('file,label\ngreen.png,leaf\ngone.png,sky\n');
    expect(dataset).toMatchObject({ count: 2, sample: { shape: null }, targets: { names: ['leaf', 'sky'] } });
    const into = new Float32Array(3);
    const one = { height: 1, width: 1 };
    const size = { ...one, channels: 3, resized: one, fit: 'stretch', interpolation: 'linear' } as const;
    await dataset.read([0], into, size);
    expect([...into]).toEqual([0, 255, 0]);
    await expect(dataset.read([1], into, size)).rejects.toThrow(/row 2, column "file" names .*gone.png, which cannot/);
  });

  it('tells columns of one name apart', async () => {
    const dataset = await table('a,a,y\n1,2,0\n3,4,1\n');
    expect(dataset.sample.names).toEqual(['a', 'a.1']);
    expect(await allValues(dataset)).toEqual([1, 2, 3, 4]);
  });

  it('refuses what is malformed, by row and column', async () => {
    const input = (message: RegExp) => ({ kind: 'input', message: expect.stringMatching(message) });
    await expect(table('a,b,y\n1,2,0\n1,inf,0\n')).rejects.toMatchObject(input(/row 2, column "b" holds "inf"/));
    await expect(table('a,y\n1,0\n2,NA\n')).rejects.toMatchObject(input(/row 2, column "y" is missing/));
    await expect(table('a,b,y\n1,2,0\n1,2\n')).rejects.toMatchObject(input(/row 2 has 2 cells where the first has 3/));
    await expect(table('a,y\n1,0\n2,\n')).rejects.toMatchObject(input(/row 2, column "y" is missing/));
    await expect(table('y\n1\n')).rejects.toMatchObject(input(/no column besides the target/));
    await expect(table('')).rejects.toMatchObject(input(/it holds no rows/));
    await expect(table('a,y\n1,0.5\n', { targetKind: 'class' })).rejects.toMatchObject(input(/is 0.5, not a class/));
  });

  it.each([
    ['Latin-1', 'csv', (text: string) => Buffer.from(text, 'latin1')],
    ['UTF-16, as spreadsheets write "Unicode text"', 'csv', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['compressed Latin-1', 'csv.gz', (text: string) => gzipSync(Buffer.from(text, 'latin1'))],
  ])('refuses text in %s: two words must not become one', async (_, extension, encode) => {
    files += 1;
    const path = await write(folder, `${files}.${extension}`, encode('name,x,y\nMüller,1,0\nMöller,2,1\n'));
    await expect(openDataset(path, {})).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/not in UTF-8.*CSV UTF-8/s),
    });
  });

  it('reads words that the pieces of a file cut in the midst of a letter', async () => {
    const rows = Array.from({ length: 20000 }, (_, i) => `${'é'.repeat(1 + (i % 7))},${i % 2 === 0 ? 'ü' : 'ö'}`);
    const { targets } = await table(`text,y\n${rows.join('\n')}\n`);
    expect(targets).toMatchObject({ names: ['ö', 'ü'] });
  });
});
