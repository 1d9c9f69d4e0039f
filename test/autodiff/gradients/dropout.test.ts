import { describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/contract/settings.js';
import { DataType, floatTensor, rawTensor } from '../../../src/model/tensor.js';
import { checkGradient, node, runGradient } from '../check-gradient.js';

const mode = (training: boolean) => rawTensor('training', DataType.BOOL, [], Uint8Array.of(training ? 1 : 0));

describe('Dropout', () => {
  it('does nothing in inference', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3] } },
      constants: [floatTensor('ratio', [], [0.4]), mode(false)],
      nodes: [node('Dropout', ['x', 'ratio', 'training'], ['y'])],
    });
    await checkGradient({ inputs: { x: { shape: [2, 3] } }, nodes: [node('Dropout', ['x'], ['y'])] });
  });

  it.each(['cpu', 'webgpu'] satisfies Provider[])('%s: the gradient passes where the values did', async (provider) => {
    for (const ratio of [undefined, 0.25]) {
      const x = Array.from({ length: 64 }, (_, i) => i + 1);
      const results = await runGradient({
        inputs: { x: { shape: [8, 8], values: x } },
        constants: [mode(true), ...(ratio === undefined ? [] : [floatTensor('ratio', [], [ratio])])],
        nodes: [node('Dropout', ['x', ratio === undefined ? '' : 'ratio', 'training'], ['y'], { seed: { int: 5 } })],
        provider,
      });
      const factors = Array.from(results.get('y') ?? [], (y, i) => y / (x[i] ?? 1));
      expect(new Set(factors.map((factor) => factor.toFixed(4)))).toEqual(
        new Set(['0.0000', (1 / (1 - (ratio ?? 0.5))).toFixed(4)]),
      );
      const gradient = results.get('x') ?? new Float32Array();
      for (const [i, factor] of factors.entries()) expect(gradient[i]).toBeCloseTo(factor, 5);
    }
  });
});
