import { DataType, elementCount } from '../../tensor.js';
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
    const values = [3, 2].map((input) => {
      const value = context.cast(context.plain(input), 'float32').name;
      return context.op('Reshape', [value, builder.int64s([1])]);
    });
    // ONNX Runtime has the operator for INT64 indices and FLOAT values
    const places = context.op('Cast', [classes], { to: { int: DataType.INT64 } });
    const inputs = [places, builder.int64(depth), context.op('Concat', values, { axis: { int: 0 } })];
    const shape = indices.shape === null ? null : [...indices.shape, depth];
    const hot = context.plainResult(context.op('OneHot', inputs, { axis: { int: -1 } }), 'float32', shape);
    return [{ ...hot, ...context.cast(hot, dtype) }];
  },
};

function like(context: NodeContext, value: number): Computed {
  const x = context.value(0);
  const name = context.op('Expand', [context.builder.scalar(value, x.dtype), context.op('Shape', [x.name])]);
  return context.result(name, x.dtype, x);
}
