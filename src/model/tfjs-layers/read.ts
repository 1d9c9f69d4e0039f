import { Failure } from '../../contract/failure.js';
import { type NodeProto, outputName } from '../graph.js';
import { type DType, OnnxBuilder, refuseInputs, refuseShapes, valueInfo } from '../tfjs/builder.js';
import { type ReadFile, readTfjsFiles, type TfjsFiles } from '../tfjs/files.js';
import { dimsOfJson, type Json, objectOf, textOf } from '../tfjs/json.js';
import { toPlain } from '../tfjs/layout.js';
import { Unsupported } from '../tfjs/unsupported.js';
import { metadataOf } from '../tfjs/write.js';
import { LayerContext, LayersGraph, type LayerValue } from './context.js';
import { isKeras3Form, keras3Version } from './keras3.js';
import { layerTable } from './layers/index.js';
import { limitsOf } from './limits.js';
import type { TfjsLayersModel } from './model.js';
import {
  keywordTensors,
  type LayerCall,
  type LayerSpec,
  type ModelSpec,
  readTopology,
  type TensorRef,
  wrappedLayer,
} from './topology.js';

/**
 * Reads a LayersModel into an ONNX graph that takes the model's own inputs and gives its own outputs (channels last where the
 * model has them so). A layer's last node has the layer's name; a later call of a shared layer adds `:2`, `:3` to it.
 * @throws Failure('input') when the files are unusable, or with the list of all layers that are not covered
 */
export async function readTfjsLayers(path: string, read?: ReadFile): Promise<TfjsLayersModel> {
  const files = await (read === undefined ? readTfjsFiles(path) : readTfjsFiles(path, read));
  refuseKeras3(files);
  const topology = readTopology(files.path, files.json);
  const reader = new ModelReader(files);
  const { inputs, outputs } = reader.read(topology);
  const graph = reader.builder.finish(
    inputs.map(({ name, dtype, shape }) => valueInfo(name, dtype, shape)),
    outputs.map(({ name, dtype, shape }) => valueInfo(name, dtype, shape)),
    metadataOf(files.json),
  );
  const record = {
    tfjs: files,
    topology,
    origins: reader.graph.origins,
    slots: reader.graph.slots,
    activations: new Map([...reader.graph.activations].map(([node, each]) => [outputName(node), each])),
    calls: reader.calls(),
  };
  return {
    format: 'tfjs-layers',
    path: files.path,
    files: files.files,
    graph,
    limits: limitsOf({ ...record, frelus: reader.graph.frelus }),
    ...record,
  };
}

const usualCure =
  'Replace them by layers that are covered, or convert the model to a GraphModel (tensorflowjs_converter).';
const cureOfRecurrent =
  'Convert the model to a GraphModel (tensorflowjs_converter), in which most loops are read, or export it to ONNX (tf2onnx).';

/**
 * Keras 3 writes an .h5 file that is converted without complaint, and that TensorFlow.js then cannot load. Its own format, .keras, says
 * `vars` in the names of its weights, and is loaded.
 * @throws Failure('input') for the former
 */
function refuseKeras3(files: TfjsFiles): void {
  const version = keras3Version(files);
  if (version === null || !isKeras3Form(files.json.modelTopology)) return;
  if ([...files.weights.keys()].some((name) => name.split('/').includes('vars'))) return;
  throw new Failure('input', {
    what: `${files.path}: the model was saved by Keras ${version} as an .h5 file, which TensorFlow.js cannot load once it is converted.`,
    cure: 'Let rewrite write it in the form of Keras 2, or save it with tf_keras, which is Keras 2, and convert that.',
    settings: ['repairKeras3'],
  });
}

/** Keras's poolings may keep the axes that they pool over, and the layers behind them then need them; those of TensorFlow.js never do. */
function pooledText(topology: ModelSpec): string {
  const names = keepingAxes(topology);
  if (names.length === 0) return '';
  return ` TensorFlow.js does not keep the axes that ${names.join(', ')} pools over (keepdims), so it may not load this model either.`;
}

function keepingAxes({ layers }: ModelSpec): string[] {
  return layers.flatMap(({ name, config, model }) => [
    ...(config.keepdims === true ? [name] : []),
    ...(model === null ? [] : keepingAxes(model)),
  ]);
}

/** One call of a model: the values of its layers, by layer and call; null where a layer is not covered. */
type Values = Map<string, (readonly LayerValue[] | null)[]>;

class ModelReader {
  readonly builder = new OnnxBuilder();
  readonly graph: LayersGraph;
  /** with what to do about it, where that is not the usual */
  readonly #unsupported = new Map<string, string | null>();
  readonly #layerCalls = new Map<string, number>();
  readonly #modelCalls = new Map<ModelSpec, number>();
  readonly #calls = new Map<NodeProto, Pick<LayerCall, 'layer' | 'model' | 'call'>>();

  constructor(readonly files: TfjsFiles) {
    this.graph = new LayersGraph(this.builder, files);
  }

