import { create } from '@bufbuild/protobuf';
import { OperatorSetIdProtoSchema } from 'onnx-buf';
import { expect, it } from 'vitest';
import { writeOutScalers } from '../../../src/autodiff/lower/scaler.js';
import { makeNode } from '../../../src/model/graph.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { graphOf, operators } from './model.js';

const feeds = { x: float32(Float32Array.of(-2, -0.5, 0.25, 2, 3, 1e3), [2, 3]) };

it.each([
  [[0.5], [2]],
  [
    [1, -2, 100],
    [0.5, 0.1, 0.01],
  ],
])('writes a scaler out as arithmetic with the same values: offset %j, scale %j', async (offset, scale) => {
  const scaler = makeNode(
    'Scaler',
    ['x'],
    ['s'],
    { offset: { floats: offset }, scale: { floats: scale } },
    'scaler',
    'ai.onnx.ml',
  );
  const graph = graphOf({ inputs: { x: [2, 3] }, nodes: [scaler, makeNode('Neg', ['s'], ['y'])] });
  graph.model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'ai.onnx.ml', version: 1n }));
  const before = await runOnce(graph.model, feeds);
  writeOutScalers(graph);
  expect(operators(graph)).toEqual(['Cast', 'Sub', 'Mul', 'Neg']);
  expect((await runOnce(graph.model, feeds)).y?.data).toEqual(before.y?.data);
});
