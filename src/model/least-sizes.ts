import { findAttribute, intAttribute, intsAttribute, stringAttribute } from './attributes.js';
import { type Fact, type Inputs, type Rule, sized } from './fact.js';
import { isStandard, type NodeProto, type ValueInfoProto } from './graph.js';
import { windowRules } from './least-windows.js';
import { byteLengthOf } from './onnx/sound.js';
import { DataType, dimsOf, elementCount, isExternal, readDoubles, readTensor, type TensorProto } from './tensor.js';

/** Shapes have a handful of elements. */
const mostValues = 64;

/** What is known of a constant tensor. */
export function factOf(tensor: TensorProto): Fact {
  const dims = dimsOf(tensor);
  const count = elementCount(dims);
  const width = (byteLengthOf(tensor) ?? 0) / Math.max(1, count) || 1;
  return { dims, exact: true, width, values: count <= mostValues ? valuesOf(tensor) : null };
}

/** What an input's declaration says of it; undefined where it says no shape. */
export function factOfInput({ type }: ValueInfoProto): Fact | undefined {
  if (type?.value.case !== 'tensorType' || type.value.value.shape === undefined) return undefined;
  const { elemType, shape } = type.value.value;
  const dims = shape.dim.map(({ value }) => (value.case === 'dimValue' ? Math.max(1, Number(value.value)) : 1));
  return { dims, exact: false, width: elemType === DataType.FLOAT ? 4 : 1, values: null };
}

function valuesOf(tensor: TensorProto): number[] | null {
  if (isExternal(tensor) || tensor.dataType === DataType.STRING) return null;
  try {
    const isFloat = tensor.dataType === DataType.FLOAT || tensor.dataType === DataType.DOUBLE;
    return Array.from<number | bigint, number>(isFloat ? readDoubles(tensor) : readTensor(tensor), Number);
  } catch {
    // an element type that is not read as numbers says nothing here
    return null;
  }
}

const listed = (values: readonly number[], width = 8): Fact => ({
  ...sized([values.length], width),
  values: values.length <= mostValues ? values : null,
});

const same: Rule = ([x]) => x && { ...x, values: null };
const alike: Rule = ([x]) => x;

/** NumPy's broadcasting: the larger of two extents, from the last axis on. */
function broadcast(facts: Inputs): Fact | undefined {
  const known = facts.filter((fact) => fact !== undefined);
  if (known.length === 0) return undefined;
  const rank = Math.max(...known.map(({ dims }) => dims.length));
  const extent = (axis: number) => Math.max(...known.map(({ dims }) => dims[axis - rank + dims.length] ?? 1));
  const dims = Array.from({ length: rank }, (_, axis) => extent(axis));
  return sized(dims, known[0]?.width, known.length === facts.length && known.every(({ exact }) => exact));
}

/** An operator of two numbers, which shapes are computed with. */
function arithmetic(compute: (a: number, b: number) => number): Rule {
  return ([a, b]) => {
    const fact = broadcast([a, b]);
    if (fact === undefined || !a?.values || !b?.values) return fact;
    const [left, right] = [a.values, b.values];
    if (left.length !== right.length && left.length !== 1 && right.length !== 1) return fact;
    const values = Array.from({ length: elementCount(fact.dims) }, (_, i) =>
      compute(left[left.length === 1 ? 0 : i] ?? 0, right[right.length === 1 ? 0 : i] ?? 0),
    );
    return { ...fact, values };
  };
}

/** A tensor whose shape is an input's elements. */
const shapedBy =
  (input: number): Rule =>
  (inputs, node) => {
    const dims = inputs[input]?.values;
    const value = findAttribute(node, 'value')?.t;
    return dims ? sized(dims, value === undefined ? 4 : factOf(value).width) : undefined;
  };

const matMul: Rule = ([a, b]) => {
  if (a === undefined || b === undefined || a.dims.length < 2 || b.dims.length < 2) return undefined;
  const batch = broadcast([sized(a.dims.slice(0, -2)), sized(b.dims.slice(0, -2))]);
  return sized([...(batch?.dims ?? []), a.dims.at(-2) ?? 1, b.dims.at(-1) ?? 1], a.width, false);
};

const gemm: Rule = ([a, b], node) => {
  if (a?.dims.length !== 2 || b?.dims.length !== 2) return undefined;
  const rows = a.dims[intAttribute(node, 'transA', 0) === 0 ? 0 : 1];
  const columns = b.dims[intAttribute(node, 'transB', 0) === 0 ? 1 : 0];
  return sized([rows ?? 1, columns ?? 1], a.width, false);
};

