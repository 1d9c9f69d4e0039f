import { describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/contract/settings.js';
import type { Attributes } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { checkGradient, node } from '../check-gradient.js';

const kernel = (...ints: number[]) => ({ kernel_shape: { ints } });

const windows: Record<string, { readonly x: readonly number[]; readonly attributes: Attributes }> = {
  'edge to edge': { x: [2, 2, 4, 6], attributes: { ...kernel(2, 3), strides: { ints: [2, 3] } } },
  'inputs left over': { x: [1, 2, 5, 5], attributes: { ...kernel(2, 2), strides: { ints: [2, 2] } } },
  overlap: { x: [2, 2, 5, 4], attributes: { ...kernel(3, 2) } },
  'overlap, padded, stride 2': {
    x: [1, 2, 5, 7],
    attributes: { ...kernel(3, 3), strides: { ints: [2, 2] }, pads: { ints: [1, 1, 1, 1] } },
  },
  'asymmetric pads, dense': { x: [1, 2, 4, 3], attributes: { ...kernel(3, 2), pads: { ints: [2, 0, 1, 1] } } },
  'asymmetric pads, stride and dilation': {
    x: [1, 2, 8, 7],
    attributes: {
      ...kernel(2, 3),
      strides: { ints: [3, 1] },
      dilations: { ints: [2, 2] },
      pads: { ints: [1, 0, 0, 2] },
    },
  },
  ceil_mode: {
    x: [1, 1, 6, 5],
    attributes: { ...kernel(3, 2), strides: { ints: [2, 2] }, ceil_mode: { int: 1 } },
  },
  'ceil_mode and pads': {
    x: [1, 1, 6, 6],
    attributes: { ...kernel(3, 3), strides: { ints: [2, 3] }, pads: { ints: [1, 1, 0, 1] }, ceil_mode: { int: 1 } },
  },
  'auto_pad SAME_UPPER': {
    x: [1, 2, 5, 4],
    attributes: { ...kernel(2, 3), strides: { ints: [2, 1] }, auto_pad: { string: 'SAME_UPPER' } },
  },
  'auto_pad SAME_LOWER': { x: [1, 1, 5, 4], attributes: { ...kernel(2, 3), auto_pad: { string: 'SAME_LOWER' } } },
  '1-D': { x: [2, 2, 7], attributes: { ...kernel(3), strides: { ints: [2] } } },
  '3-D': { x: [1, 2, 4, 3, 4], attributes: { ...kernel(2, 2, 2), strides: { ints: [2, 1, 2] } } },
};

/** Distinct values, 0.1 apart, in no order: a central difference must not change which is the maximum. */
function scattered(shape: readonly number[]): number[] {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: count }, (_, i) => (((i * 37) % count) - count / 2) / 10);
}

describe('MaxPool', () => {
  for (const provider of ['cpu', 'webgpu'] satisfies Provider[]) {
    const known = Object.entries(windows).filter(([name]) => provider === 'cpu' || name !== '3-D');
    it.each(known)(`${provider}: %s`, async (_, { x, attributes }) => {
      await checkGradient({
        inputs: { x: { shape: x, values: scattered(x) } },
        nodes: [node('MaxPool', ['x'], ['y'], attributes)],
        provider,
      });
    });
  }

  it('webgpu: volumes are refused', async () => {
    const volume = { shape: [1, 1, 2, 2, 2], values: scattered([8]) };
    const nodes = [node('MaxPool', ['x'], ['y'], kernel(2, 2, 2))];
    await expect(checkGradient({ inputs: { x: volume }, nodes, provider: 'webgpu' })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('WebGPU has no ConvTranspose in three dimensions'),
      cure: 'Train on the CPU.',
      settings: [['device', 'cpu']],
    });
  });

  it.each(['cpu', 'webgpu'] satisfies Provider[])('%s: ties count once', async (provider) => {
    await checkGradient({
      inputs: { b: { shape: [1, 1, 1, 1] } },
      constants: [floatTensor('zeros', [1, 1, 4, 5], Array(20).fill(0))],
      nodes: [
        node('Add', ['b', 'zeros'], ['x']),
        node('MaxPool', ['x'], ['y'], { ...kernel(3, 3), pads: { ints: [1, 1, 1, 1] } }),
      ],
      provider,
    });
  });
});

describe('AveragePool', () => {
  it.each(Object.entries(windows))('%s', async (_, { x, attributes }) => {
    for (const count_include_pad of [0, 1]) {
      await checkGradient({
        inputs: { x: { shape: x } },
        nodes: [node('AveragePool', ['x'], ['y'], { ...attributes, count_include_pad: { int: count_include_pad } })],
      });
    }
  });
});

describe('LpPool', () => {
  it.each(Object.entries(windows))('%s', async (_, { x, attributes }) => {
    for (const p of [1, 2, 3]) {
      await checkGradient({
        inputs: { x: { shape: x } },
        nodes: [node('LpPool', ['x'], ['y'], { ...attributes, p: { int: p } })],
      });
    }
  });
});

describe('global pooling', () => {
  it.each(['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'])('%s', async (op) => {
    for (const x of [
      [2, 3, 4],
      [2, 2, 3, 2],
      [1, 2, 2, 3, 2],
    ]) {
      await checkGradient({ inputs: { x: { shape: x, values: scattered(x) } }, nodes: [node(op, ['x'], ['y'])] });
    }
  });
});
