import type { AttributeProto, NodeProto, TensorProto } from 'onnx-buf';
import {
  type AttributeValue,
  findAttribute,
  floatAttribute,
  intAttribute,
  makeAttribute,
  stringAttribute,
} from '../model/attributes.js';
import type { Attributes } from '../model/graph.js';
import { DataType, dimsOf, elementCount, readFloats, readIntegers } from '../model/tensor.js';
import { inputOf, optionalInput, optionalOutput, outputOf } from './operands.js';

/** What a change sees of the node that it rewrites. The node is edited in place; its outputs keep their names. */
export interface Raising {
  readonly node: NodeProto;
  /** the op set that the node is written for */
  readonly version: number;
  /** the constant behind a value, in whichever scope */
  constant(value: string): TensorProto | undefined;
  /** the dimensions of a value where they are known; null for one that is not */
  dims(value: string): readonly (number | null)[] | undefined;
  /** whether anything reads a value */
  isRead(value: string): boolean;
  /** a new INT64 vector; a number alone is a scalar */
  ints(values: number | readonly number[]): string;
  /** a new FLOAT vector; a number alone is a scalar */
  float(values: number | readonly number[]): string;
  /** writes a node before this one and returns what it computes */
  before(opType: string, inputs: readonly string[], attributes?: Attributes): string;
  /** writes a node after this one that computes `output` */
  after(opType: string, inputs: readonly string[], output: string, attributes?: Attributes): void;
  freshName(wanted: string): string;
  /** an error that says why the node cannot be raised */
  refuse(why: string): Error;
}

/** From op set `since` on, an operator is written otherwise: `raise` rewrites a node of an older one to mean the same. */
export interface OpsetChange {
  readonly since: number;
  raise(raising: Raising): void;
}

/** Removes an attribute and returns it. */
function take(node: NodeProto, name: string): AttributeProto | undefined {
  const attribute = findAttribute(node, name);
  if (attribute !== undefined) node.attribute.splice(node.attribute.indexOf(attribute), 1);
  return attribute;
}

function takeInts(node: NodeProto, name: string): number[] | undefined {
  return take(node, name)?.ints.map(Number);
}

function put(node: NodeProto, name: string, value: AttributeValue): void {
  take(node, name);
  node.attribute.push(makeAttribute(name, value));
}

/** Sets an input; inputs before it that are left out become empty, trailing empty ones are dropped. */
function putInput(node: NodeProto, input: number, value: string): void {
  while (node.input.length < input) node.input.push('');
  node.input[input] = value;
  while (node.input.at(-1) === '') node.input.pop();
}

/** An attribute of integers that became an input. */
const intsToInput =
  (attribute: string, input: number) =>
  ({ node, ints }: Raising): void => {
    const values = takeInts(node, attribute);
    if (values !== undefined) putInput(node, input, ints(values));
  };

const axesToInput = (since: number): OpsetChange => ({ since, raise: intsToInput('axes', 1) });

/** A default that changed, written out. */
const explicit =
  (attribute: string, value: AttributeValue) =>
  ({ node }: Raising): void => {
    if (findAttribute(node, attribute) === undefined) put(node, attribute, value);
  };

/**
 * Before 13, Softmax, LogSoftmax and Hardmax saw their input as a matrix, all axes from `axis` on being one. That is the
 * operator along the one axis where no other axis after it is longer than 1; elsewhere the matrix is made and unmade.
 */
const matrixToAxis: OpsetChange = {
  since: 13,
  raise({ node, dims, before, after, freshName }) {
    const [input, output] = [inputOf(node, 0), outputOf(node)];
    const axis = intAttribute(node, 'axis', 1);
    const shape = dims(input) ?? dims(output);
    const from = axis < 0 ? axis + (shape?.length ?? Number.NaN) : axis;
    const isAlone = axis === -1 || shape?.slice(from + 1).every((dim) => dim === 1) === true;
    if (isAlone) {
      put(node, 'axis', { int: axis });
      return;
    }
    const shapeOf = before('Shape', [input]);
    const matrix = before('Flatten', [input], { axis: { int: axis } });
    const result = freshName(`${output}/matrix`);
    node.input[0] = matrix;
    node.output[0] = result;
    put(node, 'axis', { int: 1 });
    after('Reshape', [result, shapeOf], output);
  },
};

