import { DataType, readFloats, readIntegers, type TensorProto } from '../../model/tensor.js';
import {
  type GradientContext,
  type GradientRule,
  type GradientRules,
  inputOf,
  outputGradient,
  outputOf,
  sumTo,
} from './rule.js';

/** y = f(x): the chain rule with the factor f'(x), in whatever of x and y it is cheapest. */
export const unary =
  (derivative: (context: GradientContext, x: string, y: string) => string): GradientRule =>
  (context) => {
    const { node, emit } = context;
    return [emit.op('Mul', [outputGradient(context), derivative(context, inputOf(node, 0), outputOf(node))])];
  };

/** The same for f'(x) = 1 / g(x): one division instead of a reciprocal and a product. */
const unaryQuotient =
  (denominator: (context: GradientContext, x: string, y: string) => string): GradientRule =>
  (context) => {
    const { node, emit } = context;
    return [emit.op('Div', [outputGradient(context), denominator(context, inputOf(node, 0), outputOf(node))])];
  };

/** A rule's gradient with the opposite sign: cos, acos. */
const negated =
  (rule: GradientRule): GradientRule =>
  (context) =>
    rule(context).map((gradient) => (gradient === null ? null : context.emit.op('Neg', [gradient])));

/** Sums what a broadcast operand receives back to its own shape. */
function toInput(context: GradientContext, input: number, gradient: string): string {
  const { node, emit, shape } = context;
  return sumTo(emit, gradient, shape(outputOf(node)), shape(inputOf(node, input)));
}

/** For every wanted operand, the gradient that `of` writes in the output's shape, summed back to the operand's. */
function perOperand(context: GradientContext, of: (input: number) => string): (string | null)[] {
  return context.node.input.map((_, input) => (context.wants(input) ? toInput(context, input, of(input)) : null));
}

/** g * sign(x), with 0 at 0. WebGPU has no Sign kernel: there it is two selections. */
export function timesSign({ emit, provider }: GradientContext, gradient: string, x: string): string {
  if (provider !== 'webgpu') return emit.op('Mul', [gradient, emit.op('Sign', [x])]);
  const zero = emit.float(0);
  const negative = emit.op('Where', [emit.op('Less', [x, zero]), emit.op('Neg', [gradient]), zero]);
  return emit.op('Where', [emit.op('Greater', [x, zero]), gradient, negative]);
}

const square = ({ emit }: GradientContext, x: string): string => emit.op('Mul', [x, x]);

/** The number that every element of a constant exponent has; undefined where they differ or it is no constant. */
function uniform(tensor: TensorProto | undefined): number | undefined {
  if (tensor === undefined) return undefined;
  const integral = tensor.dataType === DataType.INT64 || tensor.dataType === DataType.INT32;
  const [first, ...rest] = integral ? readIntegers(tensor) : readFloats(tensor);
  return rest.every((value) => value === first) ? first : undefined;
}

/** d(x^p)/dx = p x^(p-1) for a constant p, in products where p is one of the exponents that networks have. */
function powerDerivative(context: GradientContext, x: string, y: string, p: number): string {
  const { emit } = context;
  const scaled = (value: string, factor: number) => emit.op('Mul', [value, emit.float(factor)]);
  switch (p) {
    case 2:
      return scaled(x, 2);
    case 3:
      return scaled(square(context, x), 3);
    case 0.5:
      return emit.op('Div', [emit.float(0.5), y]);
    case -1:
      return emit.op('Neg', [square(context, y)]);
    default:
      return scaled(emit.op('Pow', [x, emit.float(p - 1)]), p);
  }
}

/**
 * Max and Min. Every element's gradient goes to exactly one operand: where operands tie, to a constant one if it is among
 * them (so that Max(x, 0) has the gradient of Relu, 0 at 0), else to the first. Sharing, the alternative, would cost
 * another pass per operand to count the ties and gains nothing: both are subgradients.
 */
const extremum: GradientRule = (context) => {
  const { node, emit, wants, constant } = context;
  const y = outputOf(node);
  const isConstant = (input: number): number => (constant(inputOf(node, input)) === undefined ? 1 : 0);
  const order = node.input.map((_, input) => input).sort((a, b) => isConstant(a) - isConstant(b));
  const gradients: (string | null)[] = node.input.map(() => null);
  let rest = outputGradient(context);
  order.forEach((input, rank) => {
    if (!order.slice(rank).some(wants)) return;
    if (rank === order.length - 1) {
      gradients[input] = toInput(context, input, rest);
      return;
    }
    const claims = emit.op('Equal', [inputOf(node, input), y]);
    if (wants(input)) {
      gradients[input] = toInput(context, input, emit.op('Where', [claims, rest, emit.float(0)]));
    }
    if (order.slice(rank + 1).some(wants)) rest = emit.op('Where', [claims, emit.float(0), rest]);
  });
  return gradients;
};

