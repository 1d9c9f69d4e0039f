import { present } from '../../contract/present.js';
import { type Graph, inputName, type NodeProto, optionalInput, outputName } from '../graph.js';
import type { MigrationPlan } from '../plan.js';
import { dimsOf, readFloats, type TensorProto } from '../tensor.js';
import type { Json, JsonObject } from '../tfjs/json.js';
import { changedWeights, type NewWeight, type WrittenTfjs, withNote, writeTfjs } from '../tfjs/write.js';
import type { Slot } from './context.js';
import { type Insertion, insertLayers, setValue } from './edit.js';
import { namesByNumber } from './limits.js';
import type { TfjsLayersModel } from './model.js';

/**
 * The files of a migrated LayersModel, for stock TensorFlow.js. Weights come from `baked`; a bias, beta or gamma that a layer
 * did without appears where it is no longer neutral (`use_bias`, `center`, `scale` become true). An explicit site gets a
 * Rescaling layer with its offset behind it, as does what padding 'floor' takes before a padded layer and gives back behind it.
 * @param baked the graph of the migrated model (`bakeParameters`), made from `model.graph` by `plan`
 */
export function patchTfjsLayers(model: TfjsLayersModel, plan: MigrationPlan, baked: Graph): WrittenTfjs {
  const { tfjs } = model;
  const changed = changedWeights(tfjs, model.origins, baked);
  const added = new Map<string, NewWeight>();
  let json: JsonObject = tfjs.json;
  for (const slot of model.slots) {
    const tensor = constantAt(baked, slot);
    if (tensor === undefined || isUnchanged(model, slot, tensor)) continue;
    const { layer, holds } = slot;
    if (holds.kind === 'config') {
      json = setValue(json, [...layer.path, 'config', holds.field], numbersOf(tensor, holds.channelsLast));
      continue;
    }
    const values = readFloats(tensor);
    if (holds.isPresent) {
      changed.set(holds.weight, values);
      continue;
    }
    if (values.every((value) => value === holds.neutral)) continue;
    const name = namesByNumber(tfjs) ? holds.weight.replace(/[^/]*$/, '1') : holds.weight;
    added.set(name, { name, shape: holds.shape, values });
    if (holds.flag !== null) json = setValue(json, [...layer.path, 'config', holds.flag], true);
  }
  json = insertLayers(json, insertions(model, plan, baked));
  return writeTfjs(tfjs, withNote(json, baked), { changed, added: [...added.values()] });
}

/** The constant that a slot's node reads in the baked graph; undefined where it reads none. */
function constantAt(baked: Graph, { node, input }: Slot): TensorProto | undefined {
  const name = nodeLike(baked, node)?.input[input];
  return name ? baked.constant(name) : undefined;
}

/** The node of the baked graph that was `node`; the value that it computes may have another name now. */
function nodeLike(baked: Graph, node: NodeProto): NodeProto | undefined {
  const same = baked.producer(outputName(node));
  return same?.name === node.name ? same : baked.nodes.find(({ name }) => name === node.name);
}

/** Whether the node reads what it read before: the initializer itself is compared with the files elsewhere. */
function isUnchanged(model: TfjsLayersModel, { node, input }: Slot, tensor: TensorProto): boolean {
  const before = optionalInput(node, input);
  if (before === null) return false;
  if (model.origins.has(before)) return tensor.name === before;
  const standing = model.graph.constant(before);
  if (standing === undefined) return false;
  const values = readFloats(tensor);
  const old = readFloats(standing);
  return values.length === old.length && values.every((value, i) => Object.is(value, old[i]));
}

/** A constant as TensorFlow.js broadcasts it: a number, one per channel at the last axis, or lists of lists. */
function numbersOf(tensor: TensorProto, channelsLast: boolean): Json {
  const values = [...readFloats(tensor)];
  const dims = dimsOf(tensor);
  const [first = 0] = values;
  if (values.every((value) => value === first)) return first;
  if (channelsLast) return values;
  return dims.slice(1).reduceRight<Json[]>((lists, size) => chunks(lists, size), values);
}

function chunks(list: readonly Json[], size: number): Json[] {
  return Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** The additions that the rewrite put behind and before layers, in the order in which they apply. */
function insertions(model: TfjsLayersModel, plan: MigrationPlan, baked: Graph): Insertion[] {
  const sites = plan.sites.filter(({ status }) => status === 'migrate');
  const behind = new Set(sites.flatMap(({ form, output }) => (form === 'explicit' ? [output] : [])));
  const readers = new Set(sites.flatMap(({ recentre }) => recentre.map(({ node }) => node)));
  const found: Insertion[] = [];
  for (const value of [...behind, ...readers]) {
    const call = model.calls.get(value);
    if (call === undefined) throw new Error(`no layer of the model computes '${value}'`);
    const { data_format: format } = call.layer.config;
    const channelsLast = model.activations.get(value)?.channelsLast ?? format !== 'channels_first';
    const insert = (place: Insertion['place'], constants: readonly TensorProto[]) => {
      for (const tensor of constants) found.push({ place, call, offset: numbersOf(tensor, channelsLast) });
    };
    const after = additionsTo(model, baked, value);
    insert('behind', after.constants);
    if (!readers.has(value)) continue;
    const reader = present(baked.producer(after.value), `what computes '${after.value}'`);
    const read = inputName(reader, 0);
    if (model.graph.producer(read) === undefined) insert('before', additionsTo(model, baked, read).constants);
  }
  return found;
}

/**
 * The constants that the rewrite adds on the way to `value`, the first one first, and the value that it starts from: one that
 * the original graph has too, but for `value` itself.
 */
function additionsTo(
  model: TfjsLayersModel,
  baked: Graph,
  value: string,
): { readonly value: string; readonly constants: readonly TensorProto[] } {
  const node = baked.producer(value);
  const isNew = node?.opType === 'Add' && model.graph.nodes.every(({ name }) => name !== node.name);
  const constant = isNew ? baked.initializer(inputName(node, 1)) : undefined;
  if (!isNew || constant === undefined) return { value, constants: [] };
  const input = inputName(node, 0);
  const isOriginal = model.graph.producer(input) !== undefined;
  const rest = isOriginal ? { value: input, constants: [] } : additionsTo(model, baked, input);
  return { value: rest.value, constants: [...rest.constants, constant] };
}
