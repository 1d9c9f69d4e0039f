import { present } from '../../contract/present.js';
import { Names } from '../names.js';
import { isList, isObject, type Json, type JsonObject, listOf, objectOf, textOf } from '../tfjs/json.js';
import { type JsonPath, type LayerCall, type ModelSpec, refOf, type TensorRef } from './topology.js';

/** A Rescaling layer, x + offset, behind one call of a layer or before it. */
export interface Insertion {
  readonly place: 'behind' | 'before';
  readonly call: LayerCall;
  readonly offset: Json;
}

/** `json` with another value at `path`. */
export function setValue(json: JsonObject, path: JsonPath, value: Json): JsonObject {
  return objectOf(updated(json, path, () => value));
}

function updated(value: Json, path: JsonPath, update: (value: Json) => Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return update(value);
  if (typeof key === 'number') return listOf(value).map((each, i) => (i === key ? updated(each, rest, update) : each));
  const object = objectOf(value);
  return { ...object, [key]: updated(object[key] ?? null, rest, update) };
}

/** model.json with the layers in their places. Those that stand behind or before the same call follow each other in order. */
export function insertLayers(json: JsonObject, insertions: readonly Insertion[]): JsonObject {
  const models = new Set(insertions.map(({ call }) => call.model));
  const names = new Names(namesIn(present(json.modelTopology, 'modelTopology')));
  // The deepest first: what is put into a list moves what stands in it, not what stands around it.
  const deepestFirst = [...models].toSorted((a, b) => b.path.length - a.path.length);
  let edited = json;
  for (const model of deepestFirst) {
    const own = insertions.filter(({ call }) => call.model === model);
    edited =
      model.kind === 'sequential'
        ? objectOf(updated(edited, model.path, (list) => intoSequential(listOf(list), model, own, names)))
        : objectOf(updated(edited, model.path.slice(0, -1), (config) => intoFunctional(objectOf(config), own, names)));
  }
  return edited;
}

function namesIn(value: Json): Set<string> {
  if (isList(value)) return new Set(value.flatMap((each) => [...namesIn(each)]));
  const name = isObject(value) ? textOf(value.name) : undefined;
  const inner = Object.values(objectOf(value)).flatMap((each) => [...namesIn(each)]);
  return new Set(name === undefined ? inner : [name, ...inner]);
}

function newName({ call, place }: Insertion, names: Names): string {
  return names.fresh(`${call.layer.name}_frelu_${place === 'behind' ? 'offset' : 'floor'}`);
}

function rescaling(name: string, offset: Json): JsonObject {
  return { class_name: 'Rescaling', config: { name, trainable: true, scale: 1, offset } };
}

function intoSequential(
  list: readonly Json[],
  model: ModelSpec,
  insertions: readonly Insertion[],
  names: Names,
): Json[] {
  return list.flatMap((layer, i) => {
    const own = insertions.filter(({ call }) => call.layer === model.layers[i]);
    const made = (place: Insertion['place']) =>
      own.filter((each) => each.place === place).map((each) => rescaling(newName(each, names), each.offset));
    const [first, ...others] = made('before');
    const before = first === undefined ? [] : [withInput(first, i === 0 ? objectOf(layer) : {}), ...others];
    return [...before, layer, ...made('behind')];
  });
}

/** The first layer of a Sequential declares its input. */
function withInput(layer: JsonObject, first: JsonObject): JsonObject {
  const { batch_input_shape: shape, dtype } = objectOf(first.config);
  if (shape === undefined) return layer;
  const declared = { batch_input_shape: shape, ...(dtype === undefined ? {} : { dtype }) };
  return { ...layer, config: { ...objectOf(layer.config), ...declared } };
}

/** Layers of a Functional are wired by name: what read the old tensor reads the new layer's. */
function intoFunctional(config: JsonObject, insertions: readonly Insertion[], names: Names): JsonObject {
  let edited = config;
  const behind = insertions.filter(({ place }) => place === 'behind');
  const before = insertions.filter(({ place }) => place === 'before');
  const ends = new Map<string, string>();
  for (const insertion of [...behind, ...before]) {
    const { call, place, offset } = insertion;
    const name = newName(insertion, names);
    if (place === 'before') {
      edited = beforeCall(edited, call, name, offset);
      continue;
    }
    // a second layer behind the same call comes behind the first
    const key = `${call.layer.name} ${call.call}`;
    const last = ends.get(key);
    edited = behindTensor(
      edited,
      last === undefined ? outputOf(call) : { layer: last, call: 0, tensor: 0 },
      name,
      offset,
    );
    ends.set(key, name);
  }
  return edited;
}

