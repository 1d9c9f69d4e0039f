import { describe, expect, it } from 'vitest';
import { type LayoutStep, rearrange, restore } from '../../../src/model/tfjs/origin.js';

const values = Float32Array.from({ length: 24 }, (_, i) => i);

describe('rearranging a weight', () => {
  it('transposes [h, w, in, out] into [out, in, h, w]', () => {
    const steps: LayoutStep[] = [{ kind: 'transpose', perm: [3, 2, 0, 1] }];
    const { shape, values: moved } = rearrange(values, [2, 1, 3, 4], steps);
    expect(shape).toEqual([4, 3, 2, 1]);
    // element [out, in, h, w] = [1, 2, 1, 0] was [h, w, in, out] = [1, 0, 2, 1]
    expect(moved[1 * 6 + 2 * 2 + 1]).toBe(1 * 12 + 2 * 4 + 1);
  });

  it('reorders the gates of a cell', () => {
    const { values: moved } = rearrange(values, [3, 8], [{ kind: 'blocks', axis: 1, order: [0, 3, 1, 2] }]);
    expect([...moved.slice(0, 8)]).toEqual([0, 1, 6, 7, 2, 3, 4, 5]);
  });

  it.each<[string, readonly number[], readonly LayoutStep[]]>([
    ['nothing', [24], []],
    ['a reshape', [4, 6], [{ kind: 'reshape', shape: [2, 12] }]],
    ['a transpose', [2, 3, 4], [{ kind: 'transpose', perm: [1, 2, 0] }]],
    [
      'all of them',
      [3, 8],
      [
        { kind: 'blocks', axis: 1, order: [2, 0, 1, 3] },
        { kind: 'transpose', perm: [1, 0] },
        { kind: 'reshape', shape: [1, 8, 3] },
        { kind: 'transpose', perm: [2, 0, 1] },
      ],
    ],
  ])('comes back bit for bit from %s', (_, shape, steps) => {
    const moved = rearrange(values, shape, steps);
    expect(restore(moved.values, shape, steps)).toEqual(values);
  });
});
