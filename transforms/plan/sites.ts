import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema } from 'onnx-buf';
import { present } from '../../src/contract/present.js';
import { subgraphsOf } from '../../src/model/attributes.js';
import { elementTypesOf } from '../../src/model/element-types.js';
import { describeNode, Graph, type GraphProto, inputName, nodeId, outputName } from '../../src/model/graph.js';
import { readMark } from '../rewrite/mark.js';
import { type Activation, type ConstantLookup, findActivations } from './activations.js';
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
 * Every ReLU and ReLU6 of a model: those of the main graph in the order of its nodes, then those inside bodies (If, Loop,
 * Scan) and local functions. What cannot migrate is among them, with its reason.
 */
export function findSites(graph: Graph): FoundSite[] {
  const constant = (value: string) => graph.constant(value);
  const names = uniqueIds();
  const migrated = migratedSites(graph, names);
  const known = new Set(migrated.map(({ output }) => output));
  const activations = findActivations(graph, constant).filter(({ output, nodes }) => {
    return !known.has(output) && !nodes.some((node) => known.has(outputName(node)));
  });
  const types = elementTypesOf(graph);
  const own = activations.map((activation) =>
    foundSite(activation, names, whyNotASite(graph, types, activation, activations)),
  );
  const hidden = findHiddenRelus(graph, constant).map(({ activation, reason }) => foundSite(activation, names, reason));
  const places = new Map(graph.nodes.map((node, at) => [node, at]));
  const order = ({ named: node }: FoundSite) => present(places.get(node), `the place of ${describeNode(node)}`);
  const main = [...migrated, ...own, ...hidden].sort((a, b) => order(a) - order(b));
  return [...main, ...sitesInBodies(graph, constant, names), ...sitesInFunctions(graph, names)];
}

function foundSite(activation: Activation, names: (activation: Activation) => string, skip: string | null): FoundSite {
  return { ...activation, id: names(activation), op: activation.named.opType, skip };
}

/** Gives each site its node's name the first time it occurs, and its first output's name after that. */
function uniqueIds(): (activation: Activation) => string {
  const taken = new Set<string>();
  return ({ named: node }) => {
    const free = [nodeId(node), ...node.output].find((name) => name !== '' && !taken.has(name));
    let id = free ?? nodeId(node);
    for (let i = 1; taken.has(id); i++) id = `${nodeId(node)}#${i}`;
    taken.add(id);
    return id;
  };
}

/** Sites that the file's own mark says are FReLU already; they may not look like a ReLU any more. */
function migratedSites(graph: Graph, names: (activation: Activation) => string): FoundSite[] {
  const marks = new Map(readMark(graph.model).map((mark) => [mark.id, mark]));
  return graph.nodes.flatMap((node) => {
    const [output] = node.output;
    const mark = marks.get(node.name) ?? (output === undefined ? undefined : marks.get(output));
    if (mark === undefined) return [];
    marks.delete(mark.id);
    const [input, written] = [inputName(node, 0), outputName(node)];
    const activation: Activation = { kind: mark.kind, nodes: [node], named: node, input, output: written, cap: null };
    return [{ ...foundSite(activation, names, `already FReLU (${mark.form})`), id: mark.id }];
  });
}

function sitesInBodies(graph: Graph, outer: ConstantLookup, names: (activation: Activation) => string): FoundSite[] {
  return graph.nodes.flatMap((node) =>
    subgraphsOf(node).flatMap((body) => {
      const inner = graphOf(body);
      const constant = (value: string) => inner.constant(value) ?? outer(value);
      const reason = `inside the body of ${node.opType} '${nodeId(node)}': bodies are not rewritten`;
      return [...listed(inner, constant, names, reason), ...sitesInBodies(inner, constant, names)];
    }),
  );
}

function sitesInFunctions(graph: Graph, names: (activation: Activation) => string): FoundSite[] {
  return graph.model.functions.flatMap((definition) => {
    const inner = graphOf(create(GraphProtoSchema, { node: definition.node }));
    const reason = `inside the local function '${definition.name}': functions are not rewritten. Inline them first`;
    const constant = (value: string) => inner.constant(value);
    return [...listed(inner, constant, names, reason), ...sitesInBodies(inner, constant, names)];
  });
}

/** What a body or a function holds, all of it for one reason left as it is. */
function listed(
  inner: Graph,
  constant: ConstantLookup,
  names: (activation: Activation) => string,
  reason: string,
): FoundSite[] {
  const hidden = findHiddenRelus(inner, constant).map(({ activation }) => activation);
  return [...findActivations(inner, constant), ...hidden].map((activation) => foundSite(activation, names, reason));
}

/** A body seen as a graph of its own, for its producers and consumers. */
function graphOf(graph: GraphProto): Graph {
  return new Graph(create(ModelProtoSchema, { graph }));
}
