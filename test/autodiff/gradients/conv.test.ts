import { describe, expect, it } from 'vitest';
import { present } from '../../../src/contract/present.js';
import type { Provider } from '../../../src/contract/settings.js';
import type { Attributes } from '../../../src/model/graph.js';
import { checkGradient, node } from '../check-gradient.js';

interface Case {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly bias?: boolean;
  readonly attributes?: Attributes;
}

const volumes = '3-D, with a stride';

const conv: Record<string, Case> = {
  '1-D, stride 2': { x: [2, 3, 8], w: [4, 3, 3], attributes: { strides: { ints: [2] } } },
  '1-D, one image': { x: [1, 2, 5], w: [3, 2, 2], bias: true },
  '2-D, padded': { x: [2, 2, 5, 4], w: [3, 2, 3, 3], bias: true, attributes: { pads: { ints: [1, 1, 1, 1] } } },
  'asymmetric pads, stride and dilation': {
    x: [2, 2, 7, 6],
    w: [3, 2, 2, 3],
    bias: true,
    attributes: { pads: { ints: [1, 0, 2, 3] }, strides: { ints: [2, 1] }, dilations: { ints: [2, 2] } },
  },
  'inputs that no window reads': { x: [1, 2, 6, 6], w: [2, 2, 1, 2], attributes: { strides: { ints: [4, 3] } } },
  'windows that read padding alone': { x: [1, 1, 3, 2], w: [2, 1, 2, 1], attributes: { pads: { ints: [3, 1, 2, 1] } } },
  'auto_pad SAME_UPPER': {
    x: [1, 2, 5, 6],
    w: [2, 2, 2, 3],
    attributes: { auto_pad: { string: 'SAME_UPPER' }, strides: { ints: [2, 2] } },
  },
  'auto_pad SAME_LOWER': { x: [1, 2, 5, 6], w: [2, 2, 2, 4], attributes: { auto_pad: { string: 'SAME_LOWER' } } },
  'auto_pad VALID': { x: [1, 2, 4, 4], w: [2, 2, 3, 2], attributes: { auto_pad: { string: 'VALID' } } },
  '1x1': { x: [2, 3, 4, 4], w: [2, 3, 1, 1], bias: true },
  '1x1, padded': { x: [2, 3, 3, 2], w: [2, 3, 1, 1], attributes: { pads: { ints: [1, 0, 0, 1] } } },
  'one tap in one dimension': { x: [3, 4, 5], w: [2, 4, 1], bias: true },
  'one tap in three dimensions, one image': { x: [1, 4, 2, 1, 3], w: [3, 4, 1, 1, 1] },
  '1x1 in groups': { x: [2, 4, 3, 2], w: [6, 2, 1, 1], attributes: { group: { int: 2 } } },
  '1x1, stride 2': { x: [2, 3, 5, 4], w: [2, 3, 1, 1], attributes: { strides: { ints: [2, 2] } } },
  '1x1, more channels than positions': { x: [3, 5, 2, 2], w: [6, 5, 1, 1] },
  '3x3, more channels than positions': {
    x: [3, 4, 2, 3],
    w: [4, 4, 3, 3],
    attributes: { pads: { ints: [1, 1, 1, 1] } },
  },
  groups: {
    x: [2, 4, 4, 5],
    w: [6, 2, 2, 2],
    bias: true,
    attributes: { group: { int: 2 }, strides: { ints: [1, 2] } },
  },
  'groups, more channels than positions': { x: [2, 6, 2, 2], w: [4, 3, 2, 2], attributes: { group: { int: 2 } } },
  depthwise: {
    x: [2, 3, 5, 4],
    w: [3, 1, 3, 2],
    attributes: { group: { int: 3 }, pads: { ints: [1, 0, 0, 1] }, dilations: { ints: [1, 2] } },
  },
  'depthwise, two filters per channel, stride 2': {
    x: [2, 2, 6, 7],
    w: [4, 1, 3, 3],
    attributes: { group: { int: 2 }, pads: { ints: [1, 1, 1, 1] }, strides: { ints: [2, 3] } },
  },
  'depthwise, inputs that no window reads': {
    x: [1, 2, 7, 6],
    w: [2, 1, 2, 1],
    attributes: { group: { int: 2 }, strides: { ints: [4, 3] } },
  },
  [volumes]: {
    x: [1, 2, 3, 4, 3],
    w: [2, 2, 2, 2, 2],
    bias: true,
    attributes: { pads: { ints: [1, 0, 0, 0, 1, 0] }, strides: { ints: [1, 2, 1] } },
  },
};

const convTranspose: Record<string, Case> = {
  '1-D': { x: [2, 3, 4], w: [3, 2, 3], bias: true, attributes: { strides: { ints: [2] } } },
  'output padding': {
    x: [2, 2, 3, 2],
    w: [2, 3, 3, 2],
    bias: true,
    attributes: { strides: { ints: [2, 3] }, pads: { ints: [1, 0, 0, 1] }, output_padding: { ints: [1, 2] } },
  },
  groups: { x: [1, 4, 3, 3], w: [4, 2, 2, 2], attributes: { group: { int: 2 }, strides: { ints: [2, 2] } } },
  depthwise: { x: [2, 3, 3, 2], w: [3, 1, 2, 3], attributes: { group: { int: 3 }, strides: { ints: [2, 1] } } },
  'auto_pad SAME_UPPER': {
    x: [1, 2, 3, 3],
    w: [2, 2, 3, 2],
    attributes: { auto_pad: { string: 'SAME_UPPER' }, strides: { ints: [2, 2] } },
  },
  output_shape: {
    x: [1, 2, 3, 3],
    w: [2, 2, 4, 3],
    attributes: { output_shape: { ints: [5, 6] }, strides: { ints: [2, 2] }, output_padding: { ints: [0, 1] } },
  },
  [volumes]: { x: [1, 2, 2, 2, 2], w: [2, 1, 2, 2, 2], attributes: { strides: { ints: [1, 2, 1] } } },
};

async function check(
  op: string,
  { x, w, bias = false, attributes = {} }: Case,
  provider: Provider = 'cpu',
): Promise<void> {
  const group = attributes.group !== undefined && 'int' in attributes.group ? attributes.group.int : 1;
  const filters = op === 'Conv' ? (w[0] ?? 1) : (w[1] ?? 1) * group;
  await checkGradient({
    inputs: { x: { shape: x }, w: { shape: w }, ...(bias ? { b: { shape: [filters] } } : {}) },
    nodes: [node(op, bias ? ['x', 'w', 'b'] : ['x', 'w'], ['y'], attributes)],
    provider,
  });
}

describe('Conv', () => {
  it.each(Object.entries(conv))('%s', (_, of) => check('Conv', of));
  it.each(Object.entries(conv).filter(([name]) => name !== volumes))('as WebGPU computes it: %s', (_, of) =>
    check('Conv', of, 'webgpu'),
  );
  it('on WebGPU, volumes with a stride are refused', async () => {
    await expect(check('Conv', present(conv[volumes], volumes), 'webgpu')).rejects.toMatchObject({
      message: expect.stringContaining('WebGPU has no ConvTranspose in three dimensions'),
    });
  });
});

describe('ConvTranspose', () => {
  it.each(Object.entries(convTranspose))('%s', (_, of) => check('ConvTranspose', of));
  it.each(Object.entries(convTranspose))('as WebGPU computes it: %s', (_, of) => check('ConvTranspose', of, 'webgpu'));
});
