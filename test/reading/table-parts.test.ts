import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeModel } from '../../src/model/onnx/write.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { temporaryFolder } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

/** y = 1 a + 10 b + 100 (c is east) + 1000 (c is north) + 10000 (c is west) */
const sum = `
  x: float[N,5]
  w = float[5,1] 1 10 100 1000 10000
  y = MatMul(x, w)
  -> y`;

it('the test table of a folder is read as its training table says: columns by name, words by the categories there', async () => {
  const folder = await temporaryFolder();
  const model = join(folder, 'sum.onnx');
  await writeFile(model, Buffer.concat(encodeModel(parseGraph(sum).model)));
  await writeFile(
    join(folder, 'train.csv'),
    'a,b,c,y\n1.5,2,east,121.5\n3,4.5,north,1048\n5,6,west,10065\n1,1,east,111\n',
  );
  await writeFile(join(folder, 'test.csv'), 'c,y,b,a\nwest,10022,2,2\neast,154.5,5,4.5\n,67,6,7\n');
  const task = { task: 'regression' } as const;
  const { metrics, data } = await evaluateModel({ model, data: folder, task, device: 'cpu' });
  expect(data.count).toBe(3);
  expect(metrics.rmse?.value).toBeCloseTo(0, 3);
});
