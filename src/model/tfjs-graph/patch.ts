import { present } from '../../contract/present.js';
import { nodesBetween } from '../between.js';
import { type Graph, inputName, type NodeProto, optionalInput, outputName } from '../graph.js';
import type { MigrationPlan, Site } from '../plan.js';
import { dimsOf, elementCount, readFloats, type TensorProto } from '../tensor.js';
import { isObject, type JsonObject, listOf, objectOf, textOf } from '../tfjs/json.js';
import { restore } from '../tfjs/origin.js';
import { changedWeights, type WrittenTfjs, withNote, writeTfjs } from '../tfjs/write.js';
import { encodeStrings, floatNode, GraphEdit } from './edit.js';
import { stringsAttribute } from './graph-def.js';
import { type TfjsGraphModel, useKey } from './model.js';

/**
 * The files of a migrated GraphModel, for stock TensorFlow.js. Weights come from `baked`; nodes change as the plan says:
 * a fused site becomes Maximum(x, b), or ClipByValue(x, b, b + 6) for ReLU6; an explicit one gets AddV2 behind it; a folded one
 * stays. Whatever is put in the place of a node takes that node's name, so that readers, the signature and callers who ask
 * for a node by name get the new value.
 * @param baked the graph of the migrated model (`bakeParameters`), made from `model.graph` by `plan`
 */
export function patchTfjsGraph(model: TfjsGraphModel, plan: MigrationPlan, baked: Graph): WrittenTfjs {
  const { tfjs, origins } = model;
  const edit = new GraphEdit(tfjs.json, tfjs.weights.keys());
  const patch: Patch = { model, baked, edit, byName: new Map(baked.nodes.map((node) => [node.name, node])) };
  const sites = plan.sites.filter(({ status }) => status === 'migrate');
  recentre(patch, sites);
  const replaced = new Set(sites.flatMap((site) => (site.form === 'fused' ? activationOf(model, site) : [])));
  for (const node of model.graph.nodes) if (!replaced.has(node)) patchConstants(patch, node);
  const changed = changedWeights(tfjs, origins, baked);
  for (const [name, { weight }] of origins) {
    const values = changed.get(weight);
    if (values === undefined || !isParameterToo(model, name, weight)) continue;
    changed.delete(weight);
    giveOwn(patch, name, values);
  }
  const ids = new Map<string, string>();
  for (const site of sites) {
    if (site.form === 'fused') ids.set(site.id, fuse(patch, site));
    if (site.form === 'explicit') ids.set(site.id, addOffset(patch, site));
  }
  const json = withSiteIds(withNote(edit.finish(), baked), ids);
  return writeTfjs(tfjs, json, { changed, added: edit.added });
}

interface Patch {
  readonly model: TfjsGraphModel;
  readonly baked: Graph;
  readonly edit: GraphEdit;
  /** the nodes of `baked` */
  readonly byName: ReadonlyMap<string, NodeProto>;
}

/** Constants that a node reads instead of those it read: a copy of a shared weight, or a bias that it did not have. */
function patchConstants({ model, baked, edit, byName }: Patch, node: NodeProto): void {
  const after = byName.get(node.name);
  if (after === undefined || after.opType !== node.opType) return;
  for (const [input, name] of after.input.entries()) {
    const before = optionalInput(node, input);
    const tensor = baked.initializer(name);
    if (name === before || tensor === undefined) continue;
    const use = model.weightUses.get(useKey(node, input));
    if (before === null || use === undefined) {
      if (before === null) addBias(edit, sourceOf(model, node), tensor);
      else throw new Error(`'${before}' of '${node.name}' is not a weight that can be replaced`);
      continue;
    }
    const { shape, values } = inOwnOrder(model, before, tensor, use.shape);
    const constant = edit.addConstant(`${use.node}/frelu_constant`, shape, values, use.node);
    edit.setInput(use.node, use.input, constant);
  }
}

