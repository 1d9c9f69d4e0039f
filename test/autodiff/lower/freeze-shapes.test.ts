import { describe, expect, it } from 'vitest';
import { freezeShapes } from '../../../src/autodiff/lower/freeze-shapes.js';
import { makeNode } from '../../../src/model/graph.js';
import { DataType, floatTensor, int64Tensor, readIntegers } from '../../../src/model/tensor.js';
import { evaluateConstants } from '../../../src/runtime/evaluate-constants.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { observeShapes } from '../../../src/runtime/shapes.js';
import { graphOf, operators, type SmallModel } from './model.js';

const axis0 = { axis: { int: 0 } };

/** view(x.size(0), -1) as exporters write it */
const flattened: SmallModel = {
  inputs: { x: [2, 3, 4] },
  constants: [int64Tensor('zero', [], [0]), int64Tensor('rest', [1], [-1]), int64Tensor('first', [1], [0])],
  nodes: [
    makeNode('Shape', ['x'], ['shape']),
    makeNode('Gather', ['shape', 'zero'], ['batch'], axis0),
    makeNode('Unsqueeze', ['batch', 'first'], ['batches']),
    makeNode('Concat', ['batches', 'rest'], ['target'], axis0),
    makeNode('Reshape', ['x', 'target'], ['y']),
  ],
};

async function freeze(model: SmallModel, kept: readonly string[] = []) {
  const graph = graphOf(model);
  const feeds = Object.fromEntries(
    Object.entries(model.inputs).map(([name, shape]) => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      return [
        name,
        float32(
          Float32Array.from({ length: count }, (_, i) => i),
          shape,
        ),
      ];
    }),
  );
  const before = await runOnce(graph.model, feeds);
  const folded = await freezeShapes(graph, await observeShapes(graph, feeds), new Set(kept), evaluateConstants);
  const after = await runOnce(graph.model, feeds);
  for (const [name, { data, dims }] of Object.entries(before)) {
    expect(after[name]?.dims).toEqual(dims);
    expect(after[name]?.data).toEqual(data);
  }
  return { graph, folded };
}

describe('freezeShapes', () => {
  it('makes the target of a Reshape a constant', async () => {
    const { graph, folded } = await freeze(flattened);
    expect(folded).toBe(4);
    expect(operators(graph)).toEqual(['Reshape']);
    const target = graph.constant('target');
    expect(target && readIntegers(target)).toEqual([2, -1]);
  });

  it('Shape with start and end, Size, and scales computed as floats', async () => {
    const { graph } = await freeze({
      inputs: { x: [1, 1, 2, 3] },
      constants: [floatTensor('two', [], [2]), floatTensor('ones', [2], [1, 1])],
      nodes: [
        makeNode('Shape', ['x'], ['size'], { start: { int: -2 }, end: { int: 4 } }),
        makeNode('Cast', ['size'], ['float'], { to: { int: DataType.FLOAT } }),
        makeNode('Mul', ['float', 'two'], ['larger']),
        makeNode('Div', ['larger', 'float'], ['ratio']),
        makeNode('Concat', ['ones', 'ratio'], ['scales'], axis0),
        makeNode('Resize', ['x', '', 'scales'], ['y']),
        makeNode('Size', ['x'], ['count']),
        makeNode('Cast', ['count'], ['n'], { to: { int: DataType.FLOAT } }),
        makeNode('Div', ['y', 'n'], ['z']),
      ],
      outputs: ['y', 'z'],
    });
    expect(operators(graph)).toEqual(['Resize', 'Div']);
  });

  it('does not fold what is trained', async () => {
    const model: SmallModel = {
      inputs: { x: [2, 3] },
      constants: [
        floatTensor(
          'w',
          [4, 3],
          Array.from({ length: 12 }, (_, i) => i),
        ),
      ],
      nodes: [makeNode('Transpose', ['w'], ['t']), makeNode('MatMul', ['x', 't'], ['y'])],
    };
    expect(operators((await freeze(model, ['w'])).graph)).toEqual(['Transpose', 'MatMul']);
    expect(operators((await freeze(model)).graph)).toEqual(['MatMul']);
  });

  it('keeps a shape that is an output of the model', async () => {
    const { graph } = await freeze({
      inputs: { x: [2, 3] },
      nodes: [makeNode('Shape', ['x'], ['y'])],
    });
    expect(operators(graph)).toEqual(['Shape']);
  });
});
