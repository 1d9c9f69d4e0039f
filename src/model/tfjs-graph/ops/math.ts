import type { Computed, Converter, ConverterTable, NodeContext } from '../context.js';

/** Elementwise functions of one operand. */
export const math: ConverterTable = {
  Abs: unary('Abs'),
  Acos: unary('Acos'),
  Acosh: unary('Acosh'),
  Asin: unary('Asin'),
  Asinh: unary('Asinh'),
  Atan: unary('Atan'),
  Atanh: unary('Atanh'),
  Ceil: unary('Ceil'),
  Cos: unary('Cos'),
  Cosh: unary('Cosh'),
  Erf: unary('Erf'),
  Exp: unary('Exp'),
  Floor: unary('Floor'),
  Log: unary('Log'),
  Neg: unary('Neg'),
  Round: unary('Round'),
  Sign: unary('Sign'),
  Sin: unary('Sin'),
  Sinh: unary('Sinh'),
  Sqrt: unary('Sqrt'),
  Tan: unary('Tan'),
  Expm1: composed((context, x) => context.op('Sub', [context.op('Exp', [x]), context.builder.float(1)])),
  Log1p: composed((context, x) => context.op('Log', [context.op('Add', [x, context.builder.float(1)])])),
  Reciprocal: composed((context, x) => context.op('Div', [context.builder.float(1), x])),
  Rsqrt: composed((context, x) => context.op('Div', [context.builder.float(1), context.op('Sqrt', [x])])),
  Square: composed((context, x) => context.op('Mul', [x, x])),
  ClipByValue: (context) => {
    const bound = (input: number) => context.number(input) ?? context.refuse('its bounds are computed at run time');
    const bounds = [bound(1), bound(2)].map((each) => context.builder.scalar(each, context.dtype(0)));
    return composed((_, x) => context.op('Clip', [x, ...bounds]))(context);
  },
};

function unary(opType: string): Converter {
  return composed((context, x) => context.op(opType, [x]));
}

function composed(compute: (context: NodeContext, x: string) => string): (context: NodeContext) => Computed[] {
  return (context) => {
    const x = context.value(0);
    return [context.result(compute(context, x.name), x.dtype, x)];
  };
}
