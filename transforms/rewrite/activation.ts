import type { GraphProto } from 'onnx-buf';
import { intAttribute, subgraphsOf } from '../../src/model/attributes.js';
import { nodesBetween } from '../../src/model/between.js';
import { constantOf } from '../../src/model/constants.js';
import { bodyGraph, type Graph, type NodeProto, type ValueInfoProto } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';
import { DataType, isFloat } from '../../src/model/tensor.js';
import type { Rewrite } from './rewrite.js';

/** The nodes that compute a site from its input, in the order of the graph: one, or a row such as a floor at 0 and a cap at 6. */
export function activationNodes(
  { graph, node }: Pick<Rewrite<unknown>, 'graph' | 'node'>,
  site: Pick<Site, 'id' | 'input' | 'output'>,
): readonly [NodeProto, ...NodeProto[]] {
  const nodes = nodesBetween(graph, site.input, node(site.output));
  const [first, ...others] = nodes;
  if (first === undefined) {
    throw new Error(`the plan is not of this graph: nothing at '${site.id}' reads '${site.input}'`);
  }
  return [first, ...others];
}

/** Puts `steps` where an activation stood; the last of them computes the site's value and bears its id. */
export function replaceActivation(
  graph: Graph,
  site: Site,
  activation: readonly NodeProto[],
  steps: readonly NodeProto[],
): void {
  const [anchor] = activation;
  const last = steps.at(-1);
  if (last === undefined) return;
  last.name = site.id;
  last.output[0] = site.output;
  const before = graph.nodes[graph.nodes.indexOf(activation.at(-1) ?? last) + 1];
  for (const node of activation) graph.remove(node);
  graph.insert(steps, before);
  if (anchor?.docString) last.docString = anchor.docString;
}

/** The floating-point element type of a value: that of the first parameter or input found on the way back from it. */
export function elementTypeOf(graph: Graph, value: string, seen = new Set<string>()): number {
  return findElementType(graph, value, seen) ?? DataType.FLOAT;
}

/** The inputs that an operator's result has its type from, where others may be of another: conditions, scales, ratios, what is only looked at. */
const typedBy: ReadonlyMap<string, readonly number[]> = new Map<string, readonly number[]>([
  ['Where', [1, 2]],
  ['CastLike', [1]],
  ['OneHot', [2]],
  ...['BatchNormalization', 'Dropout', 'Resize', 'Upsample'].map((opType): [string, readonly number[]] => [
    opType,
    [0],
  ]),
]);

function findElementType(graph: Graph, value: string, seen: Set<string>): number | undefined {
  if (seen.has(value)) return undefined;
  seen.add(value);
  if (graph.outer !== null && graph.comesFromOutside(value)) return findElementType(graph.outer, value, seen);
  const input = declaredType(graph.proto.input.find(({ name }) => name === value));
  if (input !== undefined) return input;
  const node = graph.producer(value);
  if (node === undefined) return undefined;
  if (node.opType === 'Cast') {
    const to = intAttribute(node, 'to', DataType.FLOAT);
    return isFloat(to) ? to : undefined;
  }
  const bodies = subgraphsOf(node);
  if (bodies.length > 0) return typeFromBodies(graph, node, value, bodies);
  const chosen = typedBy.get(node.opType);
  const parameters = node.input.map((each) => constantOf(graph, each)?.dataType);
  const walk = (each: string) => findElementType(graph, each, seen);
  if (chosen === undefined) return parameters.find(isFloatType) ?? firstOf(node.input, walk);
  const read = chosen.map((at) => node.input[at] ?? '');
  const own = chosen.map((at) => parameters[at]).find(isFloatType);
  return own ?? firstOf(read, walk) ?? parameters.find(isFloatType);
}

/** What an If, a Loop or a Scan gives has the type of what its bodies end in; what else it reads, such as the condition, says nothing. */
function typeFromBodies(
  graph: Graph,
  node: NodeProto,
  value: string,
  bodies: readonly GraphProto[],
): number | undefined {
  // a Loop's body gives the condition first
  const at = node.output.indexOf(value) + (node.opType === 'Loop' ? 1 : 0);
  return firstOf(bodies, (body) => {
    const output = body.output[at];
    if (output === undefined) return undefined;
    // its values may have the names of those of another body
    return declaredType(output) ?? findElementType(bodyGraph(graph, body), output.name, new Set());
  });
}

function declaredType(info: ValueInfoProto | undefined): number | undefined {
  const type = info?.type?.value;
  return type?.case === 'tensorType' && isFloat(type.value.elemType) ? type.value.elemType : undefined;
}

const isFloatType = (type: number | undefined): type is number => type !== undefined && isFloat(type);

function firstOf<From, To>(from: readonly From[], find: (each: From) => To | undefined): To | undefined {
  for (const each of from) {
    const found = find(each);
    if (found !== undefined) return found;
  }
  return undefined;
}
