import type { Graph, NodeProto } from '../../model/graph.js';
import { inputOf, outputOf } from '../operands.js';

/** Operators that never make the larger of two numbers the smaller, whatever their other inputs are. */
const increasing: ReadonlySet<string> = new Set(['Relu', 'Clip']);

/**
 * Pools before an activation instead of after it, where the MaxPool alone reads it: a function that keeps the order of
 * numbers changes places with their maximum, max f(x) = f(max x). The activation, its mask in the backward pass, and FReLU's
 * offset then work on the pooled values, a quarter of them for windows of 2 x 2.
 *
 * Requires: the canonical op set, where bounds of Clip are single numbers. Ensures: the same function, and the same gradient but
 * for which of several equal values below a floor has none. Returns how many changed places.
 */
export function poolBeforeActivation(graph: Graph): number {
  const pools = graph.nodes.filter((node) => activationBefore(graph, node) !== undefined);
  for (const pool of pools) {
    const activation = activationBefore(graph, pool);
    if (activation !== undefined) swap(graph, activation, pool);
  }
  return pools.length;
}

function activationBefore(graph: Graph, pool: NodeProto): NodeProto | undefined {
  if (pool.domain !== '' || pool.opType !== 'MaxPool' || pool.output.length > 1) return undefined;
  const value = inputOf(pool, 0);
  const activation = graph.producer(value);
  if (activation === undefined || activation.domain !== '' || !increasing.has(activation.opType)) return undefined;
  return graph.uses(value).length === 1 && !graph.isOutput(value) ? activation : undefined;
}

/** x -> activation -> pool -> y becomes x -> pool -> activation -> y, where the pool stood. */
function swap(graph: Graph, activation: NodeProto, pool: NodeProto): void {
  const [x, y] = [inputOf(activation, 0), outputOf(pool)];
  const pooled = graph.freshName(`${y}/pooled`);
  const next = graph.nodes[graph.nodes.indexOf(pool) + 1];
  graph.remove(activation);
  graph.remove(pool);
  pool.input[0] = x;
  pool.output[0] = pooled;
  activation.input[0] = pooled;
  activation.output[0] = y;
  graph.insert([pool, activation], next);
}
