import { describe, expect, it, vi } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.js';
import { floatTensor } from '../../src/model/tensor.js';
import { node } from './check-gradient.js';
import { graphOf, type SmallModel } from './lower/model.js';

/** Operators of the test's own: each has a rule that gives this. */
const given = vi.hoisted(
  (): Readonly<Record<string, readonly (string | null)[]>> => ({
    GradientForWhatIsLeftOut: ['seed', 'seed'],
    GradientBeyondTheLastInput: ['seed', null, 'seed'],
    NullBeyondTheLastInput: ['seed', null, null],
    ShorterList: ['seed'],
    Nothing: [],
  }),
);

vi.mock('../../src/autodiff/gradients/index.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/autodiff/gradients/index.js')>();
  const own = Object.entries(given).map(([opType, gradients]) => [opType, () => gradients] as const);
  return { ...original, gradientRules: { ...original.gradientRules, ...Object.fromEntries(own) } };
});

/** The gradient of y [2] with respect to x [2]. */
function gradientOf(nodes: SmallModel['nodes']) {
  const graph = graphOf({ inputs: { x: [2] }, constants: [floatTensor('seed', [2], [1, 1])], nodes });
  const shapes = new Map(['x', 'h', 'y'].map((value) => [value, [2]] as const));
  return differentiate(graph, new Map([['y', 'seed']]), new Set(['x']), {
    path: 'small.onnx',
    provider: 'cpu',
    shapes,
  });
}

describe('differentiate', () => {
  it('names the node that has no rule, and what to do', () => {
    const training = () => gradientOf([node('MaxRoiPool', ['x', 'x'], ['y'])]);
    expect(training).toThrow(
      expect.objectContaining({
        kind: 'input',
        what: "small.onnx: node 'y' (MaxRoiPool) cannot be differentiated: there is no gradient rule for this operator.",
        settings: ['train', 'exclude'],
      }),
    );
  });

  describe('a rule', () => {
    it.each([
      ['GradientForWhatIsLeftOut', 1],
      ['GradientBeyondTheLastInput', 2],
    ])('with a gradient for an input that the node has not is a defect: %s', (opType, input) => {
      expect(() => gradientOf([node(opType, ['x', ''], ['y'])])).toThrow(
        `the rule of ${opType} 'y' gives a gradient for input ${input}, which it has not`,
      );
    });

    it.each(['NullBeyondTheLastInput', 'ShorterList'])(
      'may say by null or its absence that there is none: %s',
      (opType) => {
        expect(gradientOf([node(opType, ['x', ''], ['y'])])).toEqual(new Map([['x', 'seed']]));
      },
    );

    it('that gives nothing means a gradient of zero, and none is returned', () => {
      expect(gradientOf([node('Nothing', ['x'], ['y'])])).toEqual(new Map());
    });
  });
});
