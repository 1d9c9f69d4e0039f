import { intAttribute, stringAttribute } from '../../model/attributes.js';
import { DataType, elementCount } from '../../model/tensor.js';
import { indicator, select } from '../mask.js';
import { timesSign } from './elementwise.js';
import {
  type GradientContext,
  type GradientRules,
  inputOf,
  outputGradient,
  outputOf,
  UnsupportedNode,
} from './rule.js';

/** Where one spatial axis of X is read, for every output position: FLOAT [N, P]. */
interface Coordinate {
  /** in elements of X, padding resolved */
  readonly at: string;
  /** d at / d grid; null where nothing flows back into the grid */
  readonly slope: string | null;
}

/** One of the elements that an output position is interpolated from. */
interface Corner {
  /** the flat position in X: INT64 [N, P] */
  readonly index: string;
  /** its share, 0 where it lies outside: FLOAT [N, P] */
  readonly weight: string;
  /** d weight / d at, axis by axis: FLOAT [N, P] */
  readonly slopes: readonly string[];
}

/**
 * Y[n, c, p] is X[n, c] interpolated where grid[n, p] says (Jaderberg and others: arXiv 1506.02025): linear in X, whose gradient goes to
 * the elements that were read, by their shares; the grid's is the slope between them. In two and three dimensions. Where an
 * output position falls on an element, the slope is that of the cell behind it.
 */
export const gridSample: GradientRules = {
  GridSample(context) {
    const { node, emit, shape, wants } = context;
    const mode = stringAttribute(node, 'mode', 'linear');
    if (mode === 'cubic') throw new UnsupportedNode('it interpolates by cubes (mode cubic)');
    const [batch = 1, channels = 1, ...spatial] = shape(inputOf(node, 0));
    const positions = elementCount(shape(outputOf(node)).slice(2));
    const dy = emit.op('Reshape', [outputGradient(context), emit.ints([batch, channels, positions])]);
    const coordinates = spatial.map((_, axis) => coordinate(context, axis, positions, mode));
    const corners = mode === 'nearest' ? nearest(context, coordinates) : linear(context, coordinates);
    const grid = wants(1) && mode === 'linear' ? gridGradient(context, dy, coordinates, corners) : null;
    // a nearest element stays the nearest: the grid's gradient is 0
    return [wants(0) ? dataGradient(context, dy, corners) : null, grid];
  },
};

/** The coordinate along a spatial axis of X; the grid has them from the last axis to the first. */
function coordinate(context: GradientContext, axis: number, positions: number, mode: string): Coordinate {
  const { node, emit, shape, wants } = context;
  const [batch = 1, , ...spatial] = shape(inputOf(node, 0));
  const size = spatial[axis] ?? 1;
  const rows = emit.op('Reshape', [inputOf(node, 1), emit.ints([batch, positions, spatial.length])]);
  const column = emit.op('Gather', [rows, emit.ints([spatial.length - 1 - axis])], { axis: { int: 2 } });
  const given = emit.op('Reshape', [column, emit.ints([batch, positions])]);
  const aligned = intAttribute(node, 'align_corners', 0) === 1;
  const factor = (aligned ? size - 1 : size) / 2;
  const scaled = emit.op('Add', [emit.op('Mul', [given, emit.float(factor)]), emit.float((size - 1) / 2)]);
  // halves to the even element, as ONNX Runtime's kernel and PyTorch's do
  const unpadded = mode === 'nearest' ? emit.op('Round', [scaled]) : scaled;
  const slope = () => emit.op('Expand', [emit.float(factor), emit.ints([batch, positions])]);
  switch (stringAttribute(node, 'padding_mode', 'zeros')) {
    case 'border': {
      const at = emit.op('Clip', [unpadded, emit.float(0), emit.float(size - 1)]);
      const inside = () => select(context, emit.op('Equal', [at, unpadded]), slope());
      return { at, slope: wants(1) ? inside() : null };
    }
    case 'reflection':
      return reflected(context, unpadded, size, aligned, wants(1) ? slope() : null);
    default:
      return { at: unpadded, slope: wants(1) ? slope() : null };
  }
}

/**
 * A coordinate thrown back into [low, high] at each end, as often as it takes: with the distance d from low and the span s,
 * low + s - |d mod 2s - s|. Cut to the elements at last, since low and high may be half an element outside.
 */
function reflected(
  context: GradientContext,
  value: string,
  size: number,
  aligned: boolean,
  slope: string | null,
): Coordinate {
  const { emit } = context;
  const [low, high] = aligned ? [0, size - 1] : [-0.5, size - 0.5];
  const span = high - low;
  if (span === 0) {
    const none = emit.op('Mul', [value, emit.float(0)]);
    return { at: none, slope: slope === null ? null : none };
  }
  const distance = emit.op('Sub', [value, emit.float(low)]);
  const periods = emit.op('Floor', [emit.op('Div', [distance, emit.float(2 * span)])]);
  const within = emit.op('Sub', [distance, emit.op('Mul', [periods, emit.float(2 * span)])]);
  const past = emit.op('Sub', [within, emit.float(span)]);
  const folded = emit.op('Sub', [emit.float(high), emit.op('Abs', [past])]);
  const at = emit.op('Clip', [folded, emit.float(0), emit.float(size - 1)]);
  if (slope === null) return { at, slope };
  const turned = emit.op('Neg', [timesSign(context, slope, past)]);
  return { at, slope: select(context, emit.op('Equal', [at, folded]), turned) };
}

