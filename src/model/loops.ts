import { subgraphsOf } from './attributes.js';
import { type Graph, type GraphProto, inputName, type NodeProto, optionalInput } from './graph.js';
import { readIntegers, type TensorProto } from './tensor.js';

/**
 * How many rounds a Loop makes, where that is the same in every run: its trip count is a constant, and its condition is true
 * before the first round and stays so. Null where only a run tells.
 */
export function fixedRounds(graph: Graph, node: NodeProto): number | null {
  const rounds = leastRounds(graph, node);
  return rounds === Number.POSITIVE_INFINITY ? null : rounds;
}

/** `fixedRounds`, but infinity for a Loop that nothing ever ends. */
export function leastRounds(graph: Graph, node: NodeProto): number | null {
  const [body] = subgraphsOf(node);
  const [rounds, condition] = [optionalInput(node, 0), optionalInput(node, 1)];
  const trips = rounds === null ? undefined : graph.constant(rounds);
  if (body === undefined || (rounds !== null && trips === undefined)) return null;
  if (condition !== null && !isTrue(graph.constant(condition))) return null;
  if (!staysTrue(graph, body)) return null;
  return trips === undefined ? Number.POSITIVE_INFINITY : Math.max(0, readIntegers(trips)[0] ?? 0);
}

/** Whether a body's condition is a constant, or what it is given. */
function staysTrue(graph: Graph, body: GraphProto): boolean {
  const given = body.input[1]?.name;
  let value = body.output[0]?.name ?? '';
  for (;;) {
    if (value === given) return true;
    const own = body.initializer.find(({ name }) => name === value);
    if (own !== undefined) return isTrue(own);
    const producer = body.node.find(({ output }) => output.includes(value));
    if (producer === undefined) return isTrue(graph.constant(value));
    if (producer.opType === 'Constant') return isTrue(producer.attribute[0]?.t);
    if (producer.opType !== 'Identity' && producer.opType !== 'Cast') return false;
    value = inputName(producer, 0);
  }
}

function isTrue(tensor: TensorProto | undefined): boolean {
  return tensor !== undefined && (readIntegers(tensor)[0] ?? 0) !== 0;
}
