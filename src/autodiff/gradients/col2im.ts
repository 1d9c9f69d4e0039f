import { intsAttribute } from '../../model/attributes.js';
import { elementCount, readIntegers } from '../../model/tensor.js';
import { taps, type WindowAxis } from '../window.js';
import { type GradientContext, type GradientRules, inputOf, outputGradient, UnsupportedNode } from './rule.js';

export const col2im: GradientRules = {
  /** Columns [N, C K, L] are added up in an image [N, C, ...image]: each receives what its place in the image does. */
  Col2Im(context) {
    const { emit, node, shape } = context;
    const [batch = 1, columns = 1] = shape(inputOf(node, 0));
    const axes = blocks(context);
    const size = elementCount(axes.map(({ kernel }) => kernel));
    const channels = columns / size;
    const positions = elementCount(axes.map(({ output }) => output));
    const rows = taps(emit, outputGradient(context), axes).map((tap) =>
      emit.op('Reshape', [tap, emit.ints([batch, channels, 1, positions])]),
    );
    return [emit.op('Reshape', [emit.concat(rows, 2), emit.ints([batch, columns, positions])])];
  },
};

/** How the blocks lie in the image, axis by axis. */
function blocks(context: GradientContext): WindowAxis[] {
  const { node } = context;
  const image = constantIntegers(context, 1, 'the size of its image');
  const block = constantIntegers(context, 2, 'the size of its blocks');
  const [strides, dilations, pads] = ['strides', 'dilations', 'pads'].map((name) => intsAttribute(node, name));
  return block.map((kernel, i) => {
    const input = image[i] ?? 1;
    const [stride, dilation] = [strides?.[i] ?? 1, dilations?.[i] ?? 1];
    const [padBegin, padEnd] = [pads?.[i] ?? 0, pads?.[i + block.length] ?? 0];
    const room = input + padBegin + padEnd - ((kernel - 1) * dilation + 1);
    return { input, kernel, stride, dilation, padBegin, padEnd, output: Math.floor(room / stride) + 1 };
  });
}

function constantIntegers({ node, constant }: GradientContext, input: number, what: string): number[] {
  const tensor = constant(inputOf(node, input));
  if (tensor === undefined) throw new UnsupportedNode(`${what} is computed, not constant`);
  return readIntegers(tensor);
}
