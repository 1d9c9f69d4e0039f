import { type GradientContext, type GradientRules, inputOf, outputGradient, outputOf, sumTo } from './rule.js';

/** y = f(x): the chain rule with the factor f'(x), in whatever of x and y it is cheapest. */
const unary =
  (derivative: (context: GradientContext, x: string, y: string) => string) =>
  (context: GradientContext): string[] => {
    const { node, emit } = context;
    return [emit.op('Mul', [outputGradient(context), derivative(context, inputOf(node, 0), outputOf(node))])];
  };

/** Sums what a broadcast operand receives back to its own shape. */
function toInput(context: GradientContext, input: number, gradient: string): string {
  const { node, emit, shape } = context;
  return sumTo(emit, gradient, shape(outputOf(node)), shape(inputOf(node, input)));
}

/** Arithmetic with numpy broadcasting, and smooth functions of one argument. */
export const elementwise: GradientRules = {
  Add(context) {
    const dy = outputGradient(context);
    return [0, 1].map((input) => (context.wants(input) ? toInput(context, input, dy) : null));
  },
  Mul(context) {
    const { node, emit } = context;
    const dy = outputGradient(context);
    return [0, 1].map((input) =>
      context.wants(input) ? toInput(context, input, emit.op('Mul', [dy, inputOf(node, 1 - input)])) : null,
    );
  },
  Exp: unary((_, _x, y) => y),
};
