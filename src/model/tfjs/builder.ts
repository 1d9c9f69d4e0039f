import { create } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import { subgraphsOf } from '../attributes.js';
import { type Attributes, Graph, makeNode } from '../graph.js';
import { Names } from '../names.js';
import { DataType, floatTensor, int64Tensor, rawTensor } from '../tensor.js';
import { Unsupported } from './unsupported.js';

/** The op set that tfjs models are read into: the one that gradient rules are written for. */
const opset = 21n;
const irVersion = 10n;

/** The element types that tf.js computes with. */
export type DType = 'float32' | 'int32' | 'bool';

/** A shape as tf.js sees it, channels last; null where an extent is known only at run time. */
export type Shape = readonly (number | null)[];

/** A value of the ONNX graph under construction. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  /** in tf.js's own axis order, whatever the layout; null where not even the rank is known */
  readonly shape: Shape | null;
  /** whether it lies in the ONNX graph as [batch, channels, ...spatial] instead of [batch, ...spatial, channels] */
  readonly channelsFirst: boolean;
}

export const onnxTypes: Readonly<Record<DType, DataType>> = {
  float32: DataType.FLOAT,
  int32: DataType.INT32,
  bool: DataType.BOOL,
};

/** Whether a tensor can have this shape. */
function isShape(shape: Shape | null): boolean {
  return shape === null || shape.every((extent) => extent === null || (Number.isSafeInteger(extent) && extent >= 0));
}

const shapeText = (shape: Shape): string => `[${shape.map((extent) => extent ?? 'null').join(', ')}]`;

/** @throws Unsupported for values of which one has extents that no tensor has: what makes them was given numbers that do not fit */
export function refuseShapes(values: readonly Pick<Value, 'shape'>[]): void {
  // a loop gives only those of its results that are read, each at its place: `filter` passes over the others
  const [wrong] = values.filter(({ shape }) => !isShape(shape));
  if (wrong?.shape) throw new Unsupported(`its output would have the shape ${shapeText(wrong.shape)}`);
}

/** @throws Failure('input') for an input that is declared so */
export function refuseInputs(path: string, inputs: readonly Pick<Value, 'name' | 'shape'>[]): void {
  const wrong = inputs.find(({ shape }) => !isShape(shape));
  if (!wrong?.shape) return;
  throw new Failure('input', {
    what: `${path}: the input '${wrong.name}' has the shape ${shapeText(wrong.shape)}, which no tensor has.`,
    cure: 'Save or convert the model again.',
  });
}

/** Sizes and places that a file says as 0.5, or as more than JSON's numbers tell apart. */
function refuseFraction(values: readonly number[]): void {
  const wrong = values.find((value) => !Number.isSafeInteger(value));
  if (wrong !== undefined) throw new Unsupported(`${wrong} is no whole number that a size or a place can be`);
}

function refuseFractions(attributes: Attributes): void {
  for (const value of Object.values(attributes)) {
    if ('int' in value) refuseFraction([value.int]);
    else if ('ints' in value) refuseFraction(value.ints);
    else if ('float' in value && !Number.isFinite(Math.fround(value.float))) {
      throw new Unsupported(`${value.float} is no number that a float32 holds`);
    }
  }
}

/** An ONNX graph under construction: nodes in topological order, every name unique, equal constants once. */
export class OnnxBuilder {
  readonly nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #constants = new Map<string, string>();
  // ONNX keeps the names of nodes apart from those of values
  readonly #nodeNames: Names;
  readonly #valueNames: Names;
  readonly #renames = new Map<string, string>();
  readonly #memo = new Map<string, Value>();
  /** the layer or node that is being read: the prefix of the names of what is written for it */
  scope = '';

  /** @param outer the graph that this one is a body in: ONNX tells their values apart by name alone */
  constructor(outer: OnnxBuilder | null = null) {
    this.#nodeNames = outer === null ? new Names() : outer.#nodeNames;
    this.#valueNames = outer === null ? new Names() : outer.#valueNames;
  }

