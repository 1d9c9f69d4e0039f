import { floatAttribute, stringAttribute } from '../../model/attributes.js';
import { bySign, select, selectPositive, selectWithin } from '../mask.js';
import { unary } from './elementwise.js';
import {
  type GradientContext,
  type GradientRules,
  inputOf,
  optionalInput,
  outputGradient,
  outputOf,
  sumTo,
} from './rule.js';

export const activations: GradientRules = {
  /** 0 at the kink. By y, which the next layer keeps in memory anyway; x often never leaves a fused Conv. */
  Relu: (context) => [selectPositive(context, outputOf(context.node), outputGradient(context))],

  /** Where a bound holds, the gradient goes to the bound; at it, too. */
  Clip(context) {
    const { node, emit, wants, provider } = context;
    const dy = outputGradient(context);
    const y = outputOf(node);
    const [min, max] = [optionalInput(node, 1), optionalInput(node, 2)];
    const total = (held: string, input: number): string => {
      const sum = emit.op('ReduceSum', [held], { keepdims: { int: 0 } });
      return emit.op('Reshape', [sum, emit.ints(context.shape(inputOf(node, input)))]);
    };
    if (provider === 'cpu' && min !== undefined && wants(1)) {
      // a trained floor, FReLU's: what does not pass is the floor's, and of the rest, what does not pass is the ceiling's
      const above = selectPositive(context, emit.op('Sub', [y, min]), dy);
      const passed = max === undefined ? above : selectPositive(context, emit.op('Sub', [max, y]), above);
      const toCeiling = wants(2) ? total(emit.op('Sub', [above, passed]), 2) : null;
      return [wants(0) ? passed : null, total(emit.op('Sub', [dy, above]), 1), toCeiling];
    }
    const bound = (input: number, comparison: string): string | null =>
      wants(input) ? total(select(context, emit.op(comparison, [y, inputOf(node, input)]), dy), input) : null;
    return [
      wants(0) ? selectWithin(context, y, min, max, dy) : null,
      bound(1, 'LessOrEqual'),
      bound(2, 'GreaterOrEqual'),
    ];
  },

  LeakyRelu: unary((context, x) => bySign(context, x, floatAttribute(context.node, 'alpha', 0.01), 1)),

  PRelu(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const [x, slope] = [inputOf(node, 0), inputOf(node, 1)];
    const positive = selectPositive(context, x, dy);
    const negative = emit.op('Sub', [dy, positive]);
    return [
      wants(0) ? emit.op('Add', [positive, emit.op('Mul', [negative, slope])]) : null,
      wants(1) ? sumTo(emit, emit.op('Mul', [negative, x]), shape(x), shape(slope)) : null,
    ];
  },

  ThresholdedRelu(context) {
    const { node, emit } = context;
    const alpha = emit.float(floatAttribute(node, 'alpha', 1));
    return [select(context, emit.op('Greater', [inputOf(node, 0), alpha]), outputGradient(context))];
  },

  Shrink(context) {
    const { node, emit } = context;
    const magnitude = emit.op('Abs', [inputOf(node, 0)]);
    const outside = emit.op('Greater', [magnitude, emit.float(floatAttribute(node, 'lambd', 0.5))]);
    return [select(context, outside, outputGradient(context))];
  },

  /** y (1 - y) */
  Sigmoid: unary(({ emit }, _, y) => emit.op('Sub', [y, emit.op('Mul', [y, y])])),

  Tanh: unary((context, _, y) => oneMinusSquare(context, y)),

  /** x > 0: 1; else alpha e^x = y + alpha */
  Elu: unary((context, x, y) => exponentialBelow(context, x, y, floatAttribute(context.node, 'alpha', 1), 1)),

  /** x > 0: gamma; else gamma alpha e^x = y + gamma alpha */
  Selu: unary((context, x, y) => {
    const alpha = floatAttribute(context.node, 'alpha', 1.6732631921768188);
    const gamma = floatAttribute(context.node, 'gamma', 1.0507010221481323);
    return exponentialBelow(context, x, y, gamma * alpha, gamma);
  }),

  /** x > 0: 1; else e^(x / alpha) = y / alpha + 1 */
  Celu: unary(({ node, emit }, _, y) => {
    const ratio = emit.op('Div', [y, emit.float(floatAttribute(node, 'alpha', 1))]);
    return emit.op('Min', [emit.op('Add', [ratio, emit.float(1)]), emit.float(1)]);
  }),

  HardSigmoid(context) {
    const { node, emit } = context;
    const slope = emit.op('Mul', [outputGradient(context), emit.float(floatAttribute(node, 'alpha', 0.2))]);
    return [selectWithin(context, outputOf(node), emit.float(0), emit.float(1), slope)];
  },

  /** y = x h(x), h = clamp(x / 6 + 1 / 2, 0, 1): h + x / 6 where h is not held */
  HardSwish: unary((context, x) => {
    const { emit } = context;
    const h = emit.op('HardSigmoid', [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
    const sixth = emit.op('Mul', [x, emit.float(1 / 6)]);
    return emit.op('Add', [h, selectWithin(context, x, emit.float(-3), emit.float(3), sixth)]);
  }),

  Softplus: unary(({ emit }, x) => emit.op('Sigmoid', [x])),

  /** y = x / (1 + |x|): 1 / (1 + |x|)^2 = (1 - |y|)^2 */
  Softsign: unary(({ emit }, _, y) => {
    const rest = emit.op('Sub', [emit.float(1), emit.op('Abs', [y])]);
    return emit.op('Mul', [rest, rest]);
  }),

  /** y = x t, t = tanh(softplus(x)): t + x (1 - t^2) sigmoid(x) */
  Mish: unary((context, x) => {
    const { emit } = context;
    const t = emit.op('Tanh', [emit.op('Softplus', [x])]);
    const slope = emit.op('Mul', [oneMinusSquare(context, t), emit.op('Sigmoid', [x])]);
    return emit.op('Add', [t, emit.op('Mul', [x, slope])]);
  }),

  /** 2 / sqrt(pi) e^(-x^2) */
  Erf: unary(({ emit }, x) => {
    const density = emit.op('Exp', [emit.op('Neg', [emit.op('Mul', [x, x])])]);
    return emit.op('Mul', [density, emit.float(2 / Math.sqrt(Math.PI))]);
  }),

  Gelu: unary((context, x) =>
    stringAttribute(context.node, 'approximate', 'none') === 'tanh'
      ? geluTanhDerivative(context, x)
      : geluDerivative(context, x),
  ),
};

function oneMinusSquare({ emit }: GradientContext, t: string): string {
  return emit.op('Sub', [emit.float(1), emit.op('Mul', [t, t])]);
}

/** The slope of a curve that is `above` x for x > 0 and approaches -below exponentially: y + below for x <= 0. */
function exponentialBelow(context: GradientContext, x: string, y: string, below: number, above: number): string {
  const { emit } = context;
  const offset = below === above ? emit.float(above) : bySign(context, x, below, above);
  return emit.op('Add', [emit.op('Min', [y, emit.float(0)]), offset]);
}

/** y = x c(x), c the normal distribution: c + x e^(-x^2 / 2) / sqrt(2 pi) */
function geluDerivative({ emit }: GradientContext, x: string): string {
  const erf = emit.op('Erf', [emit.op('Mul', [x, emit.float(Math.SQRT1_2)])]);
  const c = emit.op('Add', [emit.op('Mul', [erf, emit.float(0.5)]), emit.float(0.5)]);
  const exponential = emit.op('Exp', [emit.op('Mul', [emit.op('Mul', [x, x]), emit.float(-0.5)])]);
  const density = emit.op('Mul', [exponential, emit.float(1 / Math.sqrt(2 * Math.PI))]);
  return emit.op('Add', [c, emit.op('Mul', [x, density])]);
}

/** y = x (1 + t) / 2, t = tanh(u), u = k (x + a x^3): (1 + t) / 2 + x (1 - t^2) u' / 2, u' = k (1 + 3 a x^2) */
function geluTanhDerivative(context: GradientContext, x: string): string {
  const { emit } = context;
  const [k, a] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = emit.op('Mul', [x, x]);
  const polynomial = (cubic: number) =>
    emit.op('Add', [emit.op('Mul', [square, emit.float(k * cubic)]), emit.float(k)]);
  const t = emit.op('Tanh', [emit.op('Mul', [x, polynomial(a)])]);
  const slope = emit.op('Mul', [emit.op('Mul', [oneMinusSquare(context, t), polynomial(3 * a)]), x]);
  return emit.op('Mul', [emit.op('Add', [emit.op('Add', [t, slope]), emit.float(1)]), emit.float(0.5)]);
}
