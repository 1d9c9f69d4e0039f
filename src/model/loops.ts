import { subgraphsOf } from './attributes.js';
import { type Graph, type GraphProto, inputName, type NodeProto, optionalInput } from './graph.js';
import { readIntegers, type TensorProto } from './tensor.js';

/**
 * How many rounds a Loop makes, where that is the same in every run: its trip count is a constant, and its condition is true
 * before the first round and stays so. Null where only a run tells.
 */
export function fixedRounds(graph: Graph, node: NodeProto): number | null {
  const [body] = subgraphsOf(node);
  const [rounds, condition] = [optionalInput(node, 0), optionalInput(node, 1)];
  const trips = rounds === null ? undefined : graph.constant(rounds);
  if (body === undefined || trips === undefined) return null;
  if (condition !== null && !isTrue(graph.constant(condition))) return null;
  return staysTrue(graph, body) ? Math.max(0, readIntegers(trips)[0] ?? 0) : null;
}

/**
 * Whether a Loop makes as many rounds as the values that it reads say, whatever their shapes are: its condition is computed
 * anew in every round, or it has no trip count.
 */
export function onlyARunTells(graph: Graph, node: NodeProto): boolean {
  const [body] = subgraphsOf(node);
  return node.opType === 'Loop' && (optionalInput(node, 0) === null || body === undefined || !staysTrue(graph, body));
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
