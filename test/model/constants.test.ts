import { describe, expect, test } from 'vitest';
import { constantOf, numberOf } from '../../src/model/constants.js';
import { parseGraph } from '../transforms/notation.js';

/** The constant behind y, computed from w = [[1, 2, 3], [4, 5, 6]]. */
function constant(lines: string) {
  const graph = parseGraph(`x: float[N,2]\nw = float[2,3] 1 2 3 4 5 6\n${lines}\n-> y`);
  const found = constantOf(graph, 'y');
  return found && { dims: found.dims, values: [...found.read()] };
}

describe('constantOf', () => {
  test.each([
    ['Identity', 'y = Identity(w)', [2, 3], [1, 2, 3, 4, 5, 6]],
    ['Transpose', 'y = Transpose(w)', [3, 2], [1, 4, 2, 5, 3, 6]],
    [
      'Transpose of three axes',
      's = int64[3] 3 1 2\nr = Reshape(w, s)\ny = Transpose(r) perm=[2,0,1]',
      [2, 3, 1],
      [1, 3, 5, 2, 4, 6],
    ],
    ['Reshape with 0 and -1', 's = int64[3] 0 1 -1\ny = Reshape(w, s)', [2, 1, 3], [1, 2, 3, 4, 5, 6]],
    [
      'Unsqueeze and Squeeze',
      'a = int64[1] -1\nu = Unsqueeze(w, a)\ni = Identity(u)\ny = Squeeze(i)',
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
    ['Flatten', 'y = Flatten(w) axis=0', [1, 6], [1, 2, 3, 4, 5, 6]],
  ])('sees through %s', (_, lines, dims, values) => {
    expect(constant(lines)).toEqual({ dims, values });
  });

  test('not what an input can change, nor what is computed otherwise', () => {
    expect(constant('y = Identity(x)')).toBeUndefined();
    expect(constant('y = Sigmoid(w)')).toBeUndefined();
  });
});

test('numberOf: constants of one element', () => {
  const graph = parseGraph('x: float[N]\na = float[1,1] 0.5\nb = int64[] 3\nc = float[2] 1\n-> x');
  expect(['a', 'b', 'c', 'x'].map((name) => numberOf(graph.constant(name)))).toEqual([0.5, 3, undefined, undefined]);
});
