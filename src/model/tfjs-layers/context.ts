import type { Attributes, NodeProto } from '../graph.js';
import { floatTensor, rawTensor } from '../tensor.js';
import { type OnnxBuilder, onnxTypes, type Shape, type Value } from '../tfjs/builder.js';
import { type TfjsFiles, type TfjsWeight, weightBytes, weightValues } from '../tfjs/files.js';
import { isList, isObject, type Json, textOf } from '../tfjs/json.js';
import { toChannelsFirst, toPlain } from '../tfjs/layout.js';
import { type LayoutStep, rearrange, type WeightOrigin } from '../tfjs/origin.js';
import { Unsupported } from '../tfjs/unsupported.js';
import type { LayerSpec } from './topology.js';

/** A tensor between layers. */
export interface LayerValue extends Value {
  /** the BOOL value [batch, time] that says which steps count; null where all do */
  readonly mask: string | null;
}

/** One row of the table of layers: the ONNX nodes of one call of a layer, and its outputs. */
export type LayerConverter = (layer: LayerContext) => LayerValue | readonly LayerValue[];
export type LayerTable = Readonly<Record<string, LayerConverter>>;

/** One place of a layer's configuration or weights that stands behind an input of an ONNX node. */
export interface Slot {
  readonly node: NodeProto;
  readonly input: number;
  readonly layer: LayerSpec;
  /** the layer of the model's list that it stands in: itself, or the wrapper around it */
  readonly listed: LayerSpec;
  readonly holds:
    | {
        readonly kind: 'weight';
        /** the weight's name in the manifest, or the one that it would have there */
        readonly weight: string;
        /** whether the manifest has it; where it has, the node reads it in the weight's own order */
        readonly isPresent: boolean;
        readonly shape: readonly number[];
        /** the configuration field that says whether the layer has this weight, and the value that means nothing */
        readonly flag: string | null;
        readonly neutral: number;
      }
    /** a number of the configuration itself, or one per channel: the offset of a Rescaling */
    | { readonly kind: 'config'; readonly field: string; readonly channelsLast: boolean };
}

/** What an activation ends. */
export interface Activation {
  readonly layer: LayerSpec;
  /** whether TensorFlow.js has the channels of its value at the last axis */
  readonly channelsLast: boolean;
}

/** Elements of a weight that stands for one that is not in the files: a bias, or what scales channels. */
const mostNeutral = 2 ** 24;

/** The graph under construction, with the record of what in it came from where. */
export class LayersGraph {
  readonly origins = new Map<string, WeightOrigin>();
  readonly slots: Slot[] = [];
  /** by the node of an activation: the layer, in its own model's list, that ends with it */
  readonly activations = new Map<NodeProto, Activation>();
  /** by the node of its ReLU: a layer of the model's list that is FReLU in the files already */
  readonly frelus = new Map<NodeProto, LayerSpec>();
  readonly #initializers = new Map<string, string>();
  /** the manifest's names by the name that TensorFlow.js looks a weight up by */
  readonly #names: ReadonlyMap<string, string>;

  constructor(
    readonly builder: OnnxBuilder,
    readonly files: TfjsFiles,
  ) {
    this.#names = weightNames(files);
  }

  find(scope: string, weight: string, index: number): TfjsWeight | undefined {
    const name = this.#names.get(`${scope}/${weight}`) ?? this.#names.get(`${scope}/${index}`);
    return name === undefined ? undefined : this.files.weights.get(name);
  }

