import { floatAttribute } from '../../src/model/attributes.js';
import { type Graph, inputName, isStandard, type NodeProto, optionalInput, outputName } from '../../src/model/graph.js';
import {
  type ConstantLookup,
  type Interval,
  type Limit,
  type Limiter,
  limitBeside,
  ownNodes,
  unbounded,
  unlimited,
} from './limits.js';
import { reluWrittenOut } from './written-out.js';

/** The nodes that compute relu(x) or relu6(x), as an exporter wrote it. */
export interface Activation {
  readonly kind: 'relu' | 'relu6';
  /** in the order of the graph; each reads the site's input, or what one before it computes */
  readonly nodes: readonly [NodeProto, ...NodeProto[]];
  /** the one of them that the site is named after */
  readonly named: NodeProto;
  readonly input: string;
  readonly output: string;
  /** the upper bound where it is neither 6 nor infinite: what is clipped so is no ReLU */
  readonly cap: number | null;
  /** why its output may be more than its input limited; null where it is exactly that */
  readonly doubt: string | null;
}

/**
 * Every place of a graph that limits a value to [0, infinity) or [0, c], in the order of its nodes: Relu, Clip, Max, Min, the
 * LeakyRelu, Elu and ThresholdedRelu that compute the same, arithmetic that does (`reluWrittenOut`), and rows of them. A row is one place, however it is written: a
 * floor and a cap, a cap and a floor, or, as old Keras has it, a Relu, a cap and a floor again.
 */
export function findActivations(graph: Graph, constant: ConstantLookup): Activation[] {
  const found: Activation[] = [];
  const seen = new Set<NodeProto>();
  for (const node of graph.nodes) {
    const first = seen.has(node) ? undefined : limiterAt(graph, node, constant);
    const row = first && longestRow(graph, first, constant);
    if (row === undefined) continue;
    for (const each of row.nodes) seen.add(each);
    const { input, nodes, named, output, high, doubt } = row;
    const cap = high === 6 || high === Number.POSITIVE_INFINITY ? null : high;
    found.push({ kind: high === 6 ? 'relu6' : 'relu', nodes, named, input, output, cap, doubt });
  }
  return found;
}

interface Row extends Limiter {
  readonly output: string;
}

/** The most of a row of limiters, each the only reader of the one before, that limits to [0, ...]. */
function longestRow(graph: Graph, first: Limiter, constant: ConstantLookup): Row | undefined {
  let interval = clipped(unbounded, first);
  let { nodes, doubt } = first;
  let longest: Row | undefined;
  for (let next: Limiter | undefined = first; next !== undefined; ) {
    const output = outputName(next.nodes.at(-1) ?? next.nodes[0]);
    if (interval.low === 0) longest = { ...first, ...interval, nodes, output, doubt };
    next = onlyReader(graph, output, constant);
    if (next === undefined) break;
    const limited = clipped(interval, next);
    // one Relu behind another is a ReLU of its own; a floor behind a cap is what is left of a relu6
    const adds = limited.low !== interval.low || limited.high !== interval.high || Number.isFinite(interval.high);
    if (!adds) break;
    interval = limited;
    nodes = [...nodes, ...next.nodes];
    doubt ??= next.doubt;
  }
  return longest;
}

/** What is left of an interval after a limiter. */
function clipped({ low, high }: Interval, by: Interval): Interval {
  const clip = (value: number) => Math.min(Math.max(value, by.low), by.high);
  return { low: clip(low), high: clip(high) };
}

/** The limiter that alone reads a value, in as many of its nodes as it may. */
function onlyReader(graph: Graph, value: string, constant: ConstantLookup): Limiter | undefined {
  if (graph.isOutput(value)) return undefined;
  const uses = graph.uses(value);
  for (const { node, input } of uses) {
    const limiter = input < 0 ? undefined : limiterAt(graph, node, constant);
    if (limiter?.input !== value) continue;
    return uses.every((use) => use.input >= 0 && limiter.nodes.includes(use.node)) ? limiter : undefined;
  }
  return undefined;
}

/** A limit that is not constant is none of ours. */
function limiterAt(graph: Graph, node: NodeProto, constant: ConstantLookup): Limiter | undefined {
  if (!isStandard(node)) return undefined;
  const within = (input: string, interval: Partial<Interval>, limits: readonly Limit[] = []): Limiter => ({
    ...unbounded,
    ...interval,
    input,
    nodes: ownNodes(
      graph,
      limits.flatMap(({ nodes }) => nodes),
      node,
    ),
    named: node,
    doubt: limits.find(({ doubt }) => doubt !== null)?.doubt ?? null,
  });
  const flatBelow = (alpha: number) =>
    floatAttribute(node, 'alpha', alpha) === 0 ? within(inputName(node, 0), { low: 0 }) : undefined;
  switch (node.opType) {
    case 'Relu':
      return within(inputName(node, 0), { low: 0 });
    case 'LeakyRelu':
      return flatBelow(0.01);
    case 'Elu':
    case 'ThresholdedRelu':
      return flatBelow(1);
    case 'Clip': {
      const input = inputName(node, 0);
      // attributes before op set 11, inputs from then on
      const limit = (at: number, name: string, none: number): Limit | undefined => {
        const value = optionalInput(node, at);
        if (value !== null) return limitBeside(graph, value, input, constant);
        return { number: unlimited(floatAttribute(node, name, none)), nodes: [], doubt: null };
      };
      const [low, high] = [limit(1, 'min', unbounded.low), limit(2, 'max', unbounded.high)];
      if (low === undefined || high === undefined) return undefined;
      return within(input, { low: low.number, high: high.number }, [low, high]);
    }
    case 'Max':
    case 'Min': {
      if (node.input.length !== 2) return undefined;
      const limits = node.input.map((value, at) => limitBeside(graph, value, inputName(node, 1 - at), constant));
      const at = limits.findIndex((limit) => limit !== undefined);
      const limit = limits[at];
      if (limit === undefined) return undefined;
      const { number } = limit;
      return within(inputName(node, 1 - at), node.opType === 'Max' ? { low: number } : { high: number }, [limit]);
    }
    default:
      return reluWrittenOut(graph, node, constant);
  }
}
