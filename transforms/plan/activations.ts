import { floatAttribute } from '../../src/model/attributes.js';
import { numberOf } from '../../src/model/constants.js';
import { type Graph, inputName, isStandard, type NodeProto, optionalInput, outputName } from '../../src/model/graph.js';
import { DataType, isFloat, type TensorProto } from '../../src/model/tensor.js';

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
}

/** Looks a constant up by the name of its value; bodies see those of the graph around them. */
export type ConstantLookup = (value: string) => TensorProto | undefined;

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A node that limits one of its inputs, element by element, and the nodes that it needs for that. */
interface Limiter extends Interval {
  readonly input: string;
  readonly nodes: readonly [NodeProto, ...NodeProto[]];
  readonly named: NodeProto;
}

const unbounded: Interval = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/**
 * Every place of a graph that limits a value to [0, infinity) or [0, c], in the order of its nodes: Relu, Clip, Max, Min, the
 * Where, LeakyRelu and ThresholdedRelu that compute the same, and rows of them. A row is one place, however it is written: a
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
    const { input, nodes, named, output, high } = row;
    const cap = high === 6 || high === Number.POSITIVE_INFINITY ? null : high;
    found.push({ kind: high === 6 ? 'relu6' : 'relu', nodes, named, input, output, cap });
  }
  return found;
}

interface Row extends Limiter {
  readonly output: string;
}

/** The most of a row of limiters, each the only reader of the one before, that limits to [0, ...]. */
function longestRow(graph: Graph, first: Limiter, constant: ConstantLookup): Row | undefined {
  let interval = clipped(unbounded, first);
  let nodes = first.nodes;
  let longest: Row | undefined;
  for (let next: Limiter | undefined = first; next !== undefined; ) {
    const output = outputName(next.nodes.at(-1) ?? next.nodes[0]);
    if (interval.low === 0) longest = { ...first, ...interval, nodes, output };
    next = onlyReader(graph, output, constant);
    if (next === undefined) break;
    const limited = clipped(interval, next);
    // one Relu behind another is a ReLU of its own; a floor behind a cap is what is left of a relu6
    const adds = limited.low !== interval.low || limited.high !== interval.high || Number.isFinite(interval.high);
    if (!adds) break;
    interval = limited;
    nodes = [...nodes, ...next.nodes];
  }
  return longest;
}

/** What is left of an interval after a limiter. */
function clipped({ low, high }: Interval, by: Interval): Interval {
  const clip = (value: number) => Math.min(Math.max(value, by.low), by.high);
  return { low: clip(low), high: clip(high) };
}

function onlyReader(graph: Graph, value: string, constant: ConstantLookup): Limiter | undefined {
  const [use, ...others] = graph.uses(value);
  if (use === undefined || use.input < 0 || graph.isOutput(value)) return undefined;
  const limiter = limiterAt(graph, use.node, constant);
  if (limiter?.input !== value) return undefined;
  return others.every(({ node }) => limiter.nodes.includes(node)) ? limiter : undefined;
}

/** A limit that is not constant is none of ours. */
function limiterAt(graph: Graph, node: NodeProto, constant: ConstantLookup): Limiter | undefined {
  if (!isStandard(node)) return undefined;
  const floor = (input: string, low = 0): Limiter => ({ ...unbounded, nodes: [node], named: node, input, low });
  switch (node.opType) {
    case 'Relu':
      return floor(inputName(node, 0));
    case 'LeakyRelu':
      return floatAttribute(node, 'alpha', 0.01) === 0 ? floor(inputName(node, 0)) : undefined;
    case 'ThresholdedRelu':
      return floatAttribute(node, 'alpha', 1) === 0 ? floor(inputName(node, 0)) : undefined;
    case 'Clip': {
      // attributes before op set 11, inputs from then on
      const limit = (at: number, name: string, none: number) => {
        const value = optionalInput(node, at);
        return value === null ? unlimited(floatAttribute(node, name, none)) : limitOf(constant(value));
      };
      const low = limit(1, 'min', unbounded.low);
      const high = limit(2, 'max', unbounded.high);
      return low === undefined || high === undefined
        ? undefined
        : { nodes: [node], named: node, input: inputName(node, 0), low, high };
    }
    case 'Max':
    case 'Min': {
      if (node.input.length !== 2) return undefined;
      const numbers = node.input.map((value) => limitOf(constant(value)));
      const at = numbers.findIndex((number) => number !== undefined);
      const limit = numbers[at];
      if (limit === undefined) return undefined;
      const input = inputName(node, 1 - at);
      return node.opType === 'Max' ? floor(input, limit) : { ...floor(input), ...unbounded, high: limit };
    }
    case 'Where':
      return chosenWherePositive(graph, node, constant);
    default:
      return undefined;
  }
}

/** Where(x > 0, x, 0), in whichever of the ways that say it. */
function chosenWherePositive(graph: Graph, node: NodeProto, constant: ConstantLookup): Limiter | undefined {
  const condition = graph.producer(inputName(node, 0));
  if (condition === undefined || !isStandard(condition)) return undefined;
  const isZero = (value: string) => limitOf(constant(value)) === 0;
  const [left, right] = [inputName(node, 1), inputName(node, 2)];
  const input = isZero(right) ? left : isZero(left) ? right : undefined;
  if (input === undefined || graph.uses(inputName(node, 0)).length > 1) return undefined;
  // x > 0 and 0 < x choose x where they hold; x < 0 and 0 > x choose the 0
  const chosen = input === left ? 'Greater' : 'Less';
  const mirrored = input === left ? 'Less' : 'Greater';
  const compares = (opType: string) => condition.opType === opType || condition.opType === `${opType}OrEqual`;
  const holds =
    (compares(chosen) && condition.input[0] === input && isZero(inputName(condition, 1))) ||
    (compares(mirrored) && condition.input[1] === input && isZero(inputName(condition, 0)));
  return holds ? { ...unbounded, nodes: [condition, node], named: node, input, low: 0 } : undefined;
}

/** A limit that is one number. Integer tensors are indices and shapes: limits on those are no activations. */
function limitOf(tensor: TensorProto | undefined): number | undefined {
  if (tensor === undefined || !isFloat(tensor.dataType)) return undefined;
  const limit = numberOf(tensor);
  return limit === undefined ? undefined : unlimited(limit, tensor.dataType);
}

/** Exporters write "no limit" as the largest number of the element type. */
function unlimited(limit: number, dataType: DataType = DataType.FLOAT): number {
  const largest = dataType === DataType.FLOAT16 ? 65504 : 3.4e38;
  if (limit >= largest) return Number.POSITIVE_INFINITY;
  return limit <= -largest ? Number.NEGATIVE_INFINITY : limit;
}