/**
 * Dropout at inference is the identity, in every op set. Its mask is made only where it is read: all true, but all zero
 * before op set 12, as ONNX Runtime has it.
 */
const inferenceDropout: OpsetChange = {
  since: Number.POSITIVE_INFINITY,
  raise({ node, version, constant, isRead, before, after, float }) {
    const [data, training, mask] = [inputOf(node, 0), optionalInput(node, 2), optionalOutput(node, 1)];
    const flag = training === undefined ? undefined : constant(training);
    if (training !== undefined && (flag === undefined || readIntegers(flag)[0] !== 0)) return;
    if (mask !== undefined && isRead(mask)) {
      const all = before('Expand', [float(version < 12 ? 0 : 1), before('Shape', [data])]);
      // a tensor of the data's type until op set 10, of booleans since
      if (version < 10) after('CastLike', [all, data], mask);
      else after('Cast', [all], mask, { to: { int: DataType.BOOL } });
    }
    node.opType = 'Identity';
    node.input.length = 1;
    node.output.length = 1;
    node.attribute = [];
  },
};

/**
 * Resize and Upsample before op set 11 sample at x / scale. Nearest neighbours round towards zero where an axis grows,
 * and up where it shrinks (ONNX Runtime's reading of a standard that left it open): two nodes where axes do both.
 */
function resizeByScales(raising: Raising, scales: string): void {
  const { node, constant, before, float, refuse } = raising;
  const mode = stringAttribute(node, 'mode', 'nearest') === 'nearest' ? 'nearest' : 'linear';
  const tensor = constant(scales);
  const values = tensor === undefined ? undefined : [...readFloats(tensor)];
  const shrinks = values?.some((scale) => scale < 1) ?? false;
  const grows = values?.some((scale) => scale > 1) ?? true;
  if (values === undefined && node.opType === 'Resize' && mode === 'nearest') {
    throw refuse('its scales are computed, and how it rounds depends on them');
  }
  const attributes = (rounding: string): Attributes => ({
    mode: { string: mode },
    coordinate_transformation_mode: { string: 'asymmetric' },
    nearest_mode: { string: rounding },
  });
  if (mode === 'nearest' && values !== undefined && shrinks && grows) {
    const growing = float(values.map((scale) => Math.max(scale, 1)));
    node.input = [before('Resize', [inputOf(node, 0), '', growing], attributes('floor'))];
    putInput(node, 2, float(values.map((scale) => Math.min(scale, 1))));
  } else {
    node.input.length = 1;
    putInput(node, 2, scales);
  }
  node.opType = 'Resize';
  node.attribute = [];
  for (const [name, value] of Object.entries(attributes(shrinks ? 'ceil' : 'floor'))) put(node, name, value);
}

/** Statistics per activation instead of per channel: (x - mean) / sqrt(var + epsilon) * scale + bias, all of x's own shape. */
function normalizeActivations({ node, before, float }: Raising): void {
  const [x, scale, bias] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
  const [mean, variance] = [inputOf(node, 3), inputOf(node, 4)];
  const epsilon = float(floatAttribute(node, 'epsilon', 1e-5));
  const deviation = before('Sqrt', [before('Add', [variance, epsilon])]);
  const normalized = before('Div', [before('Sub', [x, mean]), deviation]);
  node.opType = 'Add';
  node.attribute = [];
  node.input = [before('Mul', [normalized, scale]), bias];
}

/** From [groups] to [channels]: every group's number repeated for its channels, which are read off the input. */
function perChannel({ node, before, ints }: Raising): void {
  const groups = intAttribute(node, 'num_groups', 1);
  const channels = before('Shape', [inputOf(node, 0)], { start: { int: 1 }, end: { int: 2 } });
  const perGroup = before('Div', [channels, ints([groups])]);
  const grid = before('Concat', [ints([groups]), perGroup], { axis: { int: 0 } });
  for (const input of [1, 2]) {
    const column = before('Reshape', [inputOf(node, input), ints([groups, 1])]);
    putInput(node, input, before('Reshape', [before('Expand', [column, grid]), ints([-1])]));
  }
}

