import { describe, expect, it } from 'vitest';
import type { Dataset, Encoding } from '../../src/data/dataset.js';
import { openDataset, type ReadOptions } from '../../src/data/open.js';
import { planPreprocessing } from '../../src/data/preprocess.js';
import { unseenPositions, wholeSplit } from '../../src/data/split.js';
import { allValues, temporaryFolder, write } from './readers/bytes.js';

const folder = await temporaryFolder();
let files = 0;
async function table(text: string, options: ReadOptions = {}): Promise<Dataset> {
  files += 1;
  return openDataset(await write(folder, `${files}.csv`, text), options);
}

function encodingOf({ encoding }: Dataset): Encoding {
  if (encoding === undefined) throw new Error('a table has an encoding');
  return encoding;
}

/** of a table whose target has no usual name */
const note = 'The column "bought", the last one, is taken for the target.';

/** Written by pandas 3.1 (DataFrame.to_csv). */
const people =
  'age,city,member,bought\n31.0,Oslo,True,1\n,Rome,False,0\n44.5,Paris,True,1\n58.0,Oslo,True,1\n23.0,,False,0\n,Rome,False,0\n';

describe('the encoding of a table', () => {
  it("is learned on the training part: scikit-learn 1.9's SimpleImputer and OneHotEncoder of the rows 0, 2, 3, 5", async () => {
    const train = encodingOf(await table(people)).fit(Int32Array.of(0, 2, 3, 5));
    expect(train.sample).toMatchObject({
      shape: [5],
      names: ['age', 'city=Oslo', 'city=Paris', 'city=Rome', 'member'],
    });
    const rows = [
      [31, 1, 0, 0, 1],
      [44.5, 0, 0, 1, 0],
      [44.5, 0, 1, 0, 1],
      [58, 1, 0, 0, 1],
      [23, 0, 0, 0, 0],
      [44.5, 0, 0, 1, 0],
    ];
    expect(await allValues(train)).toEqual(rows.flat());
    expect(encodingOf(train).sentences).toEqual([
      note,
      "2 missing values of 'age' replaced by the training part's mean 44.5",
      "'city' one-hot: Oslo, Paris, Rome",
      "1 value of 'city' in no category of the training part: all zeros",
    ]);
  });

  it('is learned on the data at hand where there is no training part, and says so', async () => {
    const whole = await table(people);
    expect(encodingOf(whole).sentences).toEqual([
      note,
      "2 missing values of 'age' replaced by the mean 39.125 of the data at hand",
      "'city' one-hot: Oslo, Paris, Rome, (missing) (the categories of the data at hand)",
    ]);
    expect(whole.sample.names).toEqual(['age', 'city=Oslo', 'city=Paris', 'city=Rome', 'city missing', 'member']);
    expect((await allValues(whole)).slice(24, 30)).toEqual([23, 0, 0, 0, 1, 0]);
  });

  it('applies to the test set what the training set taught, by the names of the columns', async () => {
    const train = encodingOf(await table(people)).fit(Int32Array.of(0, 1, 2, 3));
    const raw = await table('city,bought,member,age\nBergen,1,0,\nRome,0,1,7\n', { target: 'bought' });
    const test = encodingOf(raw).apply(encodingOf(train).learned);
    expect(test.sample.names).toEqual(train.sample.names);
    expect(await allValues(test)).toEqual([44.5, 0, 0, 0, 0, 7, 0, 0, 1, 1]);
    expect(test.targets).toMatchObject({ labels: Int32Array.of(1, 0) });
    const apply = async (text: string) => encodingOf(await table(text)).apply(encodingOf(train).learned);
    await expect(apply('city,member,bought\nRome,1,0\n')).rejects.toThrow(
      /no column "age", which the training data has/,
    );
    await expect(apply('age,city,member,bought\nold,Rome,1,0\n3,Rome,1,0\n')).rejects.toThrow(
      /column "age" holds words \("old"\), but numbers in the training data/,
    );
  });

  it('tells a test row that is in training by what the files hold, not by what was learned', async () => {
    const train = encodingOf(await table(people)).fit(Int32Array.of(0, 1, 2));
    const test = encodingOf(await table('age,city,member,bought\n,Rome,0,1\n23,Oslo,0,1\n')).apply(
      encodingOf(train).learned,
    );
    const whole = async (samples: Dataset) => ({ samples, split: await wholeSplit(samples) });
    expect(await unseenPositions([await whole(train)], await whole(test))).toEqual(Int32Array.of(1));
  });

  it('refuses ids, free text and dates by the name of the column, and a column without a value', async () => {
    const rows = (cell: (i: number) => string, count: number) =>
      `a,b,y\n${Array.from({ length: count }, (_, i) => `${i},${cell(i)},${i % 2}\n`).join('')}`;
    const refused = async (text: string, what: RegExp) => {
      await expect((async () => (await table(text)).sample)()).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringMatching(what),
        cure: expect.stringMatching(/leave the column out/i),
      });
    };
    await refused(
      rows((i) => `user-${i}`, 12),
      /column "b" holds a different word in every row/,
    );
    await refused(
      rows((i) => `street ${i % 101}`, 300),
      /column "b" holds 101 different words/,
    );
    await refused(
      'when,x,y\n2024-01-05,1.0,0\n2024-02-06,2.0,1\n',
      /column "when" holds dates or times \("2024-01-05"\)/,
    );
    for (const date of [
      '05.01.2024',
      '1/5/2024 3:20 PM',
      '2024-01-05T10:00:00Z',
      'Jan 5, 2024',
      '5 March 2024',
      '10:15',
    ]) {
      await refused(`"when","x","y"\n"${date}",1,0\n"${date}",2,1\n`, /column "when" holds dates or times/);
    }
    const empty = encodingOf(await table('a,b,y\n1,,0\n2,3,1\n'));
    expect(() => empty.fit(Int32Array.of(0))).toThrow(/column "b" has no value in the training part/);
  });

  it('names the columns where they do not fit the model', async () => {
    const dataset = encodingOf(await table(people)).fit(Int32Array.of(0, 2, 3));
    expect(() => planPreprocessing(dataset, { shape: [null, 3] })).toThrow(
      /samples are \[4\] \(values: age, city=Oslo, city=Paris, member\), the model takes \[3\]/,
    );
  });
});
