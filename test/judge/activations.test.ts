import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { observeProbes } from '../../src/judge/activations.js';
import { openEvaluationData } from '../../src/reading/data.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { optionsFor, temporaryFolder } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

const rows = Array.from({ length: 20 }, (_, row) => [-1, 0, row, 30]);

/** What enters the Relu, of a model that repeats each row, and then again. */
async function observe(width: number, floor: number | readonly number[] = 0) {
  const graph = parseGraph(`
    x: float[N,4]
    times = int64[2] 1 ${width / 4}
    h = Tile(x, times)
    y = Relu(h)
    -> y`);
  const folder = await temporaryFolder();
  const path = join(folder, 'rows.csv');
  await writeFile(path, ['p,q,r,s', ...rows.map((row) => row.join(','))].join('\n'));
  const signature = signatureOf(graph);
  const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
  const part = await openEvaluationData({ model, signature, classNames: null }, optionsFor('', path).data, 'distill');
  const observed = await observeProbes(part, signature, graph, [{ site: 'y', value: 'h', floor }]);
  return observed.get('y');
}

it('counts every value: what lies on the floor, and where the others are', async () => {
  const { inputs, floored, samples } = (await observe(4)) ?? {};
  expect(samples).toBe(20);
  // -1 and 0 of every row, and the first row's number
  expect(floored).toBe(41 / 80);
  expect([inputs?.edges[0], inputs?.edges.at(-1)]).toEqual([-1, 30]);
  expect([inputs?.counts[0], inputs?.counts[1], inputs?.counts.at(-1)]).toEqual([20, 21, 20]);
});

it('knows a floor for each channel', async () => {
  expect((await observe(4, [-2, 0, 9, 30]))?.floored).toBe((0 + 20 + 10 + 20) / 80);
});

it('of large maps, counts every third value in the histogram, and the floor and both ends over all', async () => {
  const few = await observe(4);
  const { inputs, floored } = (await observe(8400)) ?? {};
  expect(floored).toBe(few?.floored);
  expect(inputs?.edges).toEqual(few?.inputs.edges);
  const shares = ({ counts }: { readonly counts: readonly number[] } = { counts: [] }) => {
    const sum = counts.reduce((total, count) => total + count, 0);
    return counts.map((count) => Number((count / sum).toFixed(3)));
  };
  expect(inputs?.counts.reduce((total, count) => total + count, 0)).toBe((20 * 8400) / 3);
  expect(shares(inputs)).toEqual(shares(few?.inputs));
});