/**
 * y = outer * f(inner * x), as the experimental operators of early op sets scale. They were dropped with op set 10, but
 * ONNX Runtime still runs them in older models.
 */
function scaledFunction({ node, before, float }: Raising, opType: string, outer: number, inner: number): void {
  const scaled = before('Mul', [inputOf(node, 0), float(inner)]);
  node.opType = 'Mul';
  node.attribute = [];
  node.input = [before(opType, [scaled]), float(outer)];
}

/**
 * What changed in ONNX's own op set after version 7, operator by operator, where the same node would mean something else
 * or would not load. Element types that were added are no change. (ONNX, docs/Changelog.md.)
 */
export const opsetChanges: Readonly<Record<string, readonly OpsetChange[] | undefined>> = {
  Affine: [
    {
      since: 10,
      raise({ node, before, float }) {
        const [alpha, beta] = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 0)];
        node.opType = 'Add';
        node.attribute = [];
        node.input = [before('Mul', [inputOf(node, 0), float(alpha)]), float(beta)];
      },
    },
  ],
  BatchNormalization: [
    {
      since: 9,
      raise(raising) {
        if (Number(take(raising.node, 'spatial')?.i ?? 1n) === 0) normalizeActivations(raising);
      },
    },
    {
      since: 14,
      raise({ node, isRead, refuse }) {
        // only a graph in training mode had more than one output
        if (node.output.slice(1).some((output) => output !== '' && isRead(output))) {
          throw refuse('the statistics of its batch are read');
        }
        node.output.length = 1;
      },
    },
  ],
  Clip: [
    {
      since: 11,
      raise({ node, float }) {
        const [low, high] = [take(node, 'min'), take(node, 'max')];
        if (low !== undefined) putInput(node, 1, float(low.f));
        if (high !== undefined) putInput(node, 2, float(high.f));
      },
    },
  ],
  Crop: [
    {
      since: 10,
      raise({ node, ints }) {
        const [left = 0, top = 0, right = 0, bottom = 0] = takeInts(node, 'border') ?? [];
        const [height, width] = takeInts(node, 'scale') ?? [];
        // -border counts from the end, but -0 does not
        const end = (start: number, size: number | undefined, border: number) =>
          size !== undefined ? start + size : border === 0 ? Number.MAX_SAFE_INTEGER : -border;
        node.opType = 'Slice';
        putInput(node, 1, ints([top, left]));
        putInput(node, 2, ints([end(top, height, bottom), end(left, width, right)]));
        putInput(node, 3, ints([2, 3]));
      },
    },
  ],
  DFT: [
    {
      since: 20,
      raise: ({ node, ints }) => putInput(node, 2, ints(Number(take(node, 'axis')?.i ?? 1n))),
    },
  ],
  Dropout: [inferenceDropout],
  GridSample: [
    {
      since: 20,
      raise({ node }) {
        const mode = stringAttribute(node, 'mode', 'bilinear');
        put(node, 'mode', { string: { bilinear: 'linear', bicubic: 'cubic' }[mode] ?? mode });
      },
    },
  ],
  GroupNormalization: [{ since: 21, raise: perChannel }],
  Hardmax: [matrixToAxis],
  ImageScaler: [
    {
      since: 10,
      raise({ node, before, float, ints }) {
        const scaled = before('Mul', [inputOf(node, 0), float(floatAttribute(node, 'scale', 1))]);
        const bias = float(take(node, 'bias')?.floats ?? [0]);
        node.opType = 'Add';
        node.attribute = [];
        // NCHW
        node.input = [scaled, before('Reshape', [bias, ints([1, -1, 1, 1])])];
      },
    },
  ],
  LogSoftmax: [matrixToAxis],
  MeanVarianceNormalization: [
    {
      since: 9,
      raise({ node, before, ints }) {
        const axes = intAttribute(node, 'across_channels', 0) === 1 ? [0, 1, 2, 3] : [0, 2, 3];
        const scales = intAttribute(node, 'normalize_variance', 1) === 1;
        node.attribute = [];
        if (scales) {
          put(node, 'axes', { ints: axes });
          return;
        }
        node.opType = 'Sub';
        putInput(node, 1, before('ReduceMean', [inputOf(node, 0), ints(axes)]));
      },
    },
  ],
  Pad: [
    {
      since: 11,
      raise(raising) {
        const { node, float } = raising;
        const value = take(node, 'value')?.f ?? 0;
        intsToInput('pads', 1)(raising);
        if (value !== 0) putInput(node, 2, float(value));
      },
    },
  ],
  ParametricSoftplus: [
    {
      since: 10,
      raise(raising) {
        const [alpha, beta] = [floatAttribute(raising.node, 'alpha', 1), floatAttribute(raising.node, 'beta', 1)];
        scaledFunction(raising, 'Softplus', alpha, beta);
      },
    },
  ],
  ReduceL1: [axesToInput(18)],
  ReduceL2: [axesToInput(18)],
  ReduceLogSum: [axesToInput(18)],
  ReduceLogSumExp: [axesToInput(18)],
  ReduceMax: [axesToInput(18)],
  ReduceMean: [axesToInput(18)],
  ReduceMin: [axesToInput(18)],
  ReduceProd: [axesToInput(18)],
  ReduceSum: [axesToInput(13)],
  ReduceSumSquare: [axesToInput(18)],
  Resize: [
    { since: 11, raise: (raising) => resizeByScales(raising, inputOf(raising.node, 1)) },
    {
      since: 13,
      raise({ node, constant }) {
        // the one of roi, scales and sizes that is not given was an empty tensor
        for (const input of [1, 2, 3]) {
          const value = optionalInput(node, input);
          const tensor = value === undefined ? undefined : constant(value);
          if (tensor !== undefined && elementCount(dimsOf(tensor)) === 0) putInput(node, input, '');
        }
      },
    },
  ],
  RoiAlign: [{ since: 16, raise: explicit('coordinate_transformation_mode', { string: 'output_half_pixel' }) }],
  Scale: [
    {
      since: 10,
      raise({ node, float }) {
        const scale = take(node, 'scale')?.f ?? 1;
        node.opType = 'Mul';
        putInput(node, 1, float(scale));
      },
    },
  ],
  ScaledTanh: [
    {
      since: 10,
      raise(raising) {
        const [alpha, beta] = [floatAttribute(raising.node, 'alpha', 1), floatAttribute(raising.node, 'beta', 1)];
        scaledFunction(raising, 'Tanh', alpha, beta);
      },
    },
  ],
  Scan: [
    {
      since: 9,
      raise({ refuse }) {
        throw refuse('Scan of op set 8 runs over batches, as no later one does');
      },
    },
  ],
  Scatter: [
    {
      since: 11,
      raise({ node }) {
        node.opType = 'ScatterElements';
      },
    },
  ],
  Slice: [
    {
      since: 10,
      raise(raising) {
        intsToInput('starts', 1)(raising);
        intsToInput('ends', 2)(raising);
        intsToInput('axes', 3)(raising);
      },
    },
  ],
  Softmax: [matrixToAxis],
  Split: [
    { since: 13, raise: intsToInput('split', 1) },
    {
      since: 18,
      raise({ node }) {
        if (optionalInput(node, 1) === undefined) put(node, 'num_outputs', { int: node.output.length });
      },
    },
  ],
  Squeeze: [axesToInput(13)],
  TopK: [
    {
      since: 10,
      raise: ({ node, ints }) => putInput(node, 1, ints([Number(take(node, 'k')?.i ?? 1n)])),
    },
  ],
  Unsqueeze: [axesToInput(13)],
  Upsample: [
    {
      since: 10,
      raise(raising) {
        const { node, float } = raising;
        const scales = take(node, 'scales');
        resizeByScales(raising, scales === undefined ? inputOf(node, 1) : float(scales.floats));
      },
    },
  ],
};
