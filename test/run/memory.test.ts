import { expect, test } from 'vitest';
import { compareMemory } from '../../src/run/memory.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { parseGraph } from '../transforms/notation.js';

function model(width: number) {
  const graph = parseGraph(
    `x: float[N,8]\nv = float[8,${width}] 1\nw = float[${width},8] 1\nh = MatMul(x, v)\ny = MatMul(h, w)\n-> y`,
  );
  return { source: graph.model, signature: signatureOf(graph) };
}

test('the memory of a model holds its weights: 16 MB more of them are seen', async () => {
  const memory = await compareMemory(model(8), model(250_000), [8]);
  if (memory === null) throw new Error('not measured');
  expect(memory.before).toBeGreaterThan(0);
  expect(memory.after - memory.before).toBeGreaterThan(15e6);
});

test('a model that does not run has no memory to report', async () => {
  expect(await compareMemory(model(8), model(8), [9])).toBeNull();
});