/** Whether a weight is also read where it is no initializer of the graph: as a bound, an axis, by a node that no output needs. */
function isParameterToo({ definition, graph }: TfjsGraphModel, initializer: string, weight: string): boolean {
  const uses = graph.uses(initializer);
  // a loop reads it too, in nodes that cannot get another: whoever reads it besides gets the new value as they do
  if (uses.some(({ input }) => input < 0)) return false;
  const readers = (name: string): number =>
    [...definition.nodes.values()].reduce((count, { name: reader, op, inputs }) => {
      const reads = inputs.filter(({ node }) => node === name).length;
      return count + (op === 'Identity' && reads > 0 ? readers(reader) : reads);
    }, 0);
  return readers(weight) > uses.length;
}

/** Gives every reader of an initializer a changed constant, and leaves the weight that it was as it is. */
function giveOwn({ model, edit }: Patch, initializer: string, values: Float32Array): void {
  for (const { node, input } of model.graph.uses(initializer)) {
    const use = model.weightUses.get(useKey(node, input));
    if (use === undefined) throw new Error(`'${initializer}' cannot be replaced`);
    const constant = edit.addConstant(`${use.node}/frelu_constant`, use.shape, values, use.node);
    edit.setInput(use.node, use.input, constant);
  }
}

/** A constant in tf.js's axis order. Where it kept its shape, the way that the weight came is gone back. */
function inOwnOrder(
  { origins, tfjs, graph }: TfjsGraphModel,
  before: string,
  tensor: TensorProto,
  shape: readonly number[],
): { readonly shape: readonly number[]; readonly values: Float32Array } {
  const origin = origins.get(before);
  const weight = origin && tfjs.weights.get(origin.weight);
  const stood = graph.initializer(before);
  const keepsShape = stood !== undefined && dimsOf(stood).join() === dimsOf(tensor).join();
  if (origin === undefined || weight === undefined || !keepsShape) return perChannel(tensor);
  return { shape, values: restore(readFloats(tensor), weight.shape, origin.steps) };
}

/** One number, or one per channel: channels are tf.js's last axis, so that a vector of them broadcasts. */
function perChannel(tensor: TensorProto): { readonly shape: readonly number[]; readonly values: Float32Array } {
  const dims = dimsOf(tensor);
  return { shape: dims.length === 0 ? [] : [elementCount(dims)], values: readFloats(tensor) };
}

/** A fused operator takes the bias itself; another one gets a BiasAdd behind it, which takes its name. */
function addBias(edit: GraphEdit, name: string, tensor: TensorProto): void {
  const { shape, values } = perChannel(tensor);
  const node = edit.node(name);
  const bias = edit.addConstant(`${name}/frelu_bias`, shape, values, name);
  if (isFused(node)) {
    const attributes = objectOf(node.attr);
    // [NoOp, activation]: PReLU's slope comes behind the bias
    const [, ...activation] = stringsAttribute({ name, op: '', inputs: [], attributes }, 'fused_ops');
    const input = listOf(node.input).toSpliced(2, 0, bias);
    const fused = { num_args: { i: String(input.length - 2) }, fused_ops: encodeStrings(['BiasAdd', ...activation]) };
    edit.replace(name, [{ ...node, input, attr: { ...attributes, ...fused } }]);
    return;
  }
  const inner = edit.renamed(name, 'frelu_unbiased');
  edit.replace(name, [inner, floatNode('BiasAdd', name, [inner.name, bias])]);
}

