import { Failure } from '../../contract/failure.js';
import type { TfjsFiles } from '../tfjs/files.js';
import { isList, isObject, type Json, type JsonObject, listOf, objectOf, rewriteJson, textOf } from '../tfjs/json.js';
import { refOf } from './topology.js';

/** The version of Keras 3 that a LayersModel was saved by; null for other models. */
export function keras3Version({ json }: Pick<TfjsFiles, 'json'>): string | null {
  const version = textOf(objectOf(json.modelTopology).keras_version);
  return version?.startsWith('3.') ? version : null;
}

/** Whether a topology holds what Keras 3 writes otherwise than Keras 2, which is what TensorFlow.js loads. */
export function isKeras3Form(value: Json | undefined): boolean {
  if (isList(value)) return value.some(isKeras3Form);
  if (!isObject(value)) return false;
  if (textOf(value.class_name) === 'DTypePolicy' || 'keras_history' in value) return true;
  if ('batch_shape' in value && !('batch_input_shape' in value)) return true;
  return Object.values(value).some(isKeras3Form);
}

/**
 * model.json of a Keras 3 model in the form of Keras 2, which TensorFlow.js loads: inputs and calls of layers as it writes them,
 * weights under the names that its layers look for, and without the layers that only training runs. The weights' bytes stay.
 * @throws Failure('input') with all that TensorFlow.js has no equal of
 */
export function repairKeras3(files: TfjsFiles): string {
  const repair = new Repair();
  const topology = objectOf(files.json.modelTopology);
  const isWrapped = isObject(topology.model_config);
  const root = isWrapped ? objectOf(topology.model_config) : topology;
  const repaired = repair.model(root);
  const manifest = listOf(files.json.weightsManifest).map((group) => ({
    ...objectOf(group),
    weights: listOf(objectOf(group).weights).map((weight) => repair.weight(objectOf(weight))),
  }));
  if (repair.refused.length > 0) {
    throw new Failure('input', {
      what: `${files.path}: TensorFlow.js has no equal of what Keras 3 wrote: ${repair.refused.join('; ')}.`,
      cure: 'Export the model as a SavedModel (model.export) and convert that to a GraphModel.',
    });
  }
  const modelTopology = isWrapped ? { ...topology, model_config: repaired } : repaired;
  return rewriteJson(files.text, files.json, { ...files.json, modelTopology, weightsManifest: manifest });
}

/** Layers that do nothing but in training, and that TensorFlow.js does not have. */
const ofTrainingAlone: ReadonlySet<string> = new Set([
  'ActivityRegularization',
  'RandomBrightness',
  'RandomContrast',
  'RandomFlip',
  'RandomRotation',
  'RandomTranslation',
  'RandomZoom',
  'SpatialDropout2D',
  'SpatialDropout3D',
]);

/** Fields of a layer that Keras 2 does not have. */
const newFields: ReadonlySet<string> = new Set([
  'backward_layer',
  'build_config',
  'module',
  'optional',
  'quantization_config',
  'ragged',
  'registered_name',
  'synchronized',
]);

class Repair {
  readonly refused: string[] = [];
  /** by name: the class of each layer that holds weights, or of the one that it wraps */
  readonly #classes = new Map<string, string>();
  readonly #bidirectional = new Set<string>();