/** Each letter of the result has the extent that it has in an operand; what has an ellipsis says nothing here. */
const einsum: Rule = (inputs, node) => {
  const [left = '', right] = stringAttribute(node, 'equation', '').replaceAll(' ', '').split('->');
  if (right === undefined || left.includes('.')) return undefined;
  const extents = new Map<string, number>();
  for (const [i, term] of left.split(',').entries()) {
    for (const [axis, letter] of Array.from(term).entries()) {
      extents.set(letter, Math.max(extents.get(letter) ?? 1, inputs[i]?.dims[axis] ?? 1));
    }
  }
  return sized(
    Array.from(right, (letter) => extents.get(letter) ?? 1),
    inputs[0]?.width,
    false,
  );
};

/** The last axes of the output are an input's elements, or an attribute's. */
const endingIn =
  (name: string): Rule =>
  ([x, given], node) => {
    const last = given?.values ?? intsAttribute(node, name);
    if (x === undefined || !last) return undefined;
    const kept = x.dims.slice(0, Math.max(0, x.dims.length - last.length));
    return sized([...kept, ...last.map((dim) => Math.max(1, dim))], x.width, false);
  };

const roiAlign: Rule = ([x, , batches], node) =>
  x &&
  sized(
    [
      batches?.dims[0] ?? 1,
      x.dims[1] ?? 1,
      intAttribute(node, 'output_height', 1),
      intAttribute(node, 'output_width', 1),
    ],
    x.width,
    false,
  );

/** A vector as long as an input says. */
const lengthGiven: Rule = ([size]) => (size?.values ? sized([Math.max(0, size.values[0] ?? 0)], 4) : undefined);

const concat: Rule = (inputs, node) => {
  const known = inputs.filter((fact) => fact !== undefined);
  const [first] = known;
  if (first === undefined || known.length !== inputs.length) return undefined;
  const given = intAttribute(node, 'axis', 0);
  const axis = given < 0 ? given + first.dims.length : given;
  const along = known.reduce((sum, { dims }) => sum + (dims[axis] ?? 1), 0);
  const parts = known.map(({ values }) => values);
  const values = first.dims.length === 1 && parts.every((part) => part !== null) ? parts.flat() : null;
  const dims = first.dims.map((dim, at) => (at === axis ? along : dim));
  const exact = known.every((each) => each.exact);
  return { ...sized(dims, first.width, exact), values: (values?.length ?? 0) <= mostValues ? values : null };
};

const reshape: Rule = ([x, shape]) => {
  if (x === undefined || !shape?.values) return undefined;
  const dims = shape.values.map((dim, at) => (dim === 0 ? (x.dims[at] ?? 1) : dim));
  const known = elementCount(dims.filter((dim) => dim > 0));
  const rest = Math.max(1, Math.floor(elementCount(x.dims) / Math.max(1, known)));
  return { ...x, dims: dims.map((dim) => (dim < 0 ? rest : dim)) };
};

const unsqueeze: Rule = ([x, axesGiven], node) => {
  const axes = axesGiven?.values ?? intsAttribute(node, 'axes');
  if (x === undefined || !axes) return undefined;
  const rank = x.dims.length + axes.length;
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...x.dims];
  return { ...x, dims: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? 1))) };
};

const transpose: Rule = ([x], node) => {
  if (x === undefined) return undefined;
  const perm = intsAttribute(node, 'perm') ?? x.dims.map((_, axis) => x.dims.length - 1 - axis);
  return { ...x, dims: perm.map((axis) => x.dims[axis] ?? 1), values: null };
};

const tile: Rule = ([x, repeats]) => {
  if (!repeats?.values) return undefined;
  return sized(
    repeats.values.map((times, axis) => times * (x?.dims[axis] ?? 1)),
    x?.width,
    x?.exact ?? false,
  );
};

const range: Rule = (inputs) => {
  const [start, limit, delta] = inputs.map((fact) => fact?.values?.[0]);
  if (start === undefined || limit === undefined || delta === undefined || delta === 0) return undefined;
  return sized([Math.max(0, Math.ceil((limit - start) / delta))], inputs[0]?.width);
};

const gather: Rule = ([x, indices], node) => {
  if (x === undefined || indices === undefined) return undefined;
  if (!x.values || !indices.values || x.dims.length !== 1) {
    const given = intAttribute(node, 'axis', 0);
    const axis = given < 0 ? given + x.dims.length : given;
    return sized(
      [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)],
      x.width,
      x.exact && indices.exact,
    );
  }
  const values = indices.values.map((at) => x.values?.at(at) ?? 0);
  return { ...indices, width: x.width, values };
};