/** Padded readers whose zeros stand for offsets: what is taken from their input, and put back onto the output of some. */
function recentre({ model, baked, edit }: Patch, sites: readonly Site[]): void {
  const all = sites.flatMap((site) => site.recentre);
  for (const value of new Set(all.map(({ node }) => node))) {
    const reader = model.graph.producer(value);
    if (reader === undefined) throw new Error(`the plan is not of this graph: nothing in it computes '${value}'`);
    const source = sourceOfValue(model, value);
    const raised = additionsBehind(model, baked, value);
    const computed = present(baked.producer(raised.input), `what computes '${raised.input}'`);
    const slot = model.dataInputs.get(value) ?? { node: source, input: 0 };
    for (const tensor of additionsBehind(model, baked, inputName(computed, 0), inputName(reader, 0)).constants) {
      const before = present(edit.inputs(slot.node)[slot.input], `input ${slot.input} of '${slot.node}'`);
      const { shape, values } = perChannel(tensor);
      const constant = edit.addConstant(`${slot.node}/frelu_lower`, shape, values, slot.node);
      const sum = edit.freshName(`${slot.node}/frelu_lowered`);
      edit.replace(slot.node, [floatNode('AddV2', sum, [before, constant]), edit.node(slot.node)]);
      edit.setInput(slot.node, slot.input, sum);
    }
    for (const tensor of raised.constants) appendSum(edit, source, tensor, 'unraised');
  }
}

/** The constants that the rewrite adds on the way from `start` to `value`, the first one first, and the value before them. */
function additionsBehind(
  model: TfjsGraphModel,
  baked: Graph,
  value: string,
  start?: string,
): { readonly input: string; readonly constants: readonly TensorProto[] } {
  const step = value === start ? null : newAddition(model, baked, value);
  if (step === null) return { input: value, constants: [] };
  const { input, constants } = additionsBehind(model, baked, step.input, start);
  return { input, constants: [...constants, step.constant] };
}

/** The Add that computes a value, where the rewrite put it into the graph. */
function newAddition(
  model: TfjsGraphModel,
  baked: Graph,
  value: string,
): { readonly input: string; readonly constant: TensorProto } | null {
  const node = baked.producer(value);
  if (node?.opType !== 'Add' || model.graph.nodes.some(({ name }) => name === node.name)) return null;
  const constant = baked.initializer(inputName(node, 1));
  return constant === undefined ? null : { input: inputName(node, 0), constant };
}

/** x + constant in the place of the node that computes x; returns the name under which that stands now. */
function appendSum(edit: GraphEdit, name: string, tensor: TensorProto, what: string): string {
  const { shape, values } = perChannel(tensor);
  const constant = edit.addConstant(`${name}/frelu_offset`, shape, values, name);
  const inner = edit.renamed(name, `frelu_${what}`);
  edit.replace(name, [inner, floatNode('AddV2', name, [inner.name, constant])]);
  return inner.name;
}

/** The explicit form: ReLU, then + b. Returns the name of the node that computes the ReLU now. */
function addOffset({ model, baked, edit }: Patch, site: Site): string {
  const step = newAddition(model, baked, site.output);
  if (step === null) throw new Error(`the baked graph adds no offset at '${site.id}'`);
  const last = sourceOfValue(model, site.output);
  const inner = appendSum(edit, last, step.constant, 'rectified');
  const [first] = sourcesOf(model, site);
  return first === last ? inner : first;
}

/** The fused form: max(x, b), for ReLU6 min(max(x, b), b + 6). Returns the name of the node that computes it. */
function fuse({ model, baked, edit }: Patch, site: Site): string {
  const name = sourceOfValue(model, site.output);
  const bounds = fusedBounds(baked, site).map(perChannel);
  const [first, ...others] = sourcesOf(model, site);
  const before = [first, ...others].flatMap((each) => edit.inputs(each));
  const inner = withoutActivation(edit, first, first === name);
  const x = inner?.name ?? edit.operand(first);
  const [lowest, cap] = bounds.map(({ shape, values }, i) =>
    edit.addConstant(`${name}/frelu_${i === 0 ? 'floor' : 'cap'}`, shape, values, name),
  );
  const floor = present(lowest, `the floor of '${site.id}'`);
  const isVector = bounds.some(({ shape }) => shape.length > 0);
  const steps: JsonObject[] = inner !== null && first === name ? [inner] : [];
  if (cap === undefined) steps.push(floatNode('Maximum', name, [x, floor]));
  else if (!isVector) steps.push(floatNode('ClipByValue', name, [x, floor, cap]));
  else {
    const max = edit.freshName(`${name}/frelu_max`);
    steps.push(floatNode('Maximum', max, [x, floor]), floatNode('Minimum', name, [max, cap]));
  }
  edit.replace(name, steps);
  const between = [first, ...others].filter((each) => each !== name && !(each === first && inner !== null));
  for (const each of between.reverse()) edit.dropNode(each);
  for (const endpoint of before) edit.dropUnread(endpoint);
  return name;
}

