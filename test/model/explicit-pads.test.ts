import { describe, expect, it } from 'vitest';
import { withExplicitPads } from '../../src/model/explicit-pads.js';
import { makeNode } from '../../src/model/graph.js';
import { floatTensor } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { makeTrainable } from '../../src/training/prepare.js';
import { graphOf } from '../autodiff/lower/model.js';
import { plainStepper } from '../training/plain-stepper.js';

/** A convolution of 2 taps 3 apart over a series of 6, whose weights are 1 and 10. */
const dilated = (autoPad: string, stride = 1) =>
  graphOf({
    inputs: { x: [-1, 1, 6] },
    constants: [floatTensor('w', [1, 1, 2], [1, 10])],
    nodes: [
      makeNode('Conv', ['x', 'w'], ['y'], {
        auto_pad: { string: autoPad },
        dilations: { ints: [3] },
        strides: { ints: [stride] },
      }),
    ],
  });
const x = { x: float32(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 1, 6]) };

describe('a dilated convolution with padding that ONNX Runtime should work out', () => {
  it.each([
    // one zero before, two after
    ['SAME_UPPER', [30, 41, 52, 63, 4, 5]],
    ['SAME_LOWER', [20, 30, 41, 52, 63, 4]],
  ])('is run with its padding in numbers: %s', async (autoPad, expected) => {
    const { y } = await runOnce(dilated(autoPad).model, x);
    expect([...(y?.data ?? [])]).toEqual(expected);
  });

  it('is trained', async () => {
    const trainable = makeTrainable('dilated.onnx', dilated('SAME_UPPER'), 'all');
    const stepper = plainStepper(trainable, { sampleShapes: { x: [1, 6] } });
    const feed = { inputs: x, targets: Float32Array.of(30, 41, 52, 63, 4, 11), count: 1 };
    // of six outputs the last is 6 off: w0 reads 5 there, w1 a zero of the padding
    expect(await stepper.run(feed, { weights: 0.1, sites: 0 })).toBeCloseTo(6, 5);
    const [group] = (await stepper.step(1)).groups;
    const state = (await stepper.read()).get(group?.input ?? '');
    expect(state?.[0]).toBeCloseTo(1 + 0.1 * (2 / 6) * 6 * 5, 5);
    expect(state?.[1]).toBeCloseTo(10, 5);
  });

  it('is refused by name where strides make its padding depend on the input', async () => {
    await expect(runOnce(dilated('SAME_UPPER', 2).model, x)).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining("Conv 'y' has dilations"),
      cure: 'Export the model again with its padding in numbers (pads).',
      settings: [],
    });
  });

  it('leaves other models as they are', () => {
    const { model } = graphOf({ inputs: { x: [1] }, nodes: [makeNode('Relu', ['x'], ['y'])] });
    expect(withExplicitPads(model)).toBe(model);
  });
});
