import { findAttribute, intAttribute, stringAttribute } from '../../model/attributes.js';
import { DataType, elementCount, readIntegers } from '../../model/tensor.js';
import type { Emitter } from '../emitter.js';
import {
  type GradientContext,
  type GradientRule,
  type GradientRules,
  inputOf,
  outputGradient,
  outputOf,
  UnsupportedNode,
} from './rule.js';

// Elements that are read several times receive the sum: every scatter here accumulates (reduction = add), which ONNX
// Runtime does in element order on the CPU and with atomic additions on WebGPU.

const accumulate = { reduction: { string: 'add' } };

function zeros(emit: Emitter, shape: readonly number[]): string {
  return emit.op('ConstantOfShape', [emit.ints(shape)]);
}

function toInt64(emit: Emitter, indices: string): string {
  return emit.op('Cast', [indices], { to: { int: DataType.INT64 } });
}

/** Where updates overwrite or are combined, only plain and added ones have a gradient that moves elements. */
function scatterReduction({ node }: GradientContext): 'none' | 'add' {
  const reduction = stringAttribute(node, 'reduction', 'none');
  if (reduction === 'none' || reduction === 'add') return reduction;
  throw new UnsupportedNode(`it combines its updates by '${reduction}'`);
}

/**
 * Gather picks slices x[:, i, :]. A single constant index is a slice: its gradient is put back by padding. Otherwise the
 * gathered axes move to the front, where ScatterND adds whole slices.
 */
const gather: GradientRule = (context) => {
  if (!context.wants(0)) return [];
  const { node, emit, shape, constant } = context;
  const [data, indices] = [inputOf(node, 0), inputOf(node, 1)];
  const from = shape(data);
  const rank = from.length;
  const signed = intAttribute(node, 'axis', 0);
  const axis = signed < 0 ? signed + rank : signed;
  const dim = from[axis] ?? 1;
  const picked = shape(indices);
  const dy = outputGradient(context);

  const tensor = constant(indices);
  const known = tensor === undefined ? [] : readIntegers(tensor);
  const [first] = known;
  if (known.length === 1 && first !== undefined) {
    const at = first < 0 ? first + dim : first;
    const slice = emit.op('Reshape', [dy, emit.ints(from.map((size, i) => (i === axis ? 1 : size)))]);
    const pads = [...from.map((_, i) => (i === axis ? at : 0)), ...from.map((_, i) => (i === axis ? dim - 1 - at : 0))];
    return [emit.op('Pad', [slice, emit.ints(pads)])];
  }

  const flatIndices = emit.op('Reshape', [toInt64(emit, indices), emit.ints([elementCount(picked), 1])]);
  const [before, after] = [from.slice(0, axis), from.slice(axis + 1)];
  const rows = emit.op('Reshape', [dy, emit.ints([...before, elementCount(picked), ...after])]);
  if (axis === 0) return [emit.op('ScatterND', [zeros(emit, from), flatIndices, rows], accumulate)];
  const order = from.map((_, i) => i);
  const toFront = [axis, ...order.filter((i) => i !== axis)];
  const front = zeros(emit, [dim, ...before, ...after]);
  const updates = emit.op('Transpose', [rows], { perm: { ints: toFront } });
  const scattered = emit.op('ScatterND', [front, flatIndices, updates], accumulate);
  return [emit.op('Transpose', [scattered], { perm: { ints: order.map((i) => toFront.indexOf(i)) } })];
};

