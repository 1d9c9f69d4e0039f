import { elementCount } from '../../tensor.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { dtypeAttribute } from '../graph-def.js';

/** Tensors made from numbers. */
export const creation: ConverterTable = {
  Fill: (context) => {
    const dims = context.elements(0);
    const value = context.plain(1);
    const name = context.op('Expand', [value.name, context.int64(0)]);
    const count = dims?.every((dim) => dim !== null) ? elementCount(dims.map(Number)) : null;
    const known = context.number(1);
    const isSmall = count !== null && count <= 64 && known !== null && value.dtype === 'int32';
    return [context.plainResult(name, value.dtype, dims, isSmall ? new Array<number>(count).fill(known) : null)];
  },
  Range: (context) => {
    const operands = [0, 1, 2].map((input) => context.plain(input));
    const dtype = operands.some((each) => each.dtype === 'float32') ? 'float32' : 'int32';
    const name = context.op(
      'Range',
      operands.map((each) => context.cast(each, dtype).name),
    );
    const [start, limit, step] = [0, 1, 2].map((input) => context.number(input));
    const bounds = start != null && limit != null && step != null ? Math.ceil((limit - start) / step) : null;
    return [context.plainResult(name, dtype, [bounds === null ? null : Math.max(bounds, 0)])];
  },
  ZerosLike: (context) => [like(context, 0)],
  OnesLike: (context) => [like(context, 1)],
  OneHot: (context) => {
    const indices = context.plain(0);
    const depth = context.integer(1, 'depth');
    const dtype = dtypeAttribute(context.node, 'T') ?? context.dtype(2);
    const { builder } = context;
    // ONNX counts negative indices from the end; to tf.js they are no class at all, as those from `depth` on
    const isNegative = context.op('Less', [indices.name, builder.int32(0)]);
    const classes = context.op('Where', [isNegative, builder.int32(depth), indices.name]);
    const values = context.op(
      'Concat',
      [3, 2].map((input) => {
        const value = context.cast(context.plain(input), dtype).name;
        return context.op('Reshape', [value, builder.int64s([1])]);
      }),
      { axis: { int: 0 } },
    );
    const name = context.op('OneHot', [classes, builder.int64(depth), values], { axis: { int: -1 } });
    return [context.plainResult(name, dtype, indices.shape === null ? null : [...indices.shape, depth])];
  },
};

function like(context: NodeContext, value: number): Computed {
  const x = context.value(0);
  const name = context.op('Expand', [context.builder.scalar(value, x.dtype), context.op('Shape', [x.name])]);
  return context.result(name, x.dtype, x);
}
