import { describe, expect, it } from 'vitest';
import { untrainedNetwork } from '../../fixtures/layers.js';
import { stepMemory } from '../../src/autodiff/optimizer-kernels.js';
import { addWeighted, type FourRows } from '../../src/autodiff/optimizers.js';
import { present } from '../../src/contract/present.js';
import { createRandom } from '../../src/math/random.js';
import { Graph } from '../../src/model/graph.js';
import { floatTensor, int64Tensor } from '../../src/model/tensor.js';
import { FactoredGradient, type Product } from '../../src/training/factored-gradient.js';
import type { StepSettings } from '../../src/training/prepare.js';
import type { Stepper } from '../../src/training/stepper.js';
import { node } from '../autodiff/check-gradient.js';
import { adamw, batch, distance, limitMemory, type Network, rates, stepperFor } from './networks.js';

function productOf(seed: number, count: number, rows: number, columns: number): Product {
  const random = createRandom(seed);
  const values = (size: number) => Float32Array.from({ length: size }, () => random.normal());
  return { left: values(count * rows), right: values(count * columns), count };
}

/** left^T right of all products, in double precision. */
function whole(products: readonly Product[], rows: number, columns: number): Float64Array {
  const sum = new Float64Array(rows * columns);
  for (const { left, right, count } of products) {
    for (let at = 0; at < sum.length; at++) {
      const [row, column] = [Math.floor(at / columns), at % columns];
      for (let i = 0; i < count; i++) {
        sum[at] = (sum[at] ?? 0) + (left[i * rows + row] ?? 0) * (right[i * columns + column] ?? 0);
      }
    }
  }
  return sum;
}

describe('a factored gradient', () => {
  // more than one piece; one row in each; fewer rows than a piece
  it.each([
    [700, 1000, [3]],
    [3, 300_000, [4, 1]],
    [5, 8, [16, 7, 2]],
    [1, 4, [1]],
  ])('is the sum of its products, row by row: %i x %i, %j', (rows, columns, counts) => {
    const products = counts.map((count, i) => productOf(i, count, rows, columns));
    const expected = whole(products, rows, columns);
    const memory = present(stepMemory(FactoredGradient.memoryOf([rows, columns])), 'WebAssembly');
    let used = 0;
    const allocate = (size: number) => {
      used += size;
      return memory.floats.subarray(used - size, used);
    };
    const inMemory = new FactoredGradient([rows, columns], allocate, memory.addWeighted);
    const elsewhere = new FactoredGradient([rows, columns], (size) => new Float32Array(size));
    expect(used).toBeLessThanOrEqual(memory.floats.length);
    for (const gradient of [inMemory, elsewhere]) {
      gradient.set([]);
      for (const product of products) gradient.addUp(product, 0.5);
      const found = new Float32Array(rows * columns);
      for (const { from, gradient: piece } of gradient.pieces(4)) found.set(piece, from);
      expect(
        distance(
          found,
          Float32Array.from(expected, (value) => 2 * value),
        ),
      ).toBeLessThan(1e-6);
      const squares = expected.reduce((sum, value) => sum + (value / 2) ** 2, 0);
      expect(gradient.squares / squares).toBeCloseTo(1, 5);
    }
  });

  it('adds rows as JavaScript does', () => {
    const memory = present(stepMemory(5 * 12), 'WebAssembly');
    const row = (i: number) => memory.floats.subarray(i * 12, (i + 1) * 12);
    const random = createRandom(3);
    for (let i = 0; i < memory.floats.length; i++) memory.floats[i] = random.normal();
    const expected = row(4).slice();
    const rows: FourRows = [row(0), row(1), row(2), row(3)];
    addWeighted(expected, rows, Float32Array.of(1, -2, 0.5, 3));
    memory.addWeighted(row(4), rows, Float32Array.of(1, -2, 0.5, 3));
    expect(distance(row(4), expected)).toBeLessThan(1e-6);
  });
});