  /** A Sequential or Functional model, as TensorFlow.js loads it. */
  model(object: JsonObject): JsonObject {
    const config = objectOf(object.config);
    const layers = listOf(config.layers).map(objectOf);
    const models = new Set(layers.filter(isModel).map(nameOf));
    const passed = new Map(
      layers.flatMap((layer): [string, Json | undefined][] =>
        ofTrainingAlone.has(classOf(layer)) ? [[nameOf(layer), listOf(layer.inbound_nodes)[0]]] : [],
      ),
    );
    const kept = layers.filter((layer) => !passed.has(nameOf(layer)));
    const references = (value: Json | undefined) => this.#references(value, models, passed);
    const written = kept.map((layer) => {
      const own = isModel(layer) ? this.model(layer) : this.#layer(layer);
      if (layer.inbound_nodes === undefined) return own;
      const calls = listOf(layer.inbound_nodes).map((call) => this.#call(nameOf(layer), call, references));
      return { ...own, name: nameOf(layer), inbound_nodes: calls };
    });
    const { input_layers: inputs, output_layers: outputs, ...rest } = config;
    const ends = inputs === undefined ? {} : { input_layers: references(inputs), output_layers: references(outputs) };
    const first = written[0];
    const shape = config.build_input_shape;
    const isOpen = classOf(object) === 'Sequential' && first !== undefined && !isModel(first) && !hasShape(first);
    const list =
      isOpen && isList(shape)
        ? written.with(0, { ...first, config: { ...objectOf(first.config), batch_input_shape: shape } })
        : written;
    return { ...without(object), config: { ...objectOf(plain(without(rest))), layers: list, ...ends } };
  }

  #layer(layer: JsonObject): JsonObject {
    const name = nameOf(layer);
    const className = classOf(layer);
    const config = objectOf(layer.config);
    const inner = objectOf(config.layer);
    this.#classes.set(name, 'class_name' in inner ? classOf(inner) : className);
    if (className === 'Bidirectional') this.#bidirectional.add(name);
    if (config.keepdims === true) this.refused.push(`'${name}' keeps the axes that it pools over (keepdims)`);
    if (config.reset_after === true) this.refused.push(`'${name}' is a GRU with reset_after`);
    if (className === 'Bidirectional' && !areTwins(inner, objectOf(config.backward_layer))) {
      this.refused.push(`'${name}' has another layer backwards than forwards`);
    }
    const { batch_shape: shape, ...others } = config;
    const repaired = objectOf(plain(without(others)));
    return {
      ...without(layer),
      config: {
        ...repaired,
        ...(shape === undefined ? {} : { batch_input_shape: shape }),
        ...('class_name' in inner ? { layer: this.#wrapped(className, inner) } : {}),
        ...(className === 'LeakyReLU' && 'negative_slope' in config ? { alpha: config.negative_slope } : {}),
      },
    };
  }

  /** TensorFlow.js puts `forward_` and `backward_` before the name itself. */
  #wrapped(wrapper: string, inner: JsonObject): JsonObject {
    const repaired = isModel(inner) ? this.model(inner) : this.#layer(inner);
    if (wrapper !== 'Bidirectional') return repaired;
    const config = objectOf(repaired.config);
    return { ...repaired, config: { ...config, name: (textOf(config.name) ?? '').replace(/^forward_/, '') } };
  }

  /** One call of a layer: a list of [layer, call, tensor, other arguments]. */
  #call(name: string, call: Json, references: (value: Json | undefined) => Json[]): Json {
    if (!isObject(call)) return call;
    const inputs = references(call.args);
    const isKept = ([, value]: readonly [string, Json]) => value !== null && value !== false;
    const given = Object.entries(objectOf(call.kwargs)).filter(isKept);
    const extras = leavesOf(call.args).filter((leaf) => leaf !== null);
    if (given.length > 0) this.refused.push(`'${name}' is given ${given.map(([key]) => key).join(', ')}`);
    if (extras.length > 0) this.refused.push(`'${name}' is given ${JSON.stringify(extras[0])}`);
    return inputs;
  }

