import { expect, it } from 'vitest';
import { mergeReshapes } from '../../src/autodiff/merge-reshapes.js';
import type { Graph } from '../../src/model/graph.js';
import { int64Tensor } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { node, valueInfo } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const network = () => {
  const graph = graphOf({
    inputs: { x: [2, 3, 4] },
    constants: [
      int64Tensor('flat', [1], [-1]),
      int64Tensor('rows', [2], [4, 6]),
      int64Tensor('kept', [3], [0, 3, 2]),
      int64Tensor('columns', [2], [6, 4]),
    ],
    nodes: [
      node('Reshape', ['x', 'flat'], ['a']),
      node('Reshape', ['a', 'rows'], ['b']),
      node('Reshape', ['b', 'kept'], ['c']),
      node('Reshape', ['c', 'columns'], ['d']),
      node('Neg', ['d'], ['y']),
      node('Reshape', ['b', 'columns'], ['z']),
    ],
  });
  graph.proto.output = [valueInfo('y'), valueInfo('z')];
  return graph;
};

it('a Reshape reads past those before it, except one that keeps a dimension of what it reads', async () => {
  const merged = network();
  // c keeps a dimension of b: neither of the two can go
  expect(mergeReshapes(merged)).toBe(1);
  expect(merged.nodes.map(({ input: [x] }) => x)).toEqual(['x', 'b', 'c', 'd', 'x']);
  const feeds = { x: float32(Float32Array.from({ length: 24 }, Math.sin), [2, 3, 4]) };
  const results = async (graph: Graph) => {
    const { y, z } = await runOnce(graph.model, feeds);
    return [y, z].map((tensor) => [tensor?.dims, tensor?.data]);
  };
  expect(await results(merged)).toEqual(await results(network()));
});