  /** The initializer of a weight: the same one for every call of a layer, so that what is shared stays shared. */
  initializer(weight: TfjsWeight, steps: readonly LayoutStep[]): string {
    const key = `${weight.name} ${JSON.stringify(steps)}`;
    const known = this.#initializers.get(key);
    if (known !== undefined) return known;
    if (weight.dtype === 'string' || weight.dtype === 'complex64') weightValues(this.files, weight);
    const name = this.builder.freshName(weight.name);
    const isStoredAsIs = weight.quantization === null && steps.every((step) => step.kind === 'reshape');
    const dtype = weight.dtype === 'int32' || weight.dtype === 'bool' ? weight.dtype : 'float32';
    // bytes that no step moves are those of the shard itself, without a copy
    const { shape, values } = isStoredAsIs
      ? rearrangedBytes(weightBytes(this.files, weight), weight.shape, steps)
      : rearrange(weightValues(this.files, weight), weight.shape, steps);
    this.builder.addInitializer(rawTensor(name, onnxTypes[dtype], shape, values));
    this.#initializers.set(key, name);
    this.origins.set(name, { weight: weight.name, steps });
    return name;
  }

  /** An initializer that stands for a weight that a layer does without. */
  neutral(name: string, shape: readonly number[], value: number): string {
    const known = this.#initializers.get(name);
    if (known !== undefined) return known;
    const initializer = this.builder.freshName(name);
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (size > mostNeutral) throw new Unsupported(`${name}, which it does without, would have ${size} values`);
    this.builder.addInitializer(floatTensor(initializer, shape, new Float32Array(size).fill(value)));
    this.#initializers.set(name, initializer);
    return initializer;
  }
}

function rearrangedBytes(bytes: Uint8Array, shape: readonly number[], steps: readonly LayoutStep[]) {
  return { shape: rearrange(new Uint8Array(0), shape, steps).shape, values: bytes };
}

/**
 * The names under which TensorFlow.js finds weights (tfjs-layers, engine/container.ts, loadWeights): the manifest's own;
 * without the last but one part (TensorFlow 2.2 put a cell's name there); and, in files of Keras 3's saved form, without
 * the parts `vars` and `layer_checkpoint_dependencies`. An exact name goes before a shortened one.
 */
function weightNames(files: TfjsFiles): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of files.weights.keys()) {
    const parts = name.split('/');
    const shortened = [...parts.slice(0, -2), ...parts.slice(-1)].join('/');
    const plain = parts
      .map((part) => part.replace(/^_/, ''))
      .filter((part) => part !== 'vars' && part !== 'layer_checkpoint_dependencies')
      .join('/');
    for (const candidate of [shortened, plain]) if (!names.has(candidate)) names.set(candidate, name);
  }
  for (const name of files.weights.keys()) names.set(name, name);
  return names;
}

/** What a converter sees of the call that it converts. Shapes and axes are TensorFlow.js's, the batch included. */
export class LayerContext {
  constructor(
    readonly graph: LayersGraph,
    readonly spec: LayerSpec,
    readonly inputs: readonly LayerValue[],
    /** the prefix of the layer's weights */
    readonly scope: string,
    /** the layer of the model's list that this one stands in: itself, or the wrapper around it */
    readonly listed: LayerSpec,
    /** the converter of a wrapped layer or nested model */
    readonly convert: (context: LayerContext) => readonly LayerValue[],
  ) {}

  get builder(): OnnxBuilder {
    return this.graph.builder;
  }

  refuse(reason: string, cure: string | null = null): never {
    throw new Unsupported(reason, cure);
  }

  get input(): LayerValue {
    const [value] = this.inputs;
    if (value === undefined || this.inputs.length > 1) this.refuse(`it has ${this.inputs.length} inputs, not one`);
    return value;
  }

  /** The input's shape; every tensor between layers has a known rank. */
  shapeOf(value: Value): Shape {
    return value.shape ?? this.refuse('the rank of its input is not known');
  }

