import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCompanion, openDataset } from '../src/data/open.js';
import { evaluateModel } from '../src/run/evaluate.js';
import { optionsFor } from './run/runs.js';

const folder = join(import.meta.dirname, '../fixtures');

it('holds as many images of each class as fixtures/README.md says', async () => {
  const train = await openDataset(join(folder, 'data'));
  const test = await openCompanion(train, 'test');
  for (const [part, each] of [
    [train, 400],
    [test, 200],
  ] as const) {
    const labels = part?.targets.kind === 'class' ? [...part.targets.labels] : [];
    const counts = Array.from({ length: 10 }, (_, label) => labels.filter((other) => other === label).length);
    expect(counts).toEqual(Array(10).fill(each));
  }
});

it.each(['plain.onnx', 'residual.onnx'])('%s has the accuracy that fixtures/README.md says', async (name) => {
  const readme = await readFile(join(folder, 'README.md'), 'utf8');
  const stated = readme.split('\n').find((line) => line.startsWith(`| \`${name}\``));
  const { data, task } = optionsFor('', join(folder, 'data'));
  const result = await evaluateModel({ model: join(folder, name), data, task, device: 'cpu' });
  expect(Number(stated?.split('|').at(-2))).toBe(result.metrics.accuracy?.value);
});
