import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../../src/model/graph.js';
import { DataType, floatTensor, rawTensor } from '../../../src/model/tensor.js';
import { checkGradient, type Input, node } from '../check-gradient.js';

/** Two images, six query heads that share two heads of keys and values; 3 queries, 5 keys. */
const apart = { q: { shape: [2, 6, 3, 4] }, k: { shape: [2, 2, 5, 4] }, v: { shape: [2, 2, 5, 3] } };
/** The same with heads side by side. */
const sideBySide = { q: { shape: [2, 3, 24] }, k: { shape: [2, 5, 8] }, v: { shape: [2, 5, 6] } };
const counts: Attributes = { q_num_heads: { int: 6 }, kv_num_heads: { int: 2 } };

interface Variant {
  readonly inputs?: Readonly<Record<string, Input>>;
  readonly attributes?: Attributes;
  readonly mask?: string;
  readonly opset?: number;
  readonly constants?: Parameters<typeof checkGradient>[0]['constants'];
}

const check = ({ inputs = apart, attributes = {}, mask = '', constants = [], opset = 23 }: Variant) =>
  checkGradient({
    inputs,
    constants,
    nodes: [node('Attention', ['q', 'k', 'v', ...(mask === '' ? [] : [mask])], ['y'], attributes)],
    opset,
  });

const seen = (shape: readonly number[], values: readonly number[]) =>
  rawTensor('seen', DataType.BOOL, shape, Uint8Array.from(values));

describe('Attention', () => {
  it('heads that share keys and values', () => check({}));
  it('as many heads of each', () =>
    check({ inputs: { q: { shape: [1, 2, 3, 4] }, k: { shape: [1, 2, 5, 4] }, v: { shape: [1, 2, 5, 1] } } }));
  it('heads side by side', () => check({ inputs: sideBySide, attributes: counts }));
  it('a scale of its own', () => check({ attributes: { scale: { float: 1.3 } } }));
  it('capped scores', () => check({ attributes: { softcap: { float: 0.7 }, scale: { float: 2 } } }));
  it('causal, fewer queries than keys', () => check({ attributes: { is_causal: { int: 1 } } }));
  it('causal, more queries than keys', () =>
    check({
      inputs: { q: { shape: [1, 2, 5, 2] }, k: { shape: [1, 2, 3, 2] }, v: { shape: [1, 2, 3, 2] } },
      attributes: { is_causal: { int: 1 } },
    }));

  it.each([[[3, 5]], [[1, 1, 3, 5]], [[2, 6, 3, 5]], [[6, 3, 5]], [[2, 1, 3, 5]]])(
    'a learned mask of shape %j',
    (shape) => check({ inputs: { ...apart, m: { shape } }, mask: 'm' }),
  );
  it.each([23, 24])('a learned mask, capped scores, causal, in op set %d', (opset) =>
    check({
      opset,
      inputs: { ...apart, m: { shape: [6, 3, 5] } },
      mask: 'm',
      attributes: { softcap: { float: 0.6 }, scale: { float: 2 }, is_causal: { int: 1 } },
    }),
  );
  it('a mask of what is seen', () =>
    check({ constants: [seen([3, 5], [1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1])], mask: 'seen' }));
  it('a mask of what is seen, causal', () =>
    check({
      constants: [seen([1, 1, 3, 5], [1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1])],
      mask: 'seen',
      attributes: { is_causal: { int: 1 } },
    }));
  it.each([-1e9, -3.4e38, Number.NEGATIVE_INFINITY])('a mask of %d', (low) => {
    const hidden = [0, low, 0, 0, low];
    return check({ constants: [floatTensor('m', [3, 5], [...hidden, 0, 0, 0, 0, 0, ...hidden])], mask: 'm' });
  });
  it.each([-3.4028234663852886e38, Number.NEGATIVE_INFINITY])('a query that sees nothing, by a mask of %d', (low) =>
    check({ constants: [floatTensor('m', [3, 5], [...Array(10).fill(0), ...Array(5).fill(low)])], mask: 'm' }),
  );

  it('a query that sees nothing', () =>
    check({ constants: [seen([3, 5], [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])], mask: 'seen' }));

  it('a mask that is computed, lower triangles of what is true', () =>
    checkGradient({
      inputs: apart,
      constants: [seen([3, 5], Array(15).fill(1))],
      nodes: [
        node('Trilu', ['seen'], ['lower'], { upper: { int: 0 } }),
        node('Attention', ['q', 'k', 'v', 'lower'], ['y']),
      ],
      opset: 23,
    }));

  it('refuses keys of earlier calls', async () => {
    const caches = { pk: { shape: [2, 2, 1, 4] }, pv: { shape: [2, 2, 1, 3] } };
    const past = checkGradient({
      inputs: { ...apart, ...caches },
      nodes: [node('Attention', ['q', 'k', 'v', '', 'pk', 'pv'], ['y', 'nk', 'nv'])],
      outputs: ['y'],
      opset: 23,
    });
    await expect(past).rejects.toThrow('it reads keys and values of earlier calls');
  });
});

describe('RMSNormalization', () => {
  it.each([
    [-1, [3]],
    [1, [2, 3]],
    [-2, [1, 3]],
    [2, []],
  ])('from axis %d, scale %j', (axis, scale) =>
    checkGradient({
      inputs: { x: { shape: [2, 2, 3] }, scale: { shape: scale } },
      nodes: [node('RMSNormalization', ['x', 'scale'], ['y'], { axis: { int: axis }, epsilon: { float: 0.02 } })],
      opset: 23,
    }),
  );
});

describe('RotaryEmbedding', () => {
  const angles = Array.from({ length: 15 }, (_, i) => i * 0.7);
  const cache = (name: string, of: (x: number) => number, shape: readonly number[]) =>
    floatTensor(
      name,
      shape,
      angles
        .slice(
          0,
          shape.reduce((a, b) => a * b, 1),
        )
        .map(of),
    );

  it.each([0, 1])('heads apart, interleaved %d', (interleaved) =>
    checkGradient({
      inputs: { x: { shape: [1, 2, 3, 4] } },
      constants: [cache('c', Math.cos, [1, 3, 2]), cache('s', Math.sin, [1, 3, 2])],
      nodes: [node('RotaryEmbedding', ['x', 'c', 's'], ['y'], { interleaved: { int: interleaved } })],
      opset: 23,
    }),
  );

  it('heads side by side, a part of each turned, at positions of their own', () =>
    checkGradient({
      inputs: { x: { shape: [1, 3, 12] } },
      constants: [
        cache('c', Math.cos, [5, 1]),
        cache('s', Math.sin, [5, 1]),
        rawTensor('p', DataType.INT64, [1, 3], BigInt64Array.of(4n, 0n, 4n)),
      ],
      nodes: [
        node('RotaryEmbedding', ['x', 'c', 's', 'p'], ['y'], {
          num_heads: { int: 2 },
          rotary_embedding_dim: { int: 2 },
        }),
      ],
      opset: 23,
    }));
});
