import { expect, it } from 'vitest';
import { openCompanion, openDataset, readerOf } from '../../../src/data/open.js';
import { openSources } from '../../../src/data/sources.js';
import { allValues, temporaryFolder, write } from './bytes.js';

it('takes the tables of a folder for the parts that they are named for', async () => {
  const folder = await temporaryFolder();
  await write(folder, 'train.csv', Buffer.from('a,b,label\n1,2,cat\n3,4,dog\n5,6,cat\n'));
  await write(folder, 'test.csv', Buffer.from('a,b,label\n7,8,dog\n'));
  await write(folder, 'README.md', Buffer.from('what this is\n'));
  expect(await (await readerOf(folder)).parts(folder)).toEqual(['train', 'test']);
  const train = await openDataset(folder, { target: 'label' });
  expect(train).toMatchObject({ path: folder, part: 'train', format: 'csv', count: 3 });
  expect(await allValues(train)).toEqual([1, 2, 3, 4, 5, 6]);
  const test = await openCompanion(train, 'test', { target: 'label' });
  // the classes are those of training, in their order
  expect(test?.targets).toMatchObject({ kind: 'class', names: ['cat', 'dog'], labels: Int32Array.of(1) });
  expect(await openCompanion(train, 'validation', { target: 'label' })).toBeNull();
});

it('gives models of several inputs the columns of each part', async () => {
  const folder = await temporaryFolder();
  await write(folder, 'train.csv', Buffer.from('user,item,y\n1,2,0.5\n3,4,1.5\n'));
  await write(folder, 'test.csv', Buffer.from('y,item,user\n2.5,6,5\n'));
  const named = (name: string) => ({ name, key: null });
  const options = { inputs: [named('user'), named('item')], outputs: [named('y')] };
  const train = await openSources(folder, options);
  expect(train).toMatchObject({ path: folder, part: 'train', parts: ['train', 'test'], count: 2 });
  const test = await openSources(folder, { ...options, part: 'test' });
  expect(test).toMatchObject({ path: folder, part: 'test', count: 1 });
  const values = [...test.inputs.values()].map((dataset) => allValues(dataset));
  expect(await Promise.all(values)).toEqual([[5], [6]]);
  expect(test.targets.get('y')).toMatchObject({ kind: 'values', values: Float32Array.of(2.5) });
});

it('takes the validation table for the test where there is none, and a file of one shard for the whole', async () => {
  const folder = await temporaryFolder();
  const lines = (count: number) =>
    Buffer.from(Array.from({ length: count }, (_, i) => `{"a":${i},"y":0.5}\n`).join(''));
  await write(folder, 'train-00000-of-00001.jsonl', lines(3));
  await write(folder, 'validation-00000-of-00001.jsonl', lines(2));
  expect(await (await readerOf(folder)).parts(folder)).toEqual(['train', 'test']);
  expect((await openDataset(folder, { part: 'test' })).count).toBe(2);
  const sharded = await temporaryFolder();
  await write(sharded, 'train-00000-of-00002.jsonl', lines(3));
  await expect(openDataset(sharded)).rejects.toThrow(/no data set of a known format/);
});
