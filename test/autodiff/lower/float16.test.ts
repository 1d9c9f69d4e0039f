import { describe, expect, it } from 'vitest';
import { toFloat32 } from '../../../src/autodiff/lower/float16.js';
import { makeNode } from '../../../src/model/graph.js';
import { DataType, numberToFloat16, rawTensor, readTensor } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { graphOf, operators } from './model.js';

const half = (name: string, values: readonly number[]) =>
  rawTensor(name, DataType.FLOAT16, [values.length], Uint16Array.from(values, numberToFloat16));

describe('toFloat32', () => {
  it('a float16 model computes in float32, with the values of its weights', async () => {
    const graph = graphOf({
      inputs: { x: [3] },
      dataType: DataType.FLOAT16,
      constants: [half('w', [0.5, -1.25, 3])],
      nodes: [
        makeNode('Constant', [], ['c'], { value: { tensor: half('c', [1, 2, 3]) } }),
        makeNode('Mul', ['x', 'w'], ['p']),
        makeNode('Cast', ['p'], ['wide'], { to: { int: DataType.FLOAT } }),
        makeNode('Cast', ['wide'], ['narrow'], { to: { int: DataType.FLOAT16 } }),
        makeNode('Add', ['narrow', 'c'], ['y']),
      ],
    });
    expect(toFloat32(graph)).toBe(true);
    const outputs = await runOnce(graph.model, { x: float32(Float32Array.of(1, 1 / 3, 2), [3]) });
    expect(outputs.y?.type).toBe('float32');
    expect([...(outputs.y?.data ?? [])]).toEqual([1.5, Math.fround(2 + Math.fround(-1.25 * Math.fround(1 / 3))), 9]);
  });

  it('bfloat16 is the upper half of a float32', () => {
    const bits = Uint16Array.of(0x3fc0, 0xc049);
    const graph = graphOf({ inputs: {}, constants: [rawTensor('w', DataType.BFLOAT16, [2], bits)], nodes: [] });
    expect(toFloat32(graph)).toBe(true);
    const [tensor] = graph.proto.initializer;
    expect(tensor && [...readTensor(tensor)]).toEqual([1.5, -3.140625]);
  });

  it('a double model computes in float32, with its weights rounded', async () => {
    const weights = rawTensor('w', DataType.DOUBLE, [2], Float64Array.of(1 / 3, 2));
    const graph = graphOf({
      inputs: { x: [2] },
      dataType: DataType.DOUBLE,
      constants: [weights],
      nodes: [makeNode('Mul', ['x', 'w'], ['y'])],
    });
    expect(toFloat32(graph)).toBe(true);
    const outputs = await runOnce(graph.model, { x: float32(Float32Array.of(1, 2), [2]) });
    expect(outputs.y?.type).toBe('float32');
    expect([...(outputs.y?.data ?? [])]).toEqual([Math.fround(1 / 3), 4]);
  });

  it('leaves the original of a copy alone, and a float32 model too', () => {
    const graph = graphOf({ inputs: {}, constants: [half('w', [1])], nodes: [] });
    const copy = graph.copy();
    toFloat32(copy);
    expect(graph.initializer('w')?.dataType).toBe(DataType.FLOAT16);
    expect(toFloat32(copy)).toBe(false);
    expect(operators(copy)).toEqual([]);
  });
});
