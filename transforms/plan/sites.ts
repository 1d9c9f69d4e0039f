import { present } from '../../src/contract/present.js';
import { elementTypesOf } from '../../src/model/element-types.js';
import { describeNode, inputName, type NodeProto, nodeId, outputName } from '../../src/model/graph.js';
import type { Scope } from '../../src/model/scopes.js';
import type { SiteMark } from '../rewrite/mark.js';
import { type Activation, findActivations } from './activations.js';
import { findHiddenRelus } from './hidden-relus.js';
import { whyNotASite } from './lookalikes.js';

/** A ReLU of the model; `skip` says why it stays as it is, null where it can migrate. */
export interface FoundSite extends Activation {
  /** the node's name, or its first output's where it has none or shares it */
  readonly id: string;
  readonly op: string;
  readonly skip: string | null;
}

/**
 * Every ReLU and ReLU6 of a scope (the main graph, a body, a local function), in the order of its nodes. What cannot migrate is
 * among them, with its reason.
 * @param marked what the model's file says is FReLU already
 */
export function findSites(scope: Scope, marked: readonly SiteMark[]): FoundSite[] {
  const { graph } = scope;
  const constant = (value: string) => graph.constant(value);
  const names = uniqueIds(scope.path);
  const migrated = migratedSites(scope, marked, names);
  const known = new Set(migrated.map(({ output }) => output));
  const activations = findActivations(graph, constant).filter(({ output, nodes }) => {
    return !known.has(output) && !nodes.some((node) => known.has(outputName(node)) || takesAttributes(node));
  });
  const types = elementTypesOf(graph);
  const own = activations.map((activation) =>
    foundSite(activation, names, whyNotASite(graph, types, activation, activations)),
  );
  const hidden = findHiddenRelus(graph, constant).map(({ activation, reason }) => foundSite(activation, names, reason));
  const places = new Map(graph.nodes.map((node, at) => [node, at]));
  const order = ({ named: node }: FoundSite) => present(places.get(node), `the place of ${describeNode(node)}`);
  return [...migrated, ...own, ...hidden].sort((a, b) => order(a) - order(b));
}

function foundSite(activation: Activation, names: (activation: Activation) => string, skip: string | null): FoundSite {
  return { ...activation, id: names(activation), op: activation.named.opType, skip };
}

/**
 * Gives each site its node's name the first time it occurs, and its first output's name after that; behind the path of its scope,
 * where it is not the main graph.
 */
function uniqueIds(path: string): (activation: Activation) => string {
  const taken = new Set<string>();
  return ({ named: node }) => {
    const free = [nodeId(node), ...node.output].find((name) => name !== '' && !taken.has(name));
    let id = free ?? nodeId(node);
    for (let i = 1; taken.has(id); i++) id = `${nodeId(node)}#${i}`;
    taken.add(id);
    return path === '' ? id : `${path}/${id}`;
  };
}

/** Sites that the file's own mark says are FReLU already; they may not look like a ReLU any more. */
function migratedSites(
  { path, graph }: Scope,
  marked: readonly SiteMark[],
  names: (activation: Activation) => string,
): FoundSite[] {
  const prefix = path === '' ? '' : `${path}/`;
  const marks = new Map(marked.map((mark) => [mark.id, mark]));
  return graph.nodes.flatMap((node) => {
    const [output] = node.output;
    const mark =
      marks.get(`${prefix}${node.name}`) ?? (output === undefined ? undefined : marks.get(`${prefix}${output}`));
    if (mark === undefined) return [];
    marks.delete(mark.id);
    const [input, written] = [inputName(node, 0), outputName(node)];
    const activation: Activation = {
      kind: mark.kind,
      nodes: [node],
      named: node,
      input,
      output: written,
      cap: null,
      doubt: null,
    };
    return [{ ...foundSite(activation, names, `already FReLU (${mark.form})`), id: mark.id }];
  });
}

/** Whether a node of a function has attributes of the call: what they are differs from call to call. */
export function takesAttributes(node: NodeProto): boolean {
  return node.attribute.some(({ refAttrName }) => refAttrName !== '');
}