/** GatherND with batch dimensions reads x[b, indices]: the batch's own index is put before each index. */
const gatherND: GradientRule = (context) => {
  if (!context.wants(0)) return [];
  const { node, emit, shape } = context;
  const from = shape(inputOf(node, 0));
  const batchDims = intAttribute(node, 'batch_dims', 0);
  const dy = outputGradient(context);
  const indices = toInt64(emit, inputOf(node, 1));
  if (batchDims === 0) return [emit.op('ScatterND', [zeros(emit, from), indices, dy], accumulate)];
  const picked = shape(inputOf(node, 1));
  const batch = elementCount(picked.slice(0, batchDims));
  const depth = picked.at(-1) ?? 1;
  const perBatch = elementCount(picked.slice(batchDims, -1));
  const slice = from.slice(batchDims + depth);
  const numbers = Array.from({ length: batch * perBatch }, (_, i) => Math.floor(i / perBatch));
  const batchIndex = emit.op('Reshape', [emit.ints(numbers), emit.ints([batch, perBatch, 1])]);
  const inBatch = emit.op('Reshape', [indices, emit.ints([batch, perBatch, depth])]);
  const full = emit.op('Concat', [batchIndex, inBatch], { axis: { int: 2 } });
  const updates = emit.op('Reshape', [dy, emit.ints([batch, perBatch, ...slice])]);
  const data = zeros(emit, [batch, ...from.slice(batchDims)]);
  const scattered = emit.op('ScatterND', [data, full, updates], accumulate);
  return [emit.op('Reshape', [scattered, emit.ints(from)])];
};

/** Compress keeps the slices, or without an axis the elements, for which a constant says so. */
const compress: GradientRule = (context) => {
  const { node, emit, shape, constant } = context;
  const condition = constant(inputOf(node, 1));
  if (condition === undefined) throw new UnsupportedNode('how many elements it keeps depends on values');
  const from = shape(inputOf(node, 0));
  const isFlattened = findAttribute(node, 'axis') === undefined;
  const data = isFlattened ? [elementCount(from)] : from;
  const signed = intAttribute(node, 'axis', 0);
  const axis = signed < 0 ? signed + data.length : signed;
  const kept = readIntegers(condition).flatMap((keeps, i) => (keeps === 0 ? [] : [i]));
  const along = emit.op('Reshape', [emit.ints(kept), emit.ints(data.map((_, i) => (i === axis ? kept.length : 1)))]);
  const indices = emit.op('Expand', [along, emit.ints(shape(outputOf(node)))]);
  const dx = emit.op('ScatterElements', [zeros(emit, data), indices, outputGradient(context)], { axis: { int: axis } });
  return [isFlattened ? emit.op('Reshape', [dx, emit.ints(from)]) : dx];
};

/** Operators that pick or place elements by index. */
export const gatherAndScatter: GradientRules = {
  Gather: gather,
  GatherND: gatherND,
  GatherElements(context) {
    if (!context.wants(0)) return [];
    const { node, emit, shape } = context;
    const data = zeros(emit, shape(inputOf(node, 0)));
    const attributes = { axis: { int: intAttribute(node, 'axis', 0) }, ...accumulate };
    return [emit.op('ScatterElements', [data, inputOf(node, 1), outputGradient(context)], attributes)];
  },
  ScatterElements(context) {
    const { node, emit, shape, wants } = context;
    const axis = { axis: { int: intAttribute(node, 'axis', 0) } };
    const [indices, dy] = [inputOf(node, 1), outputGradient(context)];
    const overwrites = scatterReduction(context) === 'none';
    const toData = (): string =>
      overwrites ? emit.op('ScatterElements', [dy, indices, zeros(emit, shape(inputOf(node, 2)))], axis) : dy;
    return [wants(0) ? toData() : null, null, wants(2) ? emit.op('GatherElements', [dy, indices], axis) : null];
  },
  ScatterND(context) {
    const { node, emit, shape, wants } = context;
    const [indices, dy] = [inputOf(node, 1), outputGradient(context)];
    const overwrites = scatterReduction(context) === 'none';
    const toData = (): string =>
      overwrites ? emit.op('ScatterND', [dy, indices, zeros(emit, shape(inputOf(node, 2)))]) : dy;
    return [wants(0) ? toData() : null, null, wants(2) ? emit.op('GatherND', [dy, indices]) : null];
  },
  TopK(context) {
    // the values' gradient goes where they were found
    const { node, emit, shape } = context;
    const data = zeros(emit, shape(inputOf(node, 0)));
    const axis = { axis: { int: intAttribute(node, 'axis', -1) } };
    return [emit.op('ScatterElements', [data, outputOf(node, 1), outputGradient(context)], axis)];
  },
  Compress: compress,
};
