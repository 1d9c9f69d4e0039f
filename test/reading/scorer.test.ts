import { expect, it } from 'vitest';
import { sampleShape } from '../../src/reading/scorer.js';

const values = (width: number, shape?: readonly number[]) =>
  ({ kind: 'values', values: new Float32Array(width), width, ...(shape !== undefined && { shape }) }) as const;
const classes = { kind: 'class', labels: new Int32Array(1), names: ['a'] } as const;

it.each([
  ['a number, where nothing is declared', values(1), [], []],
  ['a number of [N]', values(1), [null], []],
  ['a number of [N, 1]', values(1), [null, null], [1]],
  ['a class of [N]', classes, [null], []],
  ['a class of [N, 1]', classes, [null, 1], [1]],
  ['an array as its file has it', values(34, [17, 2]), [null, null, null], [17, 2]],
  ['columns of a table as the input declares them', values(34), [null, 17, 2], [17, 2]],
  ['an array of other axes where they hold as many', values(34, [17, 2]), [null, 34], [34]],
  ['an array of another size, for ONNX Runtime to refuse', values(34, [17, 2]), [null, 30], [17, 2]],
])('the shape of %s', (_, targets, declared, shape) => {
  expect(sampleShape(targets, declared)).toEqual(shape);
});