  /** The tensors that a value names, past the layers that are left out. A nested model counts its calls from 1: its own inputs are 0. */
  #references(
    value: Json | undefined,
    models: ReadonlySet<string>,
    passed: ReadonlyMap<string, Json | undefined>,
  ): Json[] {
    const ref = refOf(value);
    if (ref !== null) {
      if (passed.has(ref.layer)) return this.#references(passed.get(ref.layer), models, passed);
      return [[ref.layer, ref.call + (models.has(ref.layer) ? 1 : 0), ref.tensor, {}]];
    }
    if (isList(value)) return value.flatMap((each) => this.#references(each, models, passed));
    if (!isObject(value)) return [];
    const held = 'args' in value ? [value.args] : Object.values(value);
    return held.flatMap((each) => this.#references(each, models, passed));
  }

  /** An entry of the manifest under the name that TensorFlow.js gives the weight: its layer's, and its own. */
  weight(entry: JsonObject): JsonObject {
    const parts = (textOf(entry.name) ?? '').split('/');
    const at = parts.findIndex((part, i) => i < parts.length - 1 && this.#classes.has(part));
    const layer = parts[at];
    if (layer === undefined) return entry;
    const rest = parts.slice(at + 1);
    const own = rest.at(-1) ?? '';
    const isDepthwise = this.#classes.get(layer) === 'DepthwiseConv2D' && own === 'kernel';
    const direction = this.#bidirectional.has(layer) ? rest.slice(0, 1) : [];
    return { ...entry, name: [layer, ...direction, isDepthwise ? 'depthwise_kernel' : own].join('/') };
  }
}

function isModel(layer: JsonObject): boolean {
  return isList(objectOf(layer.config).layers);
}

function classOf(layer: JsonObject): string {
  return textOf(layer.class_name) ?? '';
}

function nameOf(layer: JsonObject): string {
  return textOf(layer.name) ?? textOf(objectOf(layer.config).name) ?? '';
}

function hasShape(layer: JsonObject): boolean {
  return classOf(layer) === 'InputLayer' || 'batch_input_shape' in objectOf(layer.config);
}

/** TensorFlow.js makes the layer that goes backwards from the one that goes forwards. */
function areTwins(forward: JsonObject, backward: JsonObject): boolean {
  if (!('class_name' in backward)) return true;
  const own = ({ class_name: className, config }: JsonObject) => {
    const { name: _, go_backwards: __, ...rest } = objectOf(config);
    return JSON.stringify([className, rest]);
  };
  return own(forward) === own(backward);
}

function without(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !newFields.has(key)));
}

/** What is given to a layer beside tensors, at any depth. */
function leavesOf(value: Json | undefined): Json[] {
  if (value === undefined || refOf(value) !== null) return [];
  if (isList(value)) return value.flatMap(leavesOf);
  return isObject(value) ? Object.values(value).flatMap(leavesOf) : [value];
}

/** The functions that TensorFlow.js knows by another name. */
const functions: ReadonlyMap<string, string> = new Map([['silu', 'swish']]);

/**
 * Values of a configuration as Keras 2 writes them: types and functions by name, arrays as lists, and objects without the module they come
 * from. TensorFlow.js computes with float32 whatever the policy is.
 */
function plain(value: Json): Json {
  if (isList(value)) return value.map(plain);
  if (!isObject(value)) return value;
  const config = objectOf(value.config);
  switch (textOf(value.class_name)) {
    case 'DTypePolicy':
      return typeName(textOf(config.name) ?? 'float32');
    case 'function':
      return functionName(value.config ?? null);
    case '__numpy__':
    case '__tensor__':
      return config.value ?? null;
    case 'SeedGenerator':
      return null;
    default:
      break;
  }
  return Object.fromEntries(
    Object.entries(without(value)).map(([key, each]) => {
      if (key === 'dtype' && typeof each === 'string') return [key, typeName(each)];
      return [key, /activation$/.test(key) ? functionName(plain(each)) : plain(each)];
    }),
  );
}

function functionName(value: Json): Json {
  return typeof value === 'string' ? (functions.get(value) ?? value) : value;
}

function typeName(name: string): string {
  if (name === 'bool' || name === 'string') return name;
  return /^u?int/.test(name) ? 'int32' : 'float32';
}
