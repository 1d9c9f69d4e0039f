import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { floatTensor, int64Tensor } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { observeShapes } from '../../src/runtime/shapes.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { sequenceLoop, sequenceLoopConstants } from '../autodiff/sequence-loop.js';

it('reads the shape of every value off one execution, scalars and values that nobody reads included', async () => {
  const graph = graphOf({
    inputs: { x: [-1, 3] },
    constants: [
      floatTensor('w', [3, 4], new Float32Array(12)),
      floatTensor('large', [4, 5000], new Float32Array(20000)),
      int64Tensor('axes', [1], [0]),
    ],
    nodes: [
      node('MatMul', ['x', 'w'], ['y']),
      node('ReduceSum', ['y'], ['total'], { keepdims: { int: 0 } }),
      node('MatMul', ['y', 'large'], ['wide']),
      node('Unsqueeze', ['y', 'axes'], ['unread']),
      node('NonZero', ['x'], ['found']),
    ],
  });
  const before = structuredClone(graph.proto);
  const shapes = await observeShapes(graph, { x: float32(Float32Array.of(0, 1, 0, 1, 1, 0), [2, 3]) });
  expect(Object.fromEntries(shapes)).toEqual({
    x: [2, 3],
    w: [3, 4],
    large: [4, 5000],
    axes: [1],
    y: [2, 4],
    total: [],
    wide: [2, 5000],
    unread: [1, 2, 4],
    found: [2, 3],
  });
  expect(graph.proto).toEqual(before);
});

it('asks no shape of a sequence that a Loop gives', async () => {
  const graph = graphOf({
    inputs: { x: [3, 2] },
    constants: [...sequenceLoopConstants],
    nodes: sequenceLoop('x', 'y'),
  });
  const shapes = await observeShapes(graph, { x: float32(new Float32Array(6), [3, 2]) });
  expect([shapes.get('y'), shapes.get('end'), shapes.has('rows')]).toEqual([[3, 2], [], false]);
});

it.runIf(process.platform === 'linux')('holds no value longer than it is read, however many there are', async () => {
  const [count, megabytes] = [64, 8];
  const nodes = Array.from({ length: count }, (_, i) => node('Relu', [i === 0 ? 'x' : `y${i - 1}`], [`y${i}`]));
  const elements = (megabytes * 2 ** 20) / Float32Array.BYTES_PER_ELEMENT;
  const graph = graphOf({ inputs: { x: [-1, elements] }, constants: [], nodes });
  const x = float32(new Float32Array(elements).fill(1), [1, elements]);
  const memory = async (field: string): Promise<number> => {
    const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(await readFile('/proc/self/status', 'latin1')) ?? [];
    return Number(kilobytes) / 1024;
  };
  const before = await memory('VmRSS');
  await observeShapes(graph, { x });
  expect((await memory('VmHWM')) - before).toBeLessThan((count * megabytes) / 2);
});
