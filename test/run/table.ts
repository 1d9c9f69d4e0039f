import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { parseGraph } from '../transforms/notation.js';
import { temporaryFolder } from './runs.js';

/** Two inputs, and beside them in the table where a row comes from and its number. */
const network = `
  x: float[N,2]
  v = float[2,8]
  vb = float[8]
  w = float[8,2]
  wb = float[2]
  h = Gemm(x, v, vb) name=first
  r = Relu(h) name=relu
  z = Gemm(r, w, wb) name=last
  -> z`;
const random = createRandom(3);
export const table = [
  'a,b,site,row,label',
  ...Array.from({ length: 300 }, (_, i) => {
    const [a, b] = [random.normal(), random.normal()];
    return `${a},${b},${i % 3 === 0 ? 'north' : 'south'},r${i},${Number(a > b)}`;
  }),
].join('\n');

/** The same without the number of a row. */
const withoutIds = table.replaceAll(/,r\d+,/g, ',').replace(',row,', ',');

/** The network and a table in a folder of their own. */
export async function tableSetting(rows = withoutIds) {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'net.onnx'), join(folder, 'data.csv')];
  await writeFile(model, Buffer.concat(encodeModel(parseGraph(network).model)));
  await writeFile(data, rows);
  return { model, data };
}