/** One axis of a corner: the element's position, and its share with the slope of that. */
interface End {
  readonly position: string;
  /** null: 1 */
  readonly weight: string | null;
  readonly slope: number;
}

function linear(context: GradientContext, coordinates: readonly Coordinate[]): Corner[] {
  const { emit } = context;
  const ends = coordinates.map(({ at }): readonly End[] => {
    const first = emit.op('Floor', [at]);
    const weight = emit.op('Sub', [at, first]);
    return [
      { position: first, weight: emit.op('Sub', [emit.float(1), weight]), slope: -1 },
      { position: emit.op('Add', [first, emit.float(1)]), weight, slope: 1 },
    ];
  });
  const chosen = ends.reduce<End[][]>((rows, axis) => rows.flatMap((row) => axis.map((end) => [...row, end])), [[]]);
  return chosen.map((row) => corner(context, row));
}

function nearest(context: GradientContext, coordinates: readonly Coordinate[]): Corner[] {
  return [
    corner(
      context,
      coordinates.map(({ at }) => ({ position: at, weight: null, slope: 0 })),
    ),
  ];
}

function corner(context: GradientContext, row: readonly End[]): Corner {
  const { node, emit, shape, wants } = context;
  const spatial = shape(inputOf(node, 0)).slice(2);
  const cut = row.map(({ position }, axis) => {
    return emit.op('Clip', [position, emit.float(0), emit.float((spatial[axis] ?? 1) - 1)]);
  });
  const product = (values: readonly string[]) => values.reduce((left, right) => emit.op('Mul', [left, right]));
  const inside = product(
    row.map(({ position }, axis) => indicator(context, emit.op('Equal', [position, cut[axis] ?? position]))),
  );
  const flat = cut.reduce((index, position, axis) => {
    return emit.op('Add', [emit.op('Mul', [index, emit.float(spatial[axis] ?? 1)]), position]);
  });
  const slopes = row.map(({ slope }, axis) => {
    const others = row.flatMap(({ weight }, other) => (other === axis || weight === null ? [] : [weight]));
    return emit.op('Mul', [product([inside, ...others]), emit.float(slope)]);
  });
  return {
    index: emit.op('Cast', [flat], { to: { int: DataType.INT64 } }),
    weight: product([inside, ...row.flatMap(({ weight }) => weight ?? [])]),
    slopes: wants(1) ? slopes : [],
  };
}

/** [N, C, ...spatial]: what each element was read for, added up. */
function dataGradient(context: GradientContext, dy: string, corners: readonly Corner[]): string {
  const { node, emit, shape } = context;
  const [batch = 1, channels = 1, ...spatial] = shape(inputOf(node, 0));
  const zeros = emit.op('ConstantOfShape', [emit.ints([batch, channels, elementCount(spatial)])]);
  const sum = corners.reduce((total, { index, weight }) => {
    const share = emit.op('Mul', [dy, emit.op('Unsqueeze', [weight, emit.ints([1])])]);
    const attributes = { axis: { int: 2 }, reduction: { string: 'add' } };
    return emit.op('ScatterElements', [total, perChannel(context, index), share], attributes);
  }, zeros);
  return emit.op('Reshape', [sum, emit.ints([batch, channels, ...spatial])]);
}

/** The shape of the grid: along each axis sum over channels and corners of dy X[corner] d weight / d at, times d at / d grid. */
function gridGradient(
  context: GradientContext,
  dy: string,
  coordinates: readonly Coordinate[],
  corners: readonly Corner[],
): string {
  const { node, emit, shape } = context;
  const [batch = 1, channels = 1, ...spatial] = shape(inputOf(node, 0));
  const x = emit.op('Reshape', [inputOf(node, 0), emit.ints([batch, channels, elementCount(spatial)])]);
  const received = corners.map(({ index }) => {
    const read = emit.op('GatherElements', [x, perChannel(context, index)], { axis: { int: 2 } });
    return emit.op('ReduceSum', [emit.op('Mul', [dy, read]), emit.ints([1])], { keepdims: { int: 0 } });
  });
  const perAxis = coordinates.map(({ slope }, axis) => {
    const sum = corners
      .map(({ slopes }, i) => emit.op('Mul', [received[i] ?? '', slopes[axis] ?? '']))
      .reduce((left, right) => emit.op('Add', [left, right]));
    return emit.op('Unsqueeze', [slope === null ? sum : emit.op('Mul', [sum, slope]), emit.ints([2])]);
  });
  return emit.op('Reshape', [emit.concat(perAxis.toReversed(), 2), emit.ints(shape(inputOf(node, 1)))]);
}

/** Indices [N, P] for every channel: [N, C, P]. */
function perChannel({ node, emit, shape }: GradientContext, index: string): string {
  const [batch = 1, channels = 1] = shape(inputOf(node, 0));
  const positions = elementCount(shape(outputOf(node)).slice(2));
  return emit.op('Expand', [emit.op('Unsqueeze', [index, emit.ints([1])]), emit.ints([batch, channels, positions])]);
}
