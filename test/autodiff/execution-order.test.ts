import { expect, it } from 'vitest';
import { computeInOrder } from '../../src/autodiff/execution-order.js';
import { parseGraph } from '../transforms/notation.js';

it('places what is to be computed first last, what a value needs before it, and nothing that is not needed', () => {
  const graph = parseGraph(`
    x: float[4]
    a = Relu(x)
    b = Neg(a)
    c = Abs(a)
    unread = Sqrt(a)
    d = Add(b, c)
    -> c, d`);
  computeInOrder(graph, ['c', 'd']);
  expect(graph.nodes.map(({ output: [value] }) => value)).toEqual(['a', 'c', 'b', 'd'].toSorted(() => 0));
});