/** The factor, or the size, of each axis of a Resize or an Upsample. */
const resize: Rule = ([x, ...others], node) => {
  const list = findAttribute(node, 'scales')?.floats;
  const numbers = others.map((fact) => fact?.values ?? []).filter((values) => values.length === x?.dims.length);
  const isSizes = node.opType === 'Resize' && others[2]?.values?.length === x?.dims.length;
  const given = isSizes ? others[2]?.values : (list ?? numbers[0]);
  if (x === undefined || !given) return undefined;
  return sized(isSizes ? given : x.dims.map((dim, axis) => Math.floor(dim * (given[axis] ?? 1))), x.width, false);
};

const pad: Rule = ([x, given, , axes], node) => {
  const pads = given?.values ?? intsAttribute(node, 'pads');
  if (x === undefined || !pads || axes !== undefined) return undefined;
  const rank = x.dims.length;
  return sized(
    x.dims.map((dim, axis) => dim + (pads[axis] ?? 0) + (pads[axis + rank] ?? 0)),
    x.width,
    x.exact,
  );
};

const oneHot: Rule = ([indices, depth, values]) =>
  depth?.values?.[0] === undefined
    ? undefined
    : sized([...(indices?.dims ?? []), depth.values[0]], values?.width, false);

const random: Rule = (_inputs, node) => {
  const shape = intsAttribute(node, 'shape');
  return shape && sized(shape, 4);
};

const cast: Rule = ([x], node) => {
  const to = intAttribute(node, 'to', DataType.FLOAT);
  const width = to === DataType.INT64 || to === DataType.DOUBLE ? 8 : to === DataType.FLOAT ? 4 : 1;
  return x && { ...x, width };
};

const compared: Rule = (inputs) => {
  const fact = broadcast(inputs);
  return fact && { ...fact, width: 1 };
};

/** Operators that say how large their output is, or that stand between such ones. Of others nothing is known. */
const rules: Readonly<Record<string, Rule>> = {
  ...{
    Identity: alike,
    Relu: same,
    Neg: same,
    Abs: same,
    LeakyRelu: same,
    Elu: same,
    Softplus: same,
    Erf: same,
    Gelu: same,
    HardSigmoid: same,
    HardSwish: same,
    Reciprocal: same,
    Log: same,
    Sqrt: same,
    Exp: same,
    Sigmoid: same,
    Tanh: same,
    Clip: same,
  },
  ...{ Softmax: same, Not: same, Floor: same, Ceil: same, Sin: same, Cos: same, EyeLike: same, Dropout: same },
  ...{ Add: arithmetic((a, b) => a + b), Sub: arithmetic((a, b) => a - b), Mul: arithmetic((a, b) => a * b) },
  ...{ Div: arithmetic((a, b) => Math.trunc(a / b)), Pow: arithmetic((a, b) => a ** b) },
  ...{ Max: broadcast, Min: broadcast, Sum: broadcast, Mean: broadcast, Mod: broadcast, PRelu: broadcast },
  ...{ Equal: compared, Less: compared, Greater: compared, And: compared, Or: compared },
  Where: ([condition, a, b]) => broadcast([a, b, condition]),
  Cast: cast,
  Shape: ([x], node) => (x?.exact && node.attribute.length === 0 ? listed(x.dims) : undefined),
  Size: ([x]) => (x?.exact ? { ...sized([], 8), values: [elementCount(x.dims)] } : undefined),
  ConstantOfShape: shapedBy(0),
  Expand: ([x, shape]) => (shape?.values ? broadcast([x, sized(shape.values, x?.width)]) : undefined),
  ...{ Tile: tile, Range: range, OneHot: oneHot, Pad: pad, Resize: resize, Upsample: resize },
  ...{ Concat: concat, Reshape: reshape, Unsqueeze: unsqueeze, Transpose: transpose, Gather: gather, MatMul: matMul },
  ...{ RandomNormal: random, RandomUniform: random, RandomNormalLike: same, RandomUniformLike: same },
  ...{
    Gemm: gemm,
    Einsum: einsum,
    CenterCropPad: endingIn(''),
    MaxRoiPool: endingIn('pooled_shape'),
    RoiAlign: roiAlign,
  },
  ...{ HannWindow: lengthGiven, HammingWindow: lengthGiven, BlackmanWindow: lengthGiven },
  ...{ MaxUnpool: shapedBy(2), AffineGrid: shapedBy(1) },
  ...windowRules,
};

/** What is known of a node's first output; undefined where nothing is. */
export function factOfNode(node: NodeProto, inputs: Inputs): Fact | undefined {
  return isStandard(node) ? rules[node.opType]?.(inputs, node) : undefined;
}
