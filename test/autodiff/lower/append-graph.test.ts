import { expect, it } from 'vitest';
import { appendGraph } from '../../../src/autodiff/lower/append-graph.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { floatsOf } from '../../../src/runtime/tensors.js';
import { parseGraph } from '../../transforms/notation.js';
import { valueInfo } from '../check-gradient.js';

/** Every name but the input's is one of the graph that is put behind, too. */
const model = `
  x: float[N,2]
  w = float[2,2] 1 2 3 4
  h = MatMul(x, w) name=h
  y = Relu(h) name=relu
  -> y`;
const behind = `
  opset 18
  y: float[N,2]
  x: float[N,2]
  w = float[] 10
  h = Sub(y, x) name=h
  loss = Mul(h, w) name=relu
  -> loss`;

it('reads values of the graph before it, has the rest as inputs of its own, and no name of it collides', async () => {
  const graph = parseGraph(model);
  const { outputs, inputs } = appendGraph(graph, parseGraph(behind), new Map([['y', 'y']]), 'own/');
  const [loss, target] = [outputs.get('loss') ?? '', inputs.get('x') ?? ''];
  expect(graph.feeds().map(({ name }) => name)).toEqual(['x', target]);
  expect(target).toBe('own/x');
  expect(graph.nodes.map(({ name }) => name)).toEqual(['h', 'relu', 'own/h', 'own/relu']);
  expect(graph.opset()).toBe(18);
  graph.proto.output = [valueInfo(loss)];
  const results = await runOnce(graph.model, {
    x: float32(Float32Array.of(1, -1), [1, 2]),
    [target]: float32(Float32Array.of(1, 2), [1, 2]),
  });
  // relu([1, -1] [[1, 2], [3, 4]]) = [0, 0]; ([0, 0] - [1, 2]) 10
  expect([...floatsOf(results[loss] ?? float32(new Float32Array(), [0]))]).toEqual([-10, -20]);
});
