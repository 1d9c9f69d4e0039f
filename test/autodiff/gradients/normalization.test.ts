import { describe, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { checkGradient, node } from '../check-gradient.js';

describe('BatchNormalization, frozen statistics', () => {
  it.each([
    ['images', [2, 3, 2, 4]],
    ['series', [2, 3, 5]],
    ['vectors', [4, 3]],
    ['volumes', [1, 3, 2, 2, 2]],
  ])('%s', async (_, x) => {
    const channel = { shape: [3] };
    await checkGradient({
      inputs: {
        x: { shape: x },
        scale: channel,
        bias: channel,
        mean: channel,
        variance: { shape: [3], values: [0.5, 1, 2] },
      },
      nodes: [
        node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance'], ['y'], { epsilon: { float: 0.01 } }),
      ],
    });
  });
});

describe('LayerNormalization', () => {
  it.each<[string, number[], number[], number[] | null, Attributes]>([
    ['the last axis', [2, 3, 4], [4], [4], {}],
    ['two axes', [2, 3, 4], [3, 4], [3, 4], { axis: { int: 1 }, epsilon: { float: 0.1 } }],
    ['no bias, negative axis', [2, 3, 4], [3, 4], null, { axis: { int: -2 } }],
    ['a scale that broadcasts', [2, 3, 4], [4], [1], { axis: { int: 1 } }],
  ])('%s', async (_, x, scale, bias, attributes) => {
    await checkGradient({
      inputs: { x: { shape: x }, scale: { shape: scale }, ...(bias === null ? {} : { bias: { shape: bias } }) },
      nodes: [node('LayerNormalization', bias === null ? ['x', 'scale'] : ['x', 'scale', 'bias'], ['y'], attributes)],
      tolerance: 5e-3,
    });
  });
});

describe('InstanceNormalization', () => {
  it.each([[[2, 3, 5]], [[2, 3, 4, 3]], [[1, 3, 2, 2, 2]]])('%j', async (x) => {
    await checkGradient({
      inputs: { x: { shape: x }, scale: { shape: [3] }, bias: { shape: [3] } },
      nodes: [node('InstanceNormalization', ['x', 'scale', 'bias'], ['y'], { epsilon: { float: 0.1 } })],
    });
  });
});

describe('GroupNormalization', () => {
  it.each([
    [[2, 4, 3], 2],
    [[2, 6, 2, 3], 3],
    [[1, 4, 2, 2], 1],
  ])('%j in %i groups', async (x, groups) => {
    const channel = { shape: [x[1] ?? 1] };
    await checkGradient({
      inputs: { x: { shape: x }, scale: channel, bias: channel },
      nodes: [
        node('GroupNormalization', ['x', 'scale', 'bias'], ['y'], {
          num_groups: { int: groups },
          epsilon: { float: 0.1 },
        }),
      ],
    });
  });
});

describe('normalization without parameters', () => {
  it.each<[string, number[], Attributes]>([
    ['MeanVarianceNormalization', [2, 2, 3, 2], {}],
    ['MeanVarianceNormalization', [2, 3, 4], { axes: { ints: [1, -1] } }],
    ['LpNormalization', [2, 3, 4], {}],
    ['LpNormalization', [2, 3, 4], { axis: { int: 1 } }],
    ['LpNormalization', [2, 3], { p: { int: 1 }, axis: { int: 0 } }],
    ['LRN', [2, 5, 2, 3], { size: { int: 3 }, alpha: { float: 0.5 }, beta: { float: 0.6 }, bias: { float: 2 } }],
    ['LRN', [1, 2, 2, 2], { size: { int: 5 }, alpha: { float: 2 } }],
  ])('%s of %j, %j', async (op, x, attributes) => {
    await checkGradient({ inputs: { x: { shape: x } }, nodes: [node(op, ['x'], ['y'], attributes)], tolerance: 5e-3 });
  });
});