/** Arithmetic with numpy broadcasting, and smooth functions of one argument. */
export const elementwise: GradientRules = {
  Add(context) {
    const dy = outputGradient(context);
    return perOperand(context, () => dy);
  },
  Sub(context) {
    const dy = outputGradient(context);
    return [
      context.wants(0) ? toInput(context, 0, dy) : null,
      // the sign after the sum, on the operand's own (often smaller) shape
      context.wants(1) ? context.emit.op('Neg', [toInput(context, 1, dy)]) : null,
    ];
  },
  Mul(context) {
    const { node, emit } = context;
    const dy = outputGradient(context);
    return perOperand(context, (input) => emit.op('Mul', [dy, inputOf(node, 1 - input)]));
  },
  Div(context) {
    // y = a / b: da = dy / b, db = -dy y / b
    const { node, emit, wants } = context;
    const quotient = emit.op('Div', [outputGradient(context), inputOf(node, 1)]);
    return [
      wants(0) ? toInput(context, 0, quotient) : null,
      wants(1) ? emit.op('Neg', [toInput(context, 1, emit.op('Mul', [quotient, outputOf(node)]))]) : null,
    ];
  },
  Mod(context) {
    // y = a - trunc(a / b) b: da = dy, db = -dy trunc(a / b), and trunc(a / b) is (a - y) / b exactly
    const { node, emit, wants } = context;
    const dy = outputGradient(context);
    const wholes = () => emit.op('Div', [emit.op('Sub', [inputOf(node, 0), outputOf(node)]), inputOf(node, 1)]);
    return [
      wants(0) ? toInput(context, 0, dy) : null,
      wants(1) ? emit.op('Neg', [toInput(context, 1, emit.op('Mul', [dy, wholes()]))]) : null,
    ];
  },
  Pow(context) {
    const { node, emit, wants, constant } = context;
    const [x, exponent, y, dy] = [inputOf(node, 0), inputOf(node, 1), outputOf(node), outputGradient(context)];
    const zero = emit.float(0);
    const fixed = wants(1) ? undefined : uniform(constant(exponent));
    if (fixed !== undefined) {
      if (fixed === 0) return [];
      const gradient = fixed === 1 ? dy : emit.op('Mul', [dy, powerDerivative(context, x, y, fixed)]);
      return [toInput(context, 0, gradient)];
    }
    // an exponent that is not trained may be an integer tensor
    const p = wants(1) ? exponent : emit.op('Cast', [exponent], { to: { int: DataType.FLOAT } });
    const byBase = () => {
      const slope = emit.op('Mul', [p, emit.op('Pow', [x, emit.op('Sub', [p, emit.float(1)])])]);
      // 0 * 0^-1 at x = p = 0
      return emit.op('Mul', [dy, emit.op('Where', [emit.op('Equal', [p, zero]), zero, slope])]);
    };
    // dx^p/dp = x^p log x; taken as 0 where x is not positive and the power has no derivative in p
    const byExponent = () => {
      const positive = emit.op('Where', [emit.op('Greater', [x, zero]), x, emit.float(1)]);
      return emit.op('Mul', [dy, emit.op('Mul', [y, emit.op('Log', [positive])])]);
    };
    return [wants(0) ? toInput(context, 0, byBase()) : null, wants(1) ? toInput(context, 1, byExponent()) : null];
  },
  Sum(context) {
    const dy = outputGradient(context);
    return perOperand(context, () => dy);
  },
  Mean(context) {
    const { node, emit } = context;
    const share = emit.op('Mul', [outputGradient(context), emit.float(1 / node.input.length)]);
    return perOperand(context, () => share);
  },
  Max: extremum,
  Min: extremum,
  Neg: (context) => [context.emit.op('Neg', [outputGradient(context)])],
  Abs: (context) => [timesSign(context, outputGradient(context), inputOf(context.node, 0))],
  Reciprocal: negated(unary((context, _, y) => square(context, y))),
  Sqrt: unary(({ emit }, _, y) => emit.op('Div', [emit.float(0.5), y])),
  Exp: unary((_, _x, y) => y),
  Log: unaryQuotient((_, x) => x),
  Sin: unary(({ emit }, x) => emit.op('Cos', [x])),
  Cos: negated(unary(({ emit }, x) => emit.op('Sin', [x]))),
  Tan: unary((context, _, y) => context.emit.op('Add', [square(context, y), context.emit.float(1)])),
  Asin: unaryQuotient((context, x) => rootOf(context, '1 - x^2', x)),
  Acos: negated(unaryQuotient((context, x) => rootOf(context, '1 - x^2', x))),
  Atan: unaryQuotient((context, x) => context.emit.op('Add', [square(context, x), context.emit.float(1)])),
  Sinh: unary(({ emit }, x) => emit.op('Cosh', [x])),
  Cosh: unary(({ emit }, x) => emit.op('Sinh', [x])),
  Asinh: unaryQuotient((context, x) => rootOf(context, 'x^2 + 1', x)),
  Acosh: unaryQuotient((context, x) => rootOf(context, 'x^2 - 1', x)),
  Atanh: unaryQuotient((context, x) => context.emit.op('Sub', [context.emit.float(1), square(context, x)])),
};

/** The square roots in the derivatives of the inverse trigonometric and hyperbolic functions. */
function rootOf(context: GradientContext, radicand: '1 - x^2' | 'x^2 + 1' | 'x^2 - 1', x: string): string {
  const { emit } = context;
  const [one, squared] = [emit.float(1), square(context, x)];
  switch (radicand) {
    case '1 - x^2':
      return emit.op('Sqrt', [emit.op('Sub', [one, squared])]);
    case 'x^2 + 1':
      return emit.op('Sqrt', [emit.op('Add', [squared, one])]);
    case 'x^2 - 1':
      return emit.op('Sqrt', [emit.op('Sub', [squared, one])]);
  }
}