  /**
   * One node with one output, whose name comes back. An input that is left out is ''.
   * @throws Unsupported for a number that has to be whole and is not
   */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    refuseFractions(attributes);
    const name = this.#nodeNames.fresh(`${this.scope}/${opType}`);
    const output = this.freshName(`${name}:0`);
    this.nodes.push(makeNode(opType, inputs, [output], attributes, name));
    return output;
  }

  /** One node with two outputs. */
  pair(opType: string, inputs: readonly string[], attributes: Attributes = {}): readonly [string, string] {
    const [first, second] = this.ops(opType, inputs, 2, attributes);
    return [present(first, `output 0 of ${opType}`), present(second, `output 1 of ${opType}`)];
  }

  /** One node with several outputs. */
  ops(opType: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}): string[] {
    refuseFractions(attributes);
    const name = this.#nodeNames.fresh(`${this.scope}/${opType}`);
    const names = Array.from({ length: outputs }, (_, i) => this.freshName(`${name}:${i}`));
    this.nodes.push(makeNode(opType, inputs, names, attributes, name));
    return names;
  }

  /** A FLOAT constant of the graph itself (not a weight); a number alone is a scalar, shape []. */
  float(values: number | readonly number[], shape: readonly number[] = []): string {
    const list = typeof values === 'number' ? [values] : values;
    return this.#constant(`float32 [${shape}] ${list}`, (name) => floatTensor(name, shape, list));
  }

  /** An INT64 vector (axes, shapes, pads, starts), or a tensor of another shape. */
  int64s(values: readonly number[], shape: readonly number[] = [values.length]): string {
    refuseFraction(values);
    return this.#constant(`int64 [${shape}] ${values}`, (name) => int64Tensor(name, shape, values));
  }

  int64(value: number): string {
    return this.int64s([value], []);
  }

  int32(value: number): string {
    return this.#constant(`int32 [] ${value}`, (name) => rawTensor(name, DataType.INT32, [], Int32Array.of(value)));
  }

  bool(value: boolean): string {
    return this.#constant(`bool [] ${value}`, (name) =>
      rawTensor(name, DataType.BOOL, [], Uint8Array.of(value ? 1 : 0)),
    );
  }

  /** A scalar constant of one of tf.js's element types. */
  scalar(value: number, dtype: DType): string {
    if (dtype === 'float32') return this.float(value);
    return dtype === 'int32' ? this.int32(value) : this.bool(value !== 0);
  }

  addInitializer(tensor: TensorProto): string {
    this.#initializers.set(tensor.name, tensor);
    this.#valueNames.add(tensor.name);
    return tensor.name;
  }

  /** A name that no value of the graph has yet, taken from now on. */
  freshName(wanted: string): string {
    return this.#valueNames.fresh(wanted);
  }

  /** Gives a node another name, or one close to it where another node has it already. */
  nameNode(node: NodeProto, wanted: string): void {
    if (node.name !== wanted) node.name = this.#nodeNames.fresh(wanted);
  }

  /** The value under `key`, made on the first request: a layout's other form is computed once. */
  once(key: string, make: () => Value): Value {
    const known = this.#memo.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#memo.set(key, value);
    return value;
  }

  remember(key: string, value: Value): void {
    this.#memo.set(key, value);
  }

  nodeOf(value: string): NodeProto | undefined {
    return this.nodes.findLast((node) => node.output.includes(value));
  }

  /**
   * Names a value as a graph output, or a copy of it where it is an input, a constant or an output already.
   * @returns the output's name in the finished graph: `wanted`, or one close to it where that is taken
   */
  nameOutput(value: string, wanted: string): string {
    const name = this.freshName(wanted);
    if (this.nodeOf(value) !== undefined && !this.#renames.has(value)) this.#renames.set(value, name);
    else this.nodes.push(makeNode('Identity', [value], [name], {}, this.#nodeNames.fresh(name)));
    return name;
  }

  /**
   * The graph, without the nodes and constants that no output needs.
   * @param metadata entries of the ONNX model's metadata_props
   */
  finish(
    inputs: readonly ValueInfoProto[],
    outputs: readonly ValueInfoProto[],
    metadata: Readonly<Record<string, string>> = {},
  ): Graph {
    const renamed = (name: string) => this.#renames.get(name) ?? name;
    for (const node of this.nodes) {
      node.input = node.input.map(renamed);
      node.output = node.output.map(renamed);
    }
    const needed = new Set(outputs.map(({ name }) => name));
    const kept: NodeProto[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.output.some((output) => needed.has(output))) continue;
      kept.push(node);
      for (const input of node.input) needed.add(input);
      // a Scan's body reads weights of the graph around it
      for (const body of subgraphsOf(node)) {
        for (const inner of body.node) for (const input of inner.input) needed.add(input);
      }
    }
    const graph = create(GraphProtoSchema, {
      name: 'tfjs',
      node: kept.reverse(),
      initializer: [...this.#initializers.values()].filter(({ name }) => needed.has(name)),
      input: [...inputs],
      output: [...outputs],
    });
    const model = create(ModelProtoSchema, {
      irVersion,
      producerName: 'frelu-migrate',
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: opset })],
      metadataProps: Object.entries(metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
      graph,
    });
    return new Graph(model);
  }

  #constant(key: string, make: (name: string) => TensorProto): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.addInitializer(make(this.freshName('const')));
    this.#constants.set(key, name);
    return name;
  }
}

/** A graph input or output. An unknown extent becomes a named one, the first axis's `batch`; a null shape is left out. */
export function valueInfo(name: string, dtype: DType, shape: Shape | null): ValueInfoProto {
  const tensor = create(TypeProto_TensorSchema, { elemType: onnxTypes[dtype] });
  if (shape !== null) {
    const dim = shape.map((extent, axis) =>
      create(TensorShapeProto_DimensionSchema, {
        value:
          extent === null
            ? { case: 'dimParam', value: axis === 0 ? 'batch' : `${name}_${axis}` }
            : { case: 'dimValue', value: BigInt(extent) },
      }),
    );
    tensor.shape = create(TensorShapeProtoSchema, { dim });
  }
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}
