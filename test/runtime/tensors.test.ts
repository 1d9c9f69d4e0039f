import { expect, it } from 'vitest';
import { DataType } from '../../src/model/tensor.js';
import { tensorOf } from '../../src/runtime/tensors.js';

it.each([
  [DataType.UINT8, [0, 255]],
  [DataType.INT8, [-128, 127]],
  [DataType.INT16, [-32768, 32767]],
  [DataType.INT32, [-70000, 70000]],
  [DataType.INT64, [-70000, 70000]],
] as const)('whole numbers of type %i are the nearest ones, and none that it does not hold', (type, ends) => {
  const tensor = tensorOf(type, Float32Array.of(...ends, 2.9999, 3.4), [4]);
  expect(Array.from<number | bigint | string, number>(tensor.data, Number)).toEqual([...ends, 3, 3]);
  if (type === DataType.INT64 || type === DataType.INT32) return;
  for (const other of [ends[0] - 1, ends[1] + 1, Number.NaN]) {
    expect(() => tensorOf(type, Float32Array.of(other), [1])).toThrow(/A sample holds .*, and the model's input takes/);
  }
});