/** The reference to a call's output as it is written: calls of nested models are counted from 1, but those end with no activation. */
function outputOf({ layer, call }: LayerCall): TensorRef {
  return { layer: layer.name, call, tensor: 0 };
}

function behindTensor(config: JsonObject, tensor: TensorRef, name: string, offset: Json): JsonObject {
  const written = findRef(config, tensor) ?? [tensor.layer, tensor.call, tensor.tensor, {}];
  const rewired = { ...config, ...rewire(config, (ref) => (isSame(ref, tensor) ? name : null)) };
  const layers = listOf(rewired.layers);
  const at = layers.findIndex((layer) => layerName(layer) === tensor.layer);
  return { ...rewired, layers: layers.toSpliced(at + 1, 0, withCall(rescaling(name, offset), name, written)) };
}

function beforeCall(config: JsonObject, { layer, call }: LayerCall, name: string, offset: Json): JsonObject {
  const layers = listOf(config.layers);
  const at = layers.findIndex((each) => layerName(each) === layer.name);
  const reader = objectOf(layers[at]);
  const nodes = listOf(reader.inbound_nodes);
  const called = present(nodes[call], `call ${call} of layer '${layer.name}'`);
  const written = findRef(called, null);
  if (written === null) throw new Error(`call ${call} of layer '${layer.name}' has no input`);
  const node = mapRefs(called, () => name);
  const inserted = withCall(rescaling(name, offset), name, written);
  return { ...config, layers: layers.toSpliced(at, 1, inserted, { ...reader, inbound_nodes: nodes.with(call, node) }) };
}

/** A layer of a Functional, called once on the tensor that `input` refers to, in the notation of that reference. */
function withCall(layer: JsonObject, name: string, input: Json): JsonObject {
  const node = isList(input) ? [[...input.slice(0, 3), {}]] : { args: [input], kwargs: {} };
  return { ...layer, name, inbound_nodes: [node] };
}

function layerName(layer: Json): string | undefined {
  return textOf(objectOf(layer).name) ?? textOf(objectOf(objectOf(layer).config).name);
}

/** The layers' inputs and the model's outputs, with other references. */
function rewire(config: JsonObject, rename: (ref: TensorRef) => string | null): JsonObject {
  const layers = listOf(config.layers).map((layer) => {
    const inbound = objectOf(layer).inbound_nodes;
    return inbound === undefined ? layer : { ...objectOf(layer), inbound_nodes: mapRefs(inbound, rename) };
  });
  return { layers, output_layers: mapRefs(config.output_layers ?? null, rename) };
}

/** The value with the references that `rename` names turned into references to the only output of a layer. */
function mapRefs(value: Json, rename: (ref: TensorRef) => string | null): Json {
  const ref = refOf(value);
  const name = ref === null ? null : rename(ref);
  if (name !== null && isList(value)) return [name, 0, 0, ...value.slice(3)];
  if (name !== null) {
    const object = objectOf(value);
    return { ...object, config: { ...objectOf(object.config), keras_history: [name, 0, 0] } };
  }
  if (ref !== null) return value;
  if (isList(value)) return value.map((each) => mapRefs(each, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]): [string, Json] => [key, mapRefs(each, rename)]));
}

/** The first reference within a value, to the tensor that is wanted or to any, as it is written. */
function findRef(value: Json, wanted: TensorRef | null): Json {
  const ref = refOf(value);
  if (ref !== null) return wanted === null || isSame(ref, wanted) ? value : null;
  const members = isList(value) ? value : Object.values(objectOf(value));
  for (const each of members) {
    const found = findRef(each, wanted);
    if (found !== null) return found;
  }
  return null;
}

function isSame(a: TensorRef, b: TensorRef): boolean {
  return a.layer === b.layer && a.call === b.call && a.tensor === b.tensor;
}
