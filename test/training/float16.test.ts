import { expect, it } from 'vitest';
import { DataType, rawTensor } from '../../src/model/tensor.js';
import { signatureOf, tensorsFor } from '../../src/runtime/predictor.js';
import { makeTrainable } from '../../src/training/prepare.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { plainStepper } from './plain-stepper.js';

it('a model whose input is float16 is trained in float32, and fed as its trained copy asks', async () => {
  // 1 and 0.5 as half floats
  const graph = graphOf({
    inputs: { x: [-1, 2] },
    constants: [rawTensor('w', DataType.FLOAT16, [2, 1], Uint16Array.of(0x3c00, 0x3800))],
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    dataType: DataType.FLOAT16,
  });
  expect(signatureOf(graph).inputs[0]?.elementType).toBe(DataType.FLOAT16);
  const trainable = makeTrainable('half.onnx', graph, 'all');
  const signature = signatureOf(trainable.graph);
  expect(signature.inputs[0]?.elementType).toBe(DataType.FLOAT);
  const stepper = plainStepper(trainable, { sampleShapes: { x: [2] } });
  const inputs = tensorsFor(signature, { x: { values: Float32Array.of(1, 2), shape: [2] } }, 1);
  const feed = { inputs, targets: Float32Array.of(0), count: 1 };
  // y = 1 + 2 * 0.5
  expect(await stepper.run(feed, { weights: 0.1, sites: 0 })).toBe(4);
  const [group] = (await stepper.step(1)).groups;
  const state = (await stepper.read()).get(group?.input ?? '');
  // dL/dw = 2 * 2 * x
  expect(state?.[0]).toBeCloseTo(1 - 0.4, 6);
  expect(state?.[1]).toBeCloseTo(0.5 - 0.8, 6);
});
