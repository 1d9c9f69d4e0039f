import { type GradientRules, inputOf, outputGradient, outputOf, sumTo } from './rule.js';

/** Selection: each element's gradient goes to the operand it was taken from. */
export const where: GradientRules = {
  Where(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const condition = inputOf(node, 0);
    const zero = emit.float(0);
    const toInput = (input: number, operands: readonly string[]): string | null =>
      wants(input)
        ? sumTo(emit, emit.op('Where', [condition, ...operands]), shape(outputOf(node)), shape(inputOf(node, input)))
        : null;
    return [null, toInput(1, [dy, zero]), toInput(2, [zero, dy])];
  },
};
