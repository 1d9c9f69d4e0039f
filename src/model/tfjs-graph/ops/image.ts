import { present } from '../../../contract/present.js';
import type { Attributes } from '../../graph.js';
import type { Value } from '../../tfjs/builder.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { boolAttribute, numberAttribute } from '../graph-def.js';

/** Resizing of images, and moves between space, depth and batch. */
export const image: ConverterTable = {
  ResizeBilinear: (context) => [resize(context, { mode: { string: 'linear' } })],
  ResizeNearestNeighbor: (context) => {
    // tf.js takes the pixel below for source positions counted from a corner, and the nearest one, up at a tie, otherwise
    const fromCorner =
      !boolAttribute(context.node, 'align_corners') && !boolAttribute(context.node, 'half_pixel_centers');
    const nearest = fromCorner ? 'floor' : 'round_prefer_ceil';
    return [resize(context, { mode: { string: 'nearest' }, nearest_mode: { string: nearest } })];
  },
  DepthToSpace: (context) => {
    const x = context.channelsFirst(0, 4);
    const block = numberAttribute(context.node, 'block_size', 1);
    const name = context.op('DepthToSpace', [x.name], { blocksize: { int: block }, mode: { string: 'DCR' } });
    const [batch = null, height = null, width = null, depth = null] = x.shape ?? [];
    const shape = [batch, times(height, block), times(width, block), depth === null ? null : depth / (block * block)];
    return [context.result(name, x.dtype, { shape, channelsFirst: true })];
  },
  SpaceToBatchND: (context) => [spaceToBatch(context)],
  BatchToSpaceND: (context) => [batchToSpace(context)],
};

function resize(context: NodeContext, mode: Attributes): Computed {
  const x = context.cast(context.channelsFirst(0, 4), 'float32');
  const target = context.elements(1);
  const [batch = null, height = null, width = null, channels = null] = x.shape ?? [];
  const [toHeight = null, toWidth = null] = target ?? [];
  const coordinates = boolAttribute(context.node, 'align_corners')
    ? 'align_corners'
    : boolAttribute(context.node, 'half_pixel_centers')
      ? 'half_pixel'
      : 'asymmetric';
  const attributes = { ...mode, coordinate_transformation_mode: { string: coordinates } };
  const shape = [batch, toHeight, toWidth, channels];
  const isIdentity = toHeight !== null && toHeight === height && toWidth !== null && toWidth === width;
  if (isIdentity) return { ...x, elements: null };
  const scales = [toHeight, toWidth].map((to, i) => (to ?? Number.NaN) / ([height, width][i] ?? Number.NaN));
  const { builder } = context;
  // whole factors can be said as such, with no word on the batch; else the new shape begins as the old one does
  const inputs = scales.every(Number.isInteger)
    ? [x.name, '', builder.float([1, 1, ...scales], [4])]
    : [x.name, '', '', context.op('Concat', [leading(context, x.name), context.int64(1)], { axis: { int: 0 } })];
  const name = context.op('Resize', inputs, attributes);
  return context.result(name, 'float32', { shape, channelsFirst: true });
}

/** The extents of the first two axes, INT64. */
function leading(context: NodeContext, value: string): string {
  return context.op('Shape', [value], { start: { int: 0 }, end: { int: 2 } });
}

function times(extent: number | null, factor: number): number | null {
  return extent === null ? null : extent * factor;
}

/**
 * SpaceToBatchND(x, block shape, paddings): the padded space is cut into blocks, and the place within a block becomes the
 * slower part of the batch. With batch and channels exchanged that is ONNX's SpaceToDepth, which knows square blocks.
 */
function spaceToBatch(context: NodeContext): Computed {
  const square = squareBlock(context);
  if (square === null) return spaceToBatchByReshape(context);
  const { x, block } = square;
  const rows = context.integers(2, 'padding');
  const pads = [0, 0, rows[0] ?? 0, rows[2] ?? 0, 0, 0, rows[1] ?? 0, rows[3] ?? 0];
  const padded = rows.some((extent) => extent !== 0)
    ? context.op('Pad', [x.name, context.builder.int64s(pads)])
    : x.name;
  const [batch = null, height = null, width = null, channels = null] = x.shape ?? [];
  const extent = (from: number | null, axis: number) =>
    from === null ? null : (from + (rows[axis * 2] ?? 0) + (rows[axis * 2 + 1] ?? 0)) / block;
  const shape = [times(batch, block * block), extent(height, 0), extent(width, 1), channels];
  const name = overChannels(context, padded, 'SpaceToDepth', { blocksize: { int: block } });
  return context.result(name, x.dtype, { shape, channelsFirst: true });
}

