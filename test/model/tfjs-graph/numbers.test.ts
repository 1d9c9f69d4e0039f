import { expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/tfjs/json.js';
import { fusing, HandmadeModel, int, ints, readFiles, sliding } from './graph-model.js';

function refusal(build: (model: HandmadeModel, x: string) => void): Promise<unknown> {
  const model = new HandmadeModel();
  build(model, model.input('x', [-1, 7, 6, 3]));
  return readFiles(model.files());
}

const convolution = (attributes: JsonObject) => (model: HandmadeModel, x: string) =>
  model.node('Conv2D', 'y', [x, model.random('w', [3, 2, 3, 5])], { ...sliding('VALID'), ...attributes });

it.each<[string, JsonObject, RegExp]>([
  ['strides of 0', { strides: ints(1, 0, 0, 1) }, /its strides are not 4 whole numbers of at least 1/],
  ['strides for other axes', { strides: ints(1, 1, 1, 1, 1, 1, 1, 1) }, /its strides are not 4/],
  ['strides beyond a kernel’s numbers', { strides: ints(1, 2 ** 31, 1, 1) }, /its strides are not 4/],
  ['negative dilations', { dilations: ints(1, -1, -1, 1) }, /its dilations are not 4/],
  ['dilations for fewer axes', { dilations: ints(1, 1, 1) }, /its dilations are not 4/],
  ['fractional strides', { strides: { list: { f: [1, 1.5, 1.5, 1] } } }, /its strides are not 4/],
])('a convolution of %s is refused', async (_, attributes, why) => {
  await expect(refusal(convolution(attributes))).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringMatching(why),
  });
});

it.each<[string, (model: HandmadeModel, x: string) => void, RegExp]>([
  ['a pooling without a window', (m, x) => m.node('MaxPool', 'y', [x], sliding('VALID')), /its ksize are not 4/],
  [
    'a billion parts',
    (m, x) => m.node('Split', 'y', [m.integers('axis', 3), x], { num_split: int(1e9) }),
    /it has 1000000000 outputs/,
  ],
  [
    'parts of an odd size',
    (m, x) => m.node('Split', 'y', [m.integers('axis', 3), x], { num_split: int(2) }),
    /is no whole number|shape \[/,
  ],
  [
    'operands of two types',
    (m, x) => m.node('MatMul', 'y', [x, m.integers('w', [1, 2])]),
    /of the types float32, int32/,
  ],
])('%s is refused', async (_, build, why) => {
  await expect(refusal(build)).rejects.toMatchObject({ kind: 'input', what: expect.stringMatching(why) });
});

it('an output that no node has, and an input that no tensor can be, are refused', async () => {
  await expect(refusal((model, x) => model.node('Relu', 'y', [`${x}:4000000000`]))).rejects.toThrow(
    /names no output of a node/,
  );
  const model = new HandmadeModel();
  model.node('Relu', 'y', [model.input('x', [-1, 2.5])]);
  await expect(readFiles(model.files())).rejects.toThrow(/shape \[null, 2.5\], which no tensor has/);
});

it('strings that are none name nothing', async () => {
  const build = (model: HandmadeModel, x: string) => {
    const b = model.random('b', [5]);
    const odd = { ...fusing('BiasAdd'), fused_ops: { list: { s: [1] } } };
    model.node('_FusedConv2D', 'y', [x, model.random('w', [3, 2, 3, 5]), b], { ...sliding('VALID'), ...odd });
  };
  await expect(refusal(build)).rejects.toMatchObject({ kind: 'input' });
});