  read(topology: ModelSpec): { inputs: LayerValue[]; outputs: LayerValue[] } {
    this.#checkNames(topology);
    const declared = inputsOf(this.files.path, topology);
    refuseInputs(this.files.path, declared);
    const inputs = declared.map(({ name, shape, dtype }): LayerValue => {
      const value = { name: this.builder.freshName(name), dtype, shape, channelsFirst: false, mask: null };
      return value;
    });
    const outputs = this.#unsupported.size > 0 ? null : this.#call(topology, inputs);
    if (outputs === null || this.#unsupported.size > 0) {
      throw new Failure('input', {
        what:
          `${this.files.path}: ${this.#unsupported.size} of the model's layers cannot be read: ` +
          `${[...this.#unsupported.keys()].join('; ')}.${pooledText(topology)}`,
        cure: [...new Set([...this.#unsupported.values()].map((cure) => cure ?? usualCure))].join(' '),
      });
    }
    const names = outputNames(topology);
    const named = outputs.map((value, i): LayerValue => {
      const plain = toPlain(this.builder, value);
      this.builder.nameOutput(plain.name, names[i] ?? plain.name);
      return { ...plain, name: names[i] ?? plain.name, mask: null };
    });
    return { inputs, outputs: named };
  }

  /** To be asked when the graph is finished, which may give a value another name. */
  calls(): Map<string, LayerCall> {
    const calls = [...this.#calls].map(([node, each]): [string, LayerCall] => {
      const layerCalls = this.#layerCalls.get(each.layer.name) ?? 1;
      return [outputName(node), { ...each, layerCalls, modelCalls: this.#modelCalls.get(each.model) ?? 1 }];
    });
    return new Map(calls);
  }

  /** Notes every layer whose class is unknown, in nested models and wrappers too, so that one message names them all. */
  #checkNames(model: ModelSpec): void {
    const check = (layer: LayerSpec): void => {
      if (layer.model !== null) this.#checkNames(layer.model);
      else if (layer.className in wrapped) check(wrappedLayer(this.files.path, layer));
      else if (layer.className !== 'InputLayer' && !(layer.className in layerTable)) {
        const cure = /LSTM|GRU|RNN/.test(layer.className) ? cureOfRecurrent : null;
        this.#unsupported.set(`${layer.name}: layers of class '${layer.className}' are not covered`, cure);
      }
    };
    model.layers.forEach(check);
  }

  /** The outputs of one call of a model; null when one of its layers is not covered. */
  #call(model: ModelSpec, inputs: readonly LayerValue[]): readonly LayerValue[] | null {
    this.#modelCalls.set(model, (this.#modelCalls.get(model) ?? 0) + 1);
    return model.kind === 'sequential' ? this.#callSequential(model, inputs) : this.#callFunctional(model, inputs);
  }

  #callSequential(model: ModelSpec, inputs: readonly LayerValue[]): readonly LayerValue[] | null {
    let values: readonly LayerValue[] | null = inputs;
    for (const layer of model.layers) {
      if (layer.className === 'InputLayer') continue;
      values = values === null ? null : this.#convert(model, layer, values, 0);
    }
    return values;
  }

  /** Calls are converted when their inputs are there, as TensorFlow.js itself rebuilds a model (container.ts, fromConfig). */
  #callFunctional(model: ModelSpec, inputs: readonly LayerValue[]): readonly LayerValue[] | null {
    const values: Values = new Map();
    for (const [i, { layer }] of model.inputs.entries()) {
      const value = inputs[i];
      values.set(layer, [value === undefined ? null : [value]]);
    }
    let waiting = model.layers.flatMap((layer) => layer.calls.map((refs, call) => ({ layer, refs, call })));
    while (waiting.length > 0) {
      const ready = waiting.filter(({ refs }) =>
        refs.every(({ layer, call }) => values.get(layer)?.[call] !== undefined),
      );
      if (ready.length === 0) break;
      for (const { layer, refs, call } of ready) {
        const operands = refs.map((ref) => lookUp(values, ref));
        const known = operands.flatMap((value) => (value === null ? [] : [value]));
        const outputs = known.length < operands.length ? null : this.#convert(model, layer, known, call);
        const calls = values.get(layer.name) ?? [];
        calls[call] = outputs;
        values.set(layer.name, calls);
      }
      waiting = waiting.filter((each) => !ready.includes(each));
    }
    for (const { layer } of waiting) {
      const reason = 'its inputs come from layers that are not in the topology, or from itself';
      this.#unsupported.set(`${layer.name}: ${reason}`, 'Save the model again.');
    }
    const outputs = model.outputs.map((ref) => lookUp(values, ref));
    const known = outputs.flatMap((value) => (value === null ? [] : [value]));
    return known.length < outputs.length || known.length === 0 ? null : known;
  }