/** The inverse of SpaceToBatchND, and a crop instead of the padding. */
function batchToSpace(context: NodeContext): Computed {
  const square = squareBlock(context);
  if (square === null) return batchToSpaceByReshape(context);
  const { x, block } = square;
  const rows = context.integers(2, 'crop');
  const attributes: Attributes = { blocksize: { int: block }, mode: { string: 'DCR' } };
  const whole = overChannels(context, x.name, 'DepthToSpace', attributes);
  const [batch = null, height = null, width = null, channels = null] = x.shape ?? [];
  const [top = 0, bottom = 0, left = 0, right = 0] = rows;
  const { builder } = context;
  const end = (crop: number) => (crop === 0 ? 2 ** 31 - 1 : -crop);
  const name = rows.some((extent) => extent !== 0)
    ? context.op('Slice', [
        whole,
        builder.int64s([top, left]),
        builder.int64s([end(bottom), end(right)]),
        builder.int64s([2, 3]),
      ])
    : whole;
  const extent = (from: number | null, cropped: number) => (from === null ? null : from * block - cropped);
  const shape = [
    batch === null ? null : batch / (block * block),
    extent(height, top + bottom),
    extent(width, left + right),
    channels,
  ];
  return context.result(name, x.dtype, { shape, channelsFirst: true });
}

function squareBlock(context: NodeContext): { readonly x: Value; readonly block: number } | null {
  const [height, width, ...more] = context.integers(1, 'block shape');
  if (height === undefined || height !== width || more.length > 0) return null;
  return { x: context.channelsFirst(0, 4), block: height };
}

/** Blocks of any axes and extents, such as those of a dilated Conv1D, where all extents but the batch are known. */
function anyBlocks(context: NodeContext) {
  const block = context.integers(1, 'block shape');
  const rows = context.integers(2, 'padding or crop');
  const x = context.plain(0);
  const [batch = null, ...rest] = x.shape ?? context.refuse('the rank of its input is not known');
  const extents = rest.map((extent) => extent ?? context.refuse('an extent of its input is not known'));
  const at = (axis: number) => {
    const [size, from, to] = [block[axis], rows[axis * 2], rows[axis * 2 + 1]];
    return { size: present(size, 'a block'), from: present(from, 'a row'), to: present(to, 'a row') };
  };
  const spatial = extents.slice(0, block.length).map((extent, axis) => ({ extent, ...at(axis) }));
  const count = block.reduce((product, size) => product * size, 1);
  return { x, batch, spatial, others: extents.slice(block.length), count };
}

function spaceToBatchByReshape(context: NodeContext): Computed {
  const { builder } = context;
  const { x, batch, spatial, others, count } = anyBlocks(context);
  const sides = (side: 'from' | 'to') => [0, ...spatial.map((axis) => axis[side]), ...others.map(() => 0)];
  const padded = spatial.some(({ from, to }) => from !== 0 || to !== 0)
    ? context.op('Pad', [x.name, builder.int64s([...sides('from'), ...sides('to')])])
    : x.name;
  const blocked = spatial.map(({ extent, size, from, to }) => ({ size, extent: (extent + from + to) / size }));
  const cut = context.op('Reshape', [
    padded,
    builder.int64s([-1, ...blocked.flatMap(({ extent, size }) => [extent, size]), ...others]),
  ]);
  const blockAxes = spatial.map((_, axis) => 2 + 2 * axis);
  const gridAxes = spatial.map((_, axis) => 1 + 2 * axis);
  const otherAxes = others.map((_, axis) => 1 + 2 * spatial.length + axis);
  const moved = context.op('Transpose', [cut], { perm: { ints: [...blockAxes, 0, ...gridAxes, ...otherAxes] } });
  const extents = [...blocked.map(({ extent }) => extent), ...others];
  const name = context.op('Reshape', [moved, builder.int64s([-1, ...extents])]);
  return context.plainResult(name, x.dtype, [times(batch, count), ...extents]);
}

function batchToSpaceByReshape(context: NodeContext): Computed {
  const { builder } = context;
  const { x, batch, spatial, others, count } = anyBlocks(context);
  const cut = context.op('Reshape', [
    x.name,
    builder.int64s([...spatial.map(({ size }) => size), -1, ...spatial.map(({ extent }) => extent), ...others]),
  ]);
  const grid = spatial.length;
  const woven = spatial.flatMap((_, axis) => [grid + 1 + axis, axis]);
  const otherAxes = others.map((_, axis) => 2 * grid + 1 + axis);
  const moved = context.op('Transpose', [cut], { perm: { ints: [grid, ...woven, ...otherAxes] } });
  const whole = spatial.map(({ extent, size }) => extent * size);
  const joined = context.op('Reshape', [moved, builder.int64s([-1, ...whole, ...others])]);
  const ends = spatial.map(({ extent, size, to }) => extent * size - to);
  const name = spatial.some(({ from, to }) => from !== 0 || to !== 0)
    ? context.op('Slice', [
        joined,
        builder.int64s(spatial.map(({ from }) => from)),
        builder.int64s(ends),
        builder.int64s(spatial.map((_, axis) => axis + 1)),
      ])
    : joined;
  const extents = spatial.map(({ from }, axis) => present(ends[axis], 'an extent') - from);
  return context.plainResult(name, x.dtype, [batch === null ? null : batch / count, ...extents, ...others]);
}

function overChannels(context: NodeContext, x: string, opType: string, attributes: Attributes): string {
  const exchanged = context.op('Transpose', [x], { perm: { ints: [1, 0, 2, 3] } });
  return context.op('Transpose', [context.op(opType, [exchanged], attributes)], { perm: { ints: [1, 0, 2, 3] } });
}
