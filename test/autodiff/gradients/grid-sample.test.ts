import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { checkGradient, node, random } from '../check-gradient.js';

const text = (string: string) => ({ string });

/** A grid that leaves the image on all sides, no coordinate of it near where an element begins: there the slope breaks. */
function grid(shape: readonly number[], sizes: readonly number[], reach = 2.4): number[] {
  const next = random(3);
  const count = shape.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: count }, (_, i) => {
    const size = sizes[sizes.length - 1 - (i % sizes.length)] ?? 1;
    for (;;) {
      const value = reach * (2 * next() - 1);
      // in quarters of an element: whole and half ones are where floors, borders and reflections break
      const near = [((value + 1) * size - 1) / 2, ((value + 1) / 2) * (size - 1)].map((at) =>
        Math.abs(at * 2 - Math.round(at * 2)),
      );
      if (near.every((distance) => distance > 0.15)) return value;
    }
  });
}

const paddings = ['zeros', 'border', 'reflection'].flatMap((padding) =>
  [0, 1].map((aligned) => [padding, aligned] as const),
);

describe('GridSample', () => {
  it.each(paddings)('linear, %s, align_corners %d', (padding, aligned) =>
    checkGradient({
      inputs: { x: { shape: [2, 3, 3, 5] }, g: { shape: [2, 2, 7, 2], values: grid([2, 2, 7, 2], [3, 5]) } },
      nodes: [
        node('GridSample', ['x', 'g'], ['y'], {
          mode: text('linear'),
          padding_mode: text(padding),
          align_corners: { int: aligned },
        }),
      ],
    }),
  );

  it.each(paddings)('nearest, %s, align_corners %d: the data alone', (padding, aligned) =>
    checkGradient({
      inputs: { x: { shape: [2, 3, 3, 5] } },
      constants: [floatTensor('g', [2, 2, 7, 2], grid([2, 2, 7, 2], [3, 5]))],
      nodes: [
        node('GridSample', ['x', 'g'], ['y'], {
          mode: text('nearest'),
          padding_mode: text(padding),
          align_corners: { int: aligned },
        }),
      ],
    }),
  );

  it('at halves, where the even element is the nearest', () =>
    checkGradient({
      inputs: { x: { shape: [1, 1, 1, 4] } },
      constants: [floatTensor('g', [1, 1, 5, 2], [-1, 0, -0.5, 0, 0, 0, 0.5, 0, 1, 0])],
      nodes: [node('GridSample', ['x', 'g'], ['y'], { mode: text('nearest') })],
    }));

  it.each(paddings)('volumes, %s, align_corners %d', (padding, aligned) =>
    checkGradient({
      inputs: {
        x: { shape: [1, 2, 3, 2, 4] },
        g: { shape: [1, 2, 1, 3, 3], values: grid([1, 2, 1, 3, 3], [3, 2, 4], 1.6) },
      },
      nodes: [node('GridSample', ['x', 'g'], ['y'], { padding_mode: text(padding), align_corners: { int: aligned } })],
    }),
  );

  it('a spatial transformer: the grid is computed from what is sampled', () =>
    checkGradient({
      inputs: { x: { shape: [2, 1, 4, 3] }, w: { shape: [2, 2] } },
      constants: [floatTensor('base', [2, 2, 2, 2], grid([2, 2, 2, 2], [4, 3], 0.9))],
      nodes: [
        node('MatMul', ['base', 'w'], ['g']),
        node('GridSample', ['x', 'g'], ['y'], { padding_mode: text('border') }),
      ],
      step: 1e-3,
      tolerance: 1e-2,
    }));

  it('refuses cubes', async () => {
    const attributes: Attributes = { mode: text('cubic') };
    const check = checkGradient({
      inputs: { x: { shape: [1, 1, 3, 3] }, g: { shape: [1, 2, 2, 2] } },
      nodes: [node('GridSample', ['x', 'g'], ['y'], attributes)],
    });
    await expect(check).rejects.toThrow('it interpolates by cubes');
  });
});