  #convert(
    model: ModelSpec,
    layer: LayerSpec,
    inputs: readonly LayerValue[],
    call: number,
  ): readonly LayerValue[] | null {
    if (layer.model !== null) return this.#call(layer.model, inputs);
    const count = (this.#layerCalls.get(layer.name) ?? 0) + 1;
    this.#layerCalls.set(layer.name, count);
    const name = count === 1 ? layer.name : `${layer.name}:${count}`;
    const before = this.builder.nodes.length;
    this.builder.scope = name;
    try {
      const keywords = keywordTensors(inboundNodes(this.files, layer));
      if (keywords.length > 0) throw new Unsupported(`it is given tensors by keyword: ${keywords.join(', ')}`);
      const context = new LayerContext(this.graph, layer, inputs, layer.name, layer, (inner) => this.#wrapped(inner));
      const outputs = asList(layerTable[layer.className]?.(context));
      refuseShapes(outputs);
      this.#nameLast(layer, outputs, before, name);
      for (const node of this.builder.nodes.slice(before)) {
        if (!this.#calls.has(node)) this.#calls.set(node, { layer, model, call });
      }
      return outputs;
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      this.#unsupported.set(`${layer.name} (${layer.className}): ${error.message}`, error.cure);
      return null;
    }
  }

  /** The layer within a wrapper. */
  #wrapped(context: LayerContext): readonly LayerValue[] {
    if (context.spec.model === null) return asList(layerTable[context.spec.className]?.(context));
    const { scope } = this.builder;
    const outputs =
      this.#call(context.spec.model, context.inputs) ?? context.refuse('one of its layers is not covered');
    this.builder.scope = scope;
    return outputs;
  }

  /** The node that gives a layer's output is called as the layer: that is the id of a site. FReLU ends with its offset, not its ReLU. */
  #nameLast(layer: LayerSpec, outputs: readonly LayerValue[], before: number, name: string): void {
    const [output] = outputs;
    const nodes = this.builder.nodes.slice(before);
    const node =
      nodes.find((each) => this.graph.frelus.get(each) === layer) ??
      nodes.find((each) => output !== undefined && each.output.includes(output.name));
    if (node !== undefined) node.name = name;
  }
}

const wrapped: Readonly<Record<string, true>> = { TimeDistributed: true, Bidirectional: true };

function asList(values: LayerValue | readonly LayerValue[] | undefined): readonly LayerValue[] {
  if (values === undefined) return [];
  return 'name' in values ? [values] : values;
}

function lookUp(values: Values, { layer, call, tensor }: TensorRef): LayerValue | null {
  return values.get(layer)?.[call]?.[tensor] ?? null;
}

function inboundNodes(files: TfjsFiles, layer: LayerSpec): Json | undefined {
  let value: Json | undefined = files.json;
  for (const key of layer.path)
    value = typeof key === 'number' ? Object.values(value ?? [])[key] : objectOf(value)[key];
  return objectOf(value).inbound_nodes;
}

interface InputSpec {
  readonly name: string;
  readonly shape: readonly (number | null)[];
  readonly dtype: DType;
}

/** The inputs of a model, under the names that TensorFlow.js gives them. */
function inputsOf(path: string, model: ModelSpec): InputSpec[] {
  if (model.kind === 'functional') {
    return model.inputs.map(({ layer: name }) => {
      const layer = model.layers.find((each) => each.name === name);
      const input = layer === undefined ? null : inputOf(layer, name);
      if (input !== null) return input;
      throw new Failure('input', {
        what: `${path}: the input '${name}' has no batch_input_shape.`,
        cure: 'Save the model again.',
      });
    });
  }
  const [first] = model.layers;
  if (first?.model) return inputsOf(path, first.model);
  const name = first?.className === 'InputLayer' ? first.name : `${first?.name}_input`;
  const input = first === undefined ? null : inputOf(first, name);
  if (input !== null) return [input];
  throw new Failure('input', {
    what: `${path}: the first layer of '${model.name}' has no batch_input_shape, so the model has no input.`,
    cure: 'Give it an inputShape and save it again.',
  });
}

/** The input that a layer's configuration declares: batch_input_shape of Keras 2, batch_shape of Keras 3. */
function inputOf(layer: LayerSpec, name: string): InputSpec | null {
  const { config } = layer;
  const shape = dimsOfJson(config.batch_input_shape ?? config.batch_shape ?? config.batchInputShape);
  if (shape !== undefined) return { name, shape, dtype: inputType(config.dtype) };
  const rest = dimsOfJson(config.input_shape);
  return rest === undefined ? null : { name, shape: [null, ...rest], dtype: inputType(config.dtype) };
}

function inputType(dtype: Json | undefined): DType {
  const name = textOf(dtype) ?? 'float32';
  if (name === 'bool') return 'bool';
  return name.startsWith('int') || name.startsWith('uint') ? 'int32' : 'float32';
}

/** A model's outputs are called as the layers that give them; several of one layer are told apart by a number. */
function outputNames(model: ModelSpec): string[] {
  const last = model.layers.at(-1);
  const names =
    model.kind === 'functional'
      ? model.outputs.map(({ layer, tensor }) => (tensor === 0 ? layer : `${layer}:${tensor}`))
      : last === undefined
        ? []
        : [last.name];
  return names.map((name, i) => (names.indexOf(name) === i ? name : `${name}:${i}`));
}
