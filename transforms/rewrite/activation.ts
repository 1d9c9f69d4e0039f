import { intAttribute } from '../../src/model/attributes.js';
import { nodesBetween } from '../../src/model/between.js';
import { constantOf } from '../../src/model/constants.js';
import type { Graph, NodeProto } from '../../src/model/graph.js';
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

function findElementType(graph: Graph, value: string, seen: Set<string>): number | undefined {
  if (seen.has(value)) return undefined;
  seen.add(value);
  if (graph.outer !== null && graph.comesFromOutside(value)) return findElementType(graph.outer, value, seen);
  const input = graph.proto.input.find(({ name }) => name === value)?.type?.value;
  if (input?.case === 'tensorType' && isFloat(input.value.elemType)) return input.value.elemType;
  const node = graph.producer(value);
  if (node?.opType === 'Cast') return intAttribute(node, 'to', DataType.FLOAT);
  const parameters = node?.input.map((each) => constantOf(graph, each)?.dataType) ?? [];
  return parameters.find(isFloat) ?? firstOf(node?.input ?? [], (each) => findElementType(graph, each, seen));
}

function firstOf<From, To>(from: readonly From[], find: (each: From) => To | undefined): To | undefined {
  for (const each of from) {
    const found = find(each);
    if (found !== undefined) return found;
  }
  return undefined;
}
