import { describe, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { checkGradient, node } from '../check-gradient.js';

describe('MatMul', () => {
  it.each([
    ['matrices', [2, 3], [3, 4]],
    ['a vector on the left', [3], [3, 4]],
    ['a vector on the right', [2, 3], [3]],
    ['two vectors', [3], [3]],
    ['a stack by one matrix', [2, 2, 2, 3], [3, 4]],
    ['one matrix by a stack', [2, 3], [2, 2, 3, 2]],
    ['two stacks', [2, 2, 3], [2, 3, 2]],
    ['stacks that broadcast', [2, 1, 2, 3], [3, 3, 2]],
    ['a stack of one by one matrix', [1, 2, 3], [3, 2]],
    ['a vector by a stack', [3], [2, 3, 2]],
    ['a stack by a vector', [2, 2, 3], [3]],
  ])('%s', async (_, a, b) => {
    await checkGradient({ inputs: { a: { shape: a }, b: { shape: b } }, nodes: [node('MatMul', ['a', 'b'], ['y'])] });
  });
});

describe('Gemm', () => {
  const scale: Attributes = { alpha: { float: 0.5 }, beta: { float: 2 } };
  it.each<[string, number[], number[], number[] | null, Attributes]>([
    ['no C', [2, 3], [3, 4], null, {}],
    ['a row as C, scaled', [2, 3], [3, 4], [4], scale],
    ['a column as C', [2, 3], [3, 4], [2, 1], {}],
    ['a scalar as C', [2, 3], [3, 4], [], scale],
    ['transA', [3, 2], [3, 4], [2, 4], { ...scale, transA: { int: 1 } }],
    ['transB', [2, 3], [4, 3], [1, 4], { ...scale, transB: { int: 1 } }],
    ['transA and transB', [3, 2], [4, 3], [4], { ...scale, transA: { int: 1 }, transB: { int: 1 } }],
  ])('%s', async (_, a, b, c, attributes) => {
    await checkGradient({
      inputs: { a: { shape: a }, b: { shape: b }, ...(c === null ? {} : { c: { shape: c } }) },
      nodes: [node('Gemm', c === null ? ['a', 'b'] : ['a', 'b', 'c'], ['y'], attributes)],
    });
  });
});