/** Two dense layers of a million weights, one high and one wide; where their weights are transposed first, their gradients are no products. */
function wide(isTransposed: boolean, hasOffset = false): Network {
  const graph = untrainedNetwork('wide', 1, [2, 8, 8], 3, (layers, input) => {
    const x = layers.dense('high', layers.op('flat', 'Flatten', [input]), 128, 8200);
    const y = layers.dense('wide', layers.op('high/relu', 'Relu', [x]), 8200, 128);
    return layers.dense('logits', layers.op('wide/relu', 'Relu', [y]), 128, 3);
  });
  graph.addInitializer(floatTensor('offset', [], [-0.1]));
  graph.addInitializer(int64Tensor('inputs', [1], [1]));
  graph.proto.node = graph.proto.node.flatMap((each) => {
    const [x = '', weights = '', bias = ''] = each.input;
    if (each.opType !== 'Gemm') return [each];
    // an offset of what the layer reads, folded into its bias
    const own = hasOffset ? `${bias}/folded` : bias;
    return [
      node('ReduceSum', [weights, 'inputs'], [`${weights}/sums`], { keepdims: { int: 0 } }),
      node('Mul', [`${weights}/sums`, 'offset'], [`${weights}/moved`]),
      node('Add', [bias, `${weights}/moved`], [`${bias}/folded`]),
      ...(isTransposed
        ? [
            node('Transpose', [weights], [`${weights}/turned`]),
            node('Gemm', [x, `${weights}/turned`, own], each.output),
          ]
        : [node('Gemm', [x, weights, own], each.output, { transB: { int: 1 } })]),
    ];
  });
  return { graph: new Graph(graph.model), sites: hasOffset ? ['offset'] : [] };
}

/** The parameters whose gradients a step gives as factors. */
async function factored(stepper: Stepper, size: number): Promise<string[]> {
  const { update } = await stepper.step(size);
  if (update.kind === 'in-graph') throw new Error('the graph steps');
  return update.parameters.flatMap(({ name, gradient }) => (typeof gradient === 'object' && gradient ? [name] : []));
}

async function train(stepper: Stepper, counts: readonly number[]) {
  const losses: number[] = [];
  for (const [seed, count] of counts.entries()) losses.push(await stepper.run(batch(seed, count), rates));
  return { losses, state: await stepper.read() };
}

/** Held against the same network whose gradients are there as a whole. */
async function compare(
  settings: Partial<StepSettings>,
  counts: readonly number[],
  { isLimited = false, hasOffset = false } = {},
): Promise<void> {
  const expected = await train(stepperFor(wide(true, hasOffset), 'cpu', settings), counts);
  if (isLimited) await limitMemory(2);
  const found = await train(stepperFor(wide(false, hasOffset), 'cpu', settings, { warn: () => {} }), counts);
  for (const [i, loss] of found.losses.entries()) expect(loss).toBeCloseTo(expected.losses[i] ?? Number.NaN, 4);
  expect(found.state.size).toBe(expected.state.size);
  const [states, references] = [[...found.state.values()], [...expected.state.values()]];
  for (const [i, values] of references.entries()) expect(distance(states[i], values)).toBeLessThan(2e-5);
}

describe('a step of large dense layers', () => {
  it('is given the factors of their gradients where a batch is small', async () => {
    expect(await factored(stepperFor(wide(false)), 5)).toEqual(['high/weight', 'wide/weight']);
    expect(await factored(stepperFor(wide(false)), 16)).toEqual(['high/weight', 'wide/weight']);
    expect(await factored(stepperFor(wide(false)), 17)).toEqual([]);
    expect(await factored(stepperFor(wide(true)), 5)).toEqual([]);
    expect(await factored(stepperFor(wide(false, true)), 5)).toEqual(['high/weight', 'wide/weight']);
    expect(await factored(stepperFor(wide(true, true)), 5)).toEqual([]);
  });

  it.each<[string, Partial<StepSettings>]>([
    ['SGD', {}],
    ['SGD, clipped, an average', { clipNorm: 0.5, averageDecay: 0.9 }],
    ['AdamW, clipped', { optimizer: adamw, clipNorm: 0.5 }],
    ['AdamW, an average', { optimizer: adamw, averageDecay: 0.9 }],
  ])('is that of whole gradients: %s', (_, settings) => compare(settings, [5, 5, 3, 1]));

  it('is so where an offset reads the sums of the weights', () =>
    compare({ clipNorm: 0.5 }, [5, 3], { hasOffset: true }));

  it('is so where batches of other sizes have whole gradients, before and behind', async () => {
    await compare({}, [5, 17, 3, 17]);
    await compare({ clipNorm: 0.5 }, [17, 5, 17]);
  });

  it.each([
    [{ clipNorm: 0.5 }, [5, 3, 1]],
    [{}, [17, 5]],
  ])('is so in parts: %j, %j', (settings, counts) => compare(settings, counts, { isLimited: true }));
});