/** A fused operator that keeps its bias and loses its activation: under a new name where another node takes its place. */
function withoutActivation(
  edit: GraphEdit,
  name: string,
  isReplaced: boolean,
): (JsonObject & { readonly name: string }) | null {
  const node = edit.node(name);
  if (!isFused(node)) return null;
  const attributes = objectOf(node.attr);
  const kept = stringsAttribute({ name, op: '', inputs: [], attributes }, 'fused_ops').slice(0, 1);
  const renamed = isReplaced ? edit.renamed(name, 'frelu_linear') : { ...node, name };
  const inner = { ...renamed, attr: { ...attributes, fused_ops: encodeStrings(kept) } };
  if (!isReplaced) edit.replace(name, [inner]);
  return inner;
}

function isFused(node: JsonObject): boolean {
  return /fused(conv|matmul|depthwise)/i.test(present(textOf(node.op), 'the operator of a node'));
}

/** The limits that the baked graph has at a site: the floor, and for ReLU6 the cap. */
function fusedBounds(baked: Graph, site: Site): TensorProto[] {
  const last = baked.producer(site.output);
  const inner = last?.opType === 'Min' ? baked.producer(inputName(last, 0)) : undefined;
  const names = [...(inner?.input.slice(1) ?? []), ...(last?.input.slice(1) ?? [])];
  const bounds = names.flatMap((name) => baked.initializer(name) ?? []);
  const wanted = site.kind === 'relu6' ? 2 : 1;
  if (bounds.length !== wanted) throw new Error(`the baked graph has no max(x, b) at '${site.id}'`);
  return bounds;
}

/** The nodes that compute a site, in the order of the graph: one, or a row such as a ReLU and a Minimum 6. */
function activationOf({ graph }: TfjsGraphModel, site: Site): NodeProto[] {
  const last = present(graph.producer(site.output), `what computes '${site.output}'`);
  const nodes = nodesBetween(graph, site.input, last);
  return nodes.length === 0 ? [last] : nodes;
}

/** The GraphDef nodes of an activation, each once, in the order of the graph. */
function sourcesOf(model: TfjsGraphModel, site: Site): readonly [string, ...string[]] {
  const [first, ...others] = new Set(activationOf(model, site).map((node) => sourceOf(model, node)));
  return [present(first, `the activation of '${site.id}'`), ...others];
}

function sourceOf(model: TfjsGraphModel, node: NodeProto): string {
  return sourceOfValue(model, outputName(node));
}

function sourceOfValue({ sources, path }: TfjsGraphModel, value: string): string {
  const source = sources.get(value);
  if (source === undefined) throw new Error(`${path}: no node of the GraphModel computes '${value}'`);
  return source;
}

/** The note of the rewrite names each site by the node that a later reading will find as its activation. */
function withSiteIds(json: JsonObject, ids: ReadonlyMap<string, string>): JsonObject {
  const metadata = objectOf(json.userDefinedMetadata);
  const note = metadata['frelu-migrate'];
  if (!isObject(note)) return json;
  const sites = listOf(note.sites).map((site) => {
    const id = ids.get(present(textOf(objectOf(site).id), 'the id of a site in the note'));
    return id === undefined ? site : { ...objectOf(site), id };
  });
  return { ...json, userDefinedMetadata: { ...metadata, 'frelu-migrate': { ...note, sites } } };
}
