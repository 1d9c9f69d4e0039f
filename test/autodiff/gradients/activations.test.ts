import { describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/contract/settings.js';
import type { Attributes } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { checkGradient, node, runGradient } from '../check-gradient.js';

const providers: Provider[] = ['cpu', 'webgpu'];

/** on both sides of every kink: 0, +-0.5, +-1, +-3 */
const x = { shape: [2, 7], values: [-4, -3.3, -2.2, -1.2, -0.8, -0.3, -0.05, 0.05, 0.3, 0.8, 1.2, 2.2, 3.3, 4] };

describe.each(providers)('activations on %s', (provider) => {
  it.each<[string, Attributes]>([
    ['Relu', {}],
    ['LeakyRelu', {}],
    ['LeakyRelu', { alpha: { float: 0.3 } }],
    ['LeakyRelu', { alpha: { float: -0.5 } }],
    ['LeakyRelu', { alpha: { float: 2 } }],
    ['ThresholdedRelu', {}],
    ['ThresholdedRelu', { alpha: { float: 0.5 } }],
    ['Shrink', { lambd: { float: 0.5 } }],
    ['Shrink', { lambd: { float: 1 }, bias: { float: 0.2 } }],
    ['Sigmoid', {}],
    ['Tanh', {}],
    ['Elu', {}],
    ['Elu', { alpha: { float: 0.4 } }],
    ['Elu', { alpha: { float: 1.7 } }],
    ['Selu', {}],
    ['Celu', { alpha: { float: 0.6 } }],
    ['HardSigmoid', {}],
    ['HardSigmoid', { alpha: { float: 0.5 }, beta: { float: 0.3 } }],
    ['HardSwish', {}],
    ['Softplus', {}],
    ['Softsign', {}],
    ['Mish', {}],
    ['Erf', {}],
    ['Gelu', {}],
    ['Gelu', { approximate: { string: 'tanh' } }],
  ])('%s %j', async (op, attributes) => {
    await checkGradient({ inputs: { x }, nodes: [node(op, ['x'], ['y'], attributes)], provider });
  });

  it.each([
    ['one slope per channel', [2, 3, 2], [3, 1]],
    ['one slope', [2, 3], [1]],
    ['a slope per element', [2, 3], [2, 3]],
  ])('PRelu: %s', async (_, shape, slope) => {
    await checkGradient({
      inputs: { x: { shape }, slope: { shape: slope } },
      nodes: [node('PRelu', ['x', 'slope'], ['y'])],
      provider,
    });
  });

  it.each([
    ['min and max', ['x', 'min', 'max']],
    ['min', ['x', 'min']],
    ['max', ['x', '', 'max']],
    ['neither', ['x']],
  ])('Clip: %s, with a gradient of its own', async (_, inputs) => {
    await checkGradient({
      inputs: {
        x,
        ...(inputs.includes('min') ? { min: { shape: [], values: [-0.5] } } : {}),
        ...(inputs.includes('max') ? { max: { shape: [], values: [3] } } : {}),
      },
      nodes: [node('Clip', inputs, ['y'])],
      provider,
    });
  });

  it('Clip at zero is a Relu', async () => {
    await checkGradient({
      inputs: { x },
      constants: [floatTensor('min', [], [0])],
      nodes: [node('Clip', ['x', 'min'], ['y'])],
      provider,
    });
  });

  it.each([
    ['Relu', ['x'], [0, 0, 1, 1]],
    ['Clip', ['x', 'low', 'high'], [0, 0, 1, 0]],
    ['LeakyRelu', ['x'], [0.01, 0.01, 1, 1]],
  ])('%s: the gradient at the kink', async (op, inputs, expected) => {
    const gradients = await runGradient({
      inputs: { x: { shape: [4], values: [-1, 0, 1, 6] } },
      constants: [floatTensor('low', [], [0]), floatTensor('high', [], [6])],
      nodes: [node(op, inputs, ['y'])],
      provider,
    });
    expect(gradients.get('x')).toEqual(Float32Array.from(expected));
  });
});
