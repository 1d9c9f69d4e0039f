import { expect, it } from 'vitest';
import { freeBatch } from '../../../src/autodiff/lower/free-batch.js';
import type { Graph } from '../../../src/model/graph.js';
import { floatTensor, int64Tensor } from '../../../src/model/tensor.js';
import { signatureOf } from '../../../src/runtime/predictor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { node, valueInfo } from '../check-gradient.js';
import { graphOf } from './model.js';

/** As exporters write a network whose batch is fixed at 1: the batch stands in the Reshapes, too. */
function fixedAtOne(reshapes: readonly (readonly number[])[]): Graph {
  const graph = graphOf({
    inputs: { x: [1, 2, 3] },
    constants: [
      ...reshapes.map((shape, i) => int64Tensor(`shape${i}`, [shape.length], shape)),
      floatTensor('w', [6, 1], [1, 2, 3, 4, 5, 6]),
    ],
    nodes: [
      ...reshapes.map((_, i) => node('Reshape', [i === 0 ? 'x' : `r${i - 1}`, `shape${i}`], [`r${i}`])),
      node('MatMul', [`r${reshapes.length - 1}`, 'w'], ['y']),
    ],
  });
  graph.proto.output = [valueInfo('y', [1, 1])];
  return graph;
}

it.each([
  { name: 'the features inferred', reshapes: [[1, -1]] },
  { name: 'all of the shape written out', reshapes: [[1, 6]] },
  {
    name: 'several after each other',
    reshapes: [
      [1, 3, 2],
      [1, -1],
    ],
  },
])('frees a fixed batch: $name', async ({ reshapes }) => {
  const graph = fixedAtOne(reshapes);
  expect(freeBatch(graph)).toBe(1);
  expect(signatureOf(graph).inputs[0]?.shape).toEqual([null, 2, 3]);
  const x = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2);
  const { y } = await runOnce(graph.model, { x: float32(x, [2, 2, 3]) });
  expect(y?.dims).toEqual([2, 1]);
  expect(Array.from(y?.data ?? [], Number)).toEqual([21, 13]);
});

it('leaves a graph alone whose batch is free', () => {
  const graph = fixedAtOne([[1, -1]]);
  freeBatch(graph);
  const before = structuredClone(graph.proto);
  expect(freeBatch(graph)).toBeNull();
  expect(graph.proto).toEqual(before);
});

it('takes -1, as some exporters write it, for a free batch', () => {
  const graph = fixedAtOne([[-1, 6]]);
  graph.proto.input = [valueInfo('x', [-1, 2, 3])];
  graph.proto.output = [valueInfo('y', [-1, 1])];
  const nodes = structuredClone(graph.proto.node);
  expect(freeBatch(graph)).toBeNull();
  expect(graph.proto.node).toEqual(nodes);
  expect(signatureOf(graph).inputs[0]?.shape).toEqual([null, 2, 3]);
});

it('leaves the shape of a constant alone, though it begins with the batch', async () => {
  const graph = graphOf({
    inputs: { x: [1, 2] },
    constants: [floatTensor('c', [2], [10, 20]), int64Tensor('shape', [2], [1, 2])],
    nodes: [node('Reshape', ['c', 'shape'], ['row']), node('Add', ['x', 'row'], ['y'])],
  });
  graph.proto.output = [valueInfo('y', [1, 2])];
  freeBatch(graph);
  const { y } = await runOnce(graph.model, { x: float32(Float32Array.of(1, 2, 3, 4), [2, 2]) });
  expect(Array.from(y?.data ?? [], Number)).toEqual([11, 22, 13, 24]);
});