  /** @throws Unsupported when the extent is known at execution only */
  known(dim: number | null | undefined, what: string): number {
    return dim ?? this.refuse(`the ${what} of its input is not known`);
  }

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.builder.op(opType, inputs, attributes);
  }

  plain(value: LayerValue): LayerValue {
    return { ...toPlain(this.builder, value), mask: value.mask };
  }

  channelsFirst(value: LayerValue): LayerValue {
    return { ...toChannelsFirst(this.builder, value), mask: value.mask };
  }

  text(field: string, fallback: string): string {
    return textOf(this.spec.config[field]) ?? fallback;
  }

  /** A field that is a number of elements, of steps or of pixels. */
  size(field: string, fallback: number): number {
    return this.#size(field, this.number(field, fallback));
  }

  #size(field: string, value: unknown): number {
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
    return this.refuse(`its ${field} is ${JSON.stringify(value)}, where whole numbers from 1 on mean something`);
  }

  number(field: string, fallback: number): number {
    const value = this.spec.config[field];
    return typeof value === 'number' ? value : fallback;
  }

  flag(field: string, fallback: boolean): boolean {
    const value = this.spec.config[field];
    return typeof value === 'boolean' ? value : fallback;
  }

  /** A field that is one number or a list of `length`; a single one counts for all. */
  sizes(field: string, length: number, fallback: number): number[] {
    const value = this.spec.config[field];
    if (typeof value === 'number') return new Array<number>(length).fill(this.#size(field, value));
    if (isList(value) && value.length === length) return value.map((each) => this.#size(field, each));
    if (value === undefined || value === null) return new Array<number>(length).fill(fallback);
    return this.refuse(`its ${field} is ${JSON.stringify(value)}`);
  }

  /** Whether the layer's tensors have their channels at axis 1. */
  get isChannelsFirst(): boolean {
    const format = this.text('data_format', 'channels_last');
    return format === 'channels_first' || format === 'channelsFirst';
  }

  /**
   * The initializer of one of the layer's weights.
   * @param index its place among the layer's weights, by which files of Keras 3's saved form name it
   */
  weight(name: string, index: number, steps: readonly LayoutStep[] = []): string {
    return this.graph.initializer(this.required(name, index), steps);
  }

  /** @throws Unsupported when the manifest has no such weight */
  required(name: string, index: number): TfjsWeight {
    return (
      this.graph.find(this.scope, name, index) ?? this.refuse(`the weights manifest has no '${this.scope}/${name}'`)
    );
  }

  /**
   * Says that a node reads a weight, so that a change of it there finds its way back.
   * @param flag the configuration field that says whether the layer has the weight; null where it always has
   */
  bind(
    node: string,
    input: number,
    name: string,
    shape: readonly number[],
    options: { readonly flag?: string; readonly neutral?: number; readonly index: number; readonly isPresent: boolean },
  ): void {
    const found = options.isPresent ? this.graph.find(this.scope, name, options.index) : undefined;
    this.graph.slots.push({
      node: this.nodeOf(node),
      input,
      layer: this.spec,
      listed: this.listed,
      holds: {
        kind: 'weight',
        weight: found?.name ?? `${this.scope}/${name}`,
        isPresent: found !== undefined,
        shape,
        flag: options.flag ?? null,
        neutral: options.neutral ?? 0,
      },
    });
  }

  /** Says that a node reads a number of the configuration. */
  bindConfig(node: string, input: number, field: string, channelsLast: boolean): void {
    const holds = { kind: 'config', field, channelsLast } as const;
    this.graph.slots.push({ node: this.nodeOf(node), input, layer: this.spec, listed: this.listed, holds });
  }

  /** The node that computes a value. */
  nodeOf(value: string): NodeProto {
    const node = this.builder.nodeOf(value);
    if (node === undefined) throw new Error(`no node computes '${value}'`);
    return node;
  }

  /** The name of the function in a field such as `activation`, which is a name or a serialized object. */
  functionName(field: string, fallback: string): string {
    const value: Json | undefined = this.spec.config[field];
    if (value === undefined) return fallback;
    if (value === null) return 'linear';
    const name = isObject(value) ? textOf(value.class_name) : textOf(value);
    return name ?? this.refuse(`its ${field} is ${JSON.stringify(value)}`);
  }
}

/** A value of the same shape, layout and mask: the result of an elementwise node. */
export function like(value: LayerValue, name: string): LayerValue {
  return { ...value, name, dtype: 'float32' };
}
