import type { Computed, ConverterTable, NodeContext } from '../context.js';

/** Comparisons, logic, and selection by a condition. */
export const comparison: ConverterTable = {
  Equal: (context) => [compare(context, 'Equal')],
  NotEqual: (context) => {
    const equal = compare(context, 'Equal');
    return [{ ...equal, name: context.op('Not', [equal.name]) }];
  },
  Greater: (context) => [compare(context, 'Greater')],
  GreaterEqual: (context) => [compare(context, 'GreaterOrEqual')],
  Less: (context) => [compare(context, 'Less')],
  LessEqual: (context) => [compare(context, 'LessOrEqual')],
  LogicalAnd: (context) => [compare(context, 'And')],
  LogicalOr: (context) => [compare(context, 'Or')],
  LogicalNot: (context) => {
    const x = context.value(0);
    return [context.result(context.op('Not', [x.name]), 'bool', x)];
  },
  Select: select,
  SelectV2: select,
  // the places where the condition holds, one a row
  Where: (context) => {
    const condition = context.plain(0);
    const places = context.op('Transpose', [context.op('NonZero', [condition.name])], { perm: { ints: [1, 0] } });
    return [context.plainResult(context.toInt32(places), 'int32', [null, condition.shape?.length ?? null])];
  },
};

function compare(context: NodeContext, opType: string): Computed {
  const { names, like } = context.align([0, 1]);
  return context.result(context.op(opType, names), 'bool', like);
}

function select(context: NodeContext): Computed[] {
  const all = context.align([0, 1, 2]).like;
  const name = context.op(
    'Where',
    [0, 1, 2].map((input) => context.alignTo(all, input)),
  );
  return [context.result(name, context.dtype(1), all)];
}
