import * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import { isList, isObject, type Json, type JsonObject, listOf, objectOf, textOf } from '../tfjs/json.js';
import { readPart } from '../tfjs/schema.js';

/** Where a JSON value stands within model.json. */
export type JsonPath = readonly (string | number)[];

/** One output tensor of one call of a layer. */
export interface TensorRef {
  readonly layer: string;
  /** which call of the layer: 0 for the first */
  readonly call: number;
  readonly tensor: number;
}

/** A layer as the topology describes it. */
export interface LayerSpec {
  readonly className: string;
  readonly name: string;
  readonly config: JsonObject;
  /** the layer's own object, the one that has class_name and config */
  readonly path: JsonPath;
  /** the inputs of each call; a layer of a Sequential has none written, its model's order says them */
  readonly calls: readonly (readonly TensorRef[])[];
  /** the layers of a nested model */
  readonly model: ModelSpec | null;
}

/** A Sequential or Functional model, nested ones alike. */
export interface ModelSpec {
  readonly kind: 'sequential' | 'functional';
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  /** where the list of layers stands */
  readonly path: JsonPath;
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
}

/** One call of a layer in the list of its model. */
export interface LayerCall {
  readonly layer: LayerSpec;
  readonly model: ModelSpec;
  /** which call of the layer within its model */
  readonly call: number;
  /** how often the graph calls the layer, and its model: one of those called twice cannot change for one call */
  readonly layerCalls: number;
  readonly modelCalls: number;
}

const sequentialNames: ReadonlySet<string> = new Set(['Sequential']);
const functionalNames: ReadonlySet<string> = new Set(['Model', 'Functional']);

/**
 * The model that model.json describes: Keras 2 and 3 topologies, with and without the `model_config` around.
 * @throws Failure('input') when it is no Sequential or Functional model, or the topology is malformed
 */
export function readTopology(path: string, json: JsonObject): ModelSpec {
  const topology = objectOf(json.modelTopology);
  const inner = topology.model_config;
  const root = isObject(inner) ? inner : topology;
  const rootPath = isObject(inner) ? ['modelTopology', 'model_config'] : ['modelTopology'];
  const model = readModel(path, root, rootPath);
  if (model !== null) return model;
  const className = textOf(root.class_name);
  throw new Failure(
    'input',
    className === undefined
      ? { what: `${path}: the topology has no class_name.`, cure: 'Save the model again with model.save.' }
      : {
          what: `${path}: a model of class '${className}' is not built from layers that can be read.`,
          cure: 'Convert it to a GraphModel (tensorflowjs_converter, output format tfjs_graph_model).',
        },
  );
}

/** The name of a layer, which old files write in its config alone. */
function nameOf(layer: JsonObject): string | undefined {
  return textOf(layer.name) ?? textOf(objectOf(layer.config).name);
}

function readModel(file: string, object: JsonObject, path: JsonPath): ModelSpec | null {
  const className = textOf(object.class_name);
  if (className === undefined) return null;
  const config = object.config;
  const isSequential = sequentialNames.has(className);
  if (!isSequential && !functionalNames.has(className)) return null;
  // Keras before 2.2.3 wrote a Sequential's config as the list itself.
  const layersPath = isList(config) ? [...path, 'config'] : [...path, 'config', 'layers'];
  const list = isList(config) ? config : listOf(objectOf(config).layers);
  const layers = list.map((layer, i) => readLayer(file, layer, [...layersPath, i]));
  const name = nameOf(object) ?? className;
  if (isSequential) return { kind: 'sequential', name, layers, path: layersPath, inputs: [], outputs: [] };

  const nodesOfModels = new Map(layers.filter((layer) => layer.model !== null).map(({ name }) => [name, 1]));
  const refs = (value: Json | undefined) => readRefs(value, nodesOfModels);
  return {
    kind: 'functional',
    name,
    layers: layers.map((layer, i) => ({ ...layer, calls: readCalls(objectOf(list[i]).inbound_nodes, refs) })),
    path: layersPath,
    inputs: refs(objectOf(config).input_layers),
    outputs: refs(objectOf(config).output_layers),
  };
}

const classOfLayer = v.object({ class_name: v.string() });

function readLayer(file: string, value: Json | undefined, path: JsonPath): LayerSpec {
  const { class_name: className } = readPart(classOfLayer, value, file, path.join('.'));
  const layer = objectOf(value);
  return {
    className,
    name: nameOf(layer) ?? className,
    config: objectOf(layer.config),
    path,
    calls: [],
    model: readModel(file, layer, path),
  };
}

/**
 * The layer that a wrapper (TimeDistributed, Bidirectional) holds.
 * @param file model.json, for messages
 * @throws Failure('input') where it holds none
 */
export function wrappedLayer(file: string, wrapper: LayerSpec): LayerSpec {
  return layerWithin(file, wrapper, 'layer');
}

/**
 * The layer in a field of another one's configuration, or in a list there.
 * @throws Failure('input') where there is none
 */
export function layerWithin(file: string, { config, path }: LayerSpec, field: string, place?: number): LayerSpec {
  if (place === undefined) return readLayer(file, config[field], [...path, 'config', field]);
  return readLayer(file, listOf(config[field])[place], [...path, 'config', field, place]);
}

function readCalls(
  nodes: Json | undefined,
  refs: (value: Json | undefined) => readonly TensorRef[],
): readonly (readonly TensorRef[])[] {
  return listOf(nodes).map((node) => (isObject(node) ? refs(node.args) : refs(node)));
}

/**
 * Every reference to a tensor within a value, in order: [layer, call, tensor, ...] in Keras 2, an object with
 * keras_history in Keras 3, nested in lists and records as the layer's arguments are.
 * @param firstCalls by layer, the number that its first call has; a nested model counts from 1, its own inputs being 0
 */
function readRefs(value: Json | undefined, firstCalls: ReadonlyMap<string, number>): TensorRef[] {
  const ref = refOf(value);
  if (ref !== null) return [{ ...ref, call: Math.max(0, ref.call - (firstCalls.get(ref.layer) ?? 0)) }];
  if (isList(value)) return value.flatMap((each) => readRefs(each, firstCalls));
  if (isObject(value)) return Object.values(value).flatMap((each) => readRefs(each, firstCalls));
  return [];
}

/** The reference that a value itself is, with the call counted as it is written. */
export function refOf(value: Json | undefined): TensorRef | null {
  const history = isObject(value) ? objectOf(value.config).keras_history : value;
  const [layer, call, tensor] = listOf(history);
  if (typeof layer !== 'string' || typeof call !== 'number' || typeof tensor !== 'number') return null;
  return { layer, call, tensor };
}

/** The tensor arguments beside the inputs, which TensorFlow.js does not pass on: initial_state and the like. */
export function keywordTensors(nodes: Json | undefined): string[] {
  const names = (value: Json): string[] => {
    if (isObject(value) && isObject(value.kwargs)) return keysWithRefs(value.kwargs);
    return listOf(value).flatMap((ref) => keysWithRefs(objectOf(listOf(ref)[3])));
  };
  return listOf(nodes).flatMap(names);
}

function keysWithRefs(record: JsonObject): string[] {
  return Object.entries(record).flatMap(([key, value]) => (readRefs(value, new Map()).length > 0 ? [key] : []));
}
