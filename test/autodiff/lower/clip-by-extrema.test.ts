import { describe, expect, it } from 'vitest';
import { clipByExtrema } from '../../../src/autodiff/lower/clip-by-extrema.js';
import { makeNode } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { graphOf, operators } from './model.js';

const constants = [floatTensor('low', [], [-0.5]), floatTensor('high', [], [0.5])];
const feeds = { x: float32(Float32Array.of(-2, -0.5, 0.25, 2), [4]) };

describe('clipByExtrema', () => {
  it.each([
    [['low'], ['Max']],
    [['', 'high'], ['Min']],
    [
      ['low', 'high'],
      ['Max', 'Min'],
    ],
  ])('writes a Clip with the trained bounds %j as %j', async (bounds, expected) => {
    const graph = graphOf({ inputs: { x: [4] }, constants, nodes: [makeNode('Clip', ['x', ...bounds], ['y'])] });
    const before = await runOnce(graph.model, feeds);
    expect(clipByExtrema(graph, new Set(['low', 'high']))).toBe(1);
    expect(operators(graph)).toEqual(expected);
    expect((await runOnce(graph.model, feeds)).y?.data).toEqual(before.y?.data);
  });

  it('leaves a Clip with fixed bounds as it is', () => {
    const graph = graphOf({ inputs: { x: [4] }, constants, nodes: [makeNode('Clip', ['x', 'low', 'high'], ['y'])] });
    expect(clipByExtrema(graph, new Set())).toBe(0);
    expect(operators(graph)).toEqual(['Clip']);
  });
});
