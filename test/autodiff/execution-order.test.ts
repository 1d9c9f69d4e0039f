import { expect, it } from 'vitest';
import { computeInOrder } from '../../src/autodiff/execution-order.js';
import { parseGraph } from '../transforms/notation.js';

it.each([
  [
    ['early', 'late'],
    ['a', 'late', 'b', 'early'],
  ],
  [
    ['late', 'early'],
    ['a', 'b', 'early', 'late'],
  ],
])(
  'places what is to be computed first last, behind what it needs, and nothing that neither needs: %j',
  (values, order) => {
    const graph = parseGraph(`
    x: float[4]
    a = Relu(x)
    unread = Sqrt(a)
    b = Neg(a)
    early = Exp(b)
    late = Abs(a)
    -> early, late`);
    computeInOrder(graph, values);
    expect(graph.nodes.map(({ output: [value] }) => value)).toEqual(order);
  },
);
