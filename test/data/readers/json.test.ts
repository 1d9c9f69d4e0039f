import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/data/open.js';
import { allValues, temporaryFolder, write } from './bytes.js';

const folder = await temporaryFolder();
const open = async (name: string, content: string | Uint8Array) => openDataset(await write(folder, name, content));

/** Written by pandas 3.1: to_json(orient='records', lines=True). */
const lines =
  '{"age":31.0,"city":"Oslo","member":true,"bought":1}\n{"age":null,"city":"Rome","member":false,"bought":0}\n{"age":44.5,"city":"Paris","member":true,"bought":1}\n{"age":58.0,"city":"Oslo","member":true,"bought":1}\n{"age":23.0,"city":null,"member":false,"bought":0}\n{"age":null,"city":"Rome","member":false,"bought":0}\n';
/** The same by to_json(orient='records'). */
const records = `[${lines.trim().replaceAll('\n', ',')}]`;
const csv =
  'age,city,member,bought\n31.0,Oslo,True,1\n,Rome,False,0\n44.5,Paris,True,1\n58.0,Oslo,True,1\n23.0,,False,0\n,Rome,False,0\n';

describe('JSON Lines and JSON records', () => {
  it('are read as the same table in CSV is, known by the name or by the content', async () => {
    const expected = await open('people.csv', csv);
    const values = await allValues(expected);
    for (const [name, content, format] of [
      ['people.jsonl', lines, 'jsonl'],
      ['people.ndjson', `\uFEFF${lines.replaceAll('\n', '\r\n')}\n`, 'jsonl'],
      ['people.txt', lines, 'jsonl'],
      ['people.jsonl.gz', gzipSync(lines), 'jsonl'],
      ['people.json', records, 'json'],
      ['people', JSON.stringify(JSON.parse(records), null, 1), 'json'],
    ] as const) {
      const dataset = await open(name, content);
      expect(dataset).toMatchObject({ format, count: 6, sample: expected.sample, targets: expected.targets });
      expect(await allValues(dataset)).toEqual(values);
    }
  });

  it('take a value that a row does not name for missing', async () => {
    const dataset = await open('sparse.jsonl', '{"a":1,"y":0}\n{"a":3,"b":8,"y":1}\n{"y":1,"b":4}\n');
    expect(dataset.sample.names).toEqual(['a', 'b']);
    expect(await allValues(dataset)).toEqual([1, 6, 3, 8, 2, 4]);
  });

  it('are refused where a value is nested, by row and column, and where they are no rows', async () => {
    const refused = async (name: string, content: string, what: RegExp, cure: RegExp) =>
      expect(open(name, content)).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringMatching(what),
        cure: expect.stringMatching(cure),
      });
    await refused(
      'list.jsonl',
      '{"x":1,"pos":[1,2],"y":0}\n',
      /row 1, column "pos" holds a list/,
      /a column of its own/,
    );
    await refused(
      'object.jsonl',
      '{"x":1,"y":0}\n{"x":{"a":1},"y":0}\n',
      /row 2, column "x" holds an object/,
      /json_normalize/,
    );
    // pandas's to_json without orient
    await refused('columns.json', '{"x":{"0":1,"1":2},"y":{"0":0,"1":1}}', /holds an object/, /column of its own/);
    await refused('cut.jsonl', '{"x":1,"y":0}\n{"x":2,', /line 2 is not JSON/, /lines=True/);
    await refused('numbers.jsonl', '1\n2\n', /row 1 is not an object/, /lines=True/);
    await refused('cut.json', '[{"x":1,"y":0},', /it is not JSON/, /orient='records'/);
    await refused('empty.jsonl', '\n', /no data set of a known format|no rows/, /./);
  });
});
