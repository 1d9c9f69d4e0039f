import { present } from '../../../contract/present.js';
import { type Computed, type ConverterTable, type Elements, isConstant, type NodeContext } from '../context.js';

/** Binary arithmetic with broadcasting, and the sums that carry a bias. */
export const arithmetic: ConverterTable = {
  Add: addition,
  AddV2: addition,
  BiasAdd: addition,
  AddN: (context) => {
    const { names, dtype, like } = context.align(context.operands.map((_, input) => input));
    const sum = names.reduce((total, name) => context.op('Add', [total, name]));
    return [context.result(sum, dtype, like)];
  },
  Sub: (context) => binary(context, 'Sub', (a, b) => a - b),
  Mul: (context) => binary(context, 'Mul', (a, b) => a * b),
  Minimum: (context) => binary(context, 'Min', Math.min),
  Maximum: (context) => binary(context, 'Max', Math.max),
  Pow: (context) => binary(context, 'Pow', (a, b) => a ** b),
  Div: division,
  RealDiv: division,
  FloorDiv: floorDivision,
  // tf.js: 0 where the divisor is 0
  DivNoNan: (context) => {
    const { a, b, dtype, like } = context.alignPair();
    const zero = context.builder.scalar(0, dtype);
    const quotient = context.op('Div', [a, b]);
    return [context.result(context.op('Where', [context.op('Equal', [b, zero]), zero, quotient]), dtype, like)];
  },
  Mod: floorModulo,
  FloorMod: floorModulo,
  SquaredDifference: (context) => {
    const { names, dtype, like } = context.align([0, 1]);
    const difference = context.op('Sub', names);
    return [context.result(context.op('Mul', [difference, difference]), dtype, like)];
  },
  Atan2: (context) => {
    const { a: y, b: x, like } = context.alignPair();
    const { builder } = context;
    const zero = builder.float(0);
    // atan(y / x) is right for x > 0; by half a turn off for x < 0; a quarter of a turn for x = 0
    const angle = context.op('Atan', [context.op('Div', [y, x])]);
    const upper = context.op('GreaterOrEqual', [y, zero]);
    const halfTurn = context.op('Where', [upper, builder.float(Math.PI), builder.float(-Math.PI)]);
    const left = context.op('Where', [context.op('Less', [x, zero]), context.op('Add', [angle, halfTurn]), angle]);
    const quarterTurn = context.op('Mul', [context.op('Sign', [y]), builder.float(Math.PI / 2)]);
    return [context.result(context.op('Where', [context.op('Equal', [x, zero]), quarterTurn, left]), 'float32', like)];
  },
};

function binary(context: NodeContext, opType: string, compute: (a: number, b: number) => number): Computed[] {
  const { names, dtype, like } = context.align([0, 1]);
  return [context.result(context.op(opType, names), dtype, like, elementwise(context, compute))];
}

function addition(context: NodeContext): Computed[] {
  const merged = mergeBias(context, 0, 1) ?? mergeBias(context, 1, 0);
  return merged === null ? binary(context, 'Add', (a, b) => a + b) : [merged];
}

/** tf.js divides two integers downwards. */
function division(context: NodeContext): Computed[] {
  return isInteger(context) ? floorDivision(context) : binary(context, 'Div', (a, b) => a / b);
}

/** ONNX divides integers towards zero and takes the remainder with the divisor's sign. */
function floorDivision(context: NodeContext): Computed[] {
  const { a, b, dtype, like } = context.alignPair();
  const elements = elementwise(context, (x, y) => Math.floor(x / y));
  const quotient = isInteger(context)
    ? context.op('Div', [context.op('Sub', [a, context.op('Mod', [a, b])]), b])
    : context.op('Floor', [context.op('Div', [a, b])]);
  return [context.result(quotient, dtype, like, elements)];
}

function floorModulo(context: NodeContext): Computed[] {
  const { a, b, dtype, like } = context.alignPair();
  if (isInteger(context)) return [context.result(context.op('Mod', [a, b]), dtype, like)];
  const whole = context.op('Mul', [b, context.op('Floor', [context.op('Div', [a, b])])]);
  return [context.result(context.op('Sub', [a, whole]), dtype, like)];
}

function isInteger(context: NodeContext): boolean {
  return context.dtype(0) !== 'float32' && context.dtype(1) !== 'float32';
}

/** The elements of an integer result, where those of both operands are known: shapes are computed so. */
function elementwise(context: NodeContext, compute: (a: number, b: number) => number): Elements | null {
  if (!isInteger(context)) return null;
  const [a, b] = [context.elements(0), context.elements(1)];
  if (a === null || b === null) return null;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return null;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => {
    const [x, y] = [a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]];
    return x === null || y === null || x === undefined || y === undefined ? null : compute(x, y);
  });
}

/**
 * A constant per channel added to a convolution, or a product of matrices, that nothing else reads is its bias. Null where it is
 * not so.
 */
function mergeBias(context: NodeContext, input: number, biasInput: number): Computed | null {
  const operand = context.operand(input);
  const bias = context.constant(biasInput);
  if (bias === null || isConstant(operand) || !context.isOnlyReader(input)) return null;
  const node = context.builder.nodeOf(operand.name);
  if (node === undefined || node.input.length !== 2) return null;
  const takesBias = operand.channelsFirst ? /^Conv(Transpose)?$/.test(node.opType) : node.opType === 'Gemm';
  const channels = operand.shape?.at(-1) ?? null;
  if (!takesBias || channels === null || bias.values.length !== channels || bias.shape.at(-1) !== channels) return null;
  const before = context.builder.nodes.length;
  const steps = bias.shape.length === 1 ? [] : [{ kind: 'reshape' as const, shape: [channels] }];
  const name = present(context.weight(biasInput, steps), `the bias of ${operand.name}`);
  // a weight that is read in another layout elsewhere is computed behind the convolution: too late for it
  if (context.builder.nodes.length !== before) return null;
  node.input.push(name);
  context.extended.push(node);
  return operand;
}
