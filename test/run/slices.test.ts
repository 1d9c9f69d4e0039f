import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareModels } from '../../src/run/compare.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { hooks, optionsFor, temporaryFolder } from './runs.js';
import { table, tableSetting } from './table.js';

const slices = { columns: ['site'], file: null };

it('leaves a column to slice by out of the inputs where the model takes the others alone', async () => {
  const { model, data } = await tableSetting(table);
  const given = { data: { data, slices: { columns: ['site', 'row'], file: null } }, model };
  // a column of ids is refused as a slice, not as an input
  await expect(evaluateModel(given)).rejects.toThrow('"row" has 300 different values');
  await expect(evaluateModel({ model, data: { data, slices } })).rejects.toThrow('a different word in every row');
});

it('judges each slice of the test split by itself, in a migration, an evaluation and a comparison', async () => {
  const { model, data } = await tableSetting();
  const options = optionsFor(model, data);
  const result = await migrate(
    { ...options, data: { ...options.data, slices }, accept: 'slice(site=north)>-1', dryRun: true },
    hooks(),
  );
  expect(result.slices.map(({ column, value }) => [column, value]).toSorted()).toEqual([
    ['site', 'north'],
    ['site', 'south'],
  ]);
  const counts = result.slices.map(({ delta }) => delta.count);
  expect(counts.reduce((sum, each) => sum + each, 0)).toBe(result.data.test.count);
  // the whole is the mean of its parts
  const mean = result.slices.reduce((sum, { frelu, delta }) => sum + (frelu ?? 0) * delta.count, 0);
  expect(mean / result.data.test.count).toBeCloseTo(result.delta.vsBefore.candidate ?? 0, 12);
  expect(result.acceptance).toMatchObject({ met: true });

  const evaluated = await evaluateModel({ model, data: { data, slices } });
  expect(evaluated.slices.map(({ value, count }) => [value, count])).toEqual([
    ['north', 100],
    ['south', 200],
  ]);
  const compared = await compareModels({ a: model, b: model, data: { data, slices } });
  expect(compared.slices.map(({ delta }) => delta.value)).toEqual([0, 0]);
});

it('slices the test table of a folder by its own column', async () => {
  const { model, data } = await tableSetting();
  const [header, ...rows] = (await readFile(data, 'utf8')).split('\n');
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'train.csv'), [header, ...rows.slice(0, 200)].join('\n'));
  await writeFile(join(folder, 'test.csv'), [header, ...rows.slice(200)].join('\n'));
  const evaluated = await evaluateModel({ model, data: { data: folder, slices }, device: 'cpu' });
  expect(evaluated.slices.map(({ value, count }) => [value, count])).toEqual([
    ['south', 67],
    ['north', 33],
  ]);
});

it('tells of a rule about a slice that there is not, before anything is trained', async () => {
  const { model, data } = await tableSetting();
  const options = optionsFor(model, data);
  const run = migrate(
    { ...options, data: { ...options.data, slices }, accept: 'slice(site=west)>-0.1', dryRun: true },
    hooks(),
  );
  await expect(run).rejects.toThrow(/slice site=west.*site=north, site=south/s);
});
