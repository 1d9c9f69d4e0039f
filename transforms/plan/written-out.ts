import { intAttribute } from '../../src/model/attributes.js';
import { type Graph, inputName, isStandard, type NodeProto } from '../../src/model/graph.js';
import { DataType, isFloat } from '../../src/model/tensor.js';
import { type ConstantLookup, type Limit, type Limiter, limitBeside, ownNodes, unbounded } from './limits.js';

/** Something of a value x, and the nodes that it takes, in their order. */
interface Of {
  readonly input: string;
  readonly nodes: readonly NodeProto[];
  readonly doubt: string | null;
}

/** Where a value is: true (or 1) where x is above zero, or where it is below. */
interface Side extends Of {
  readonly above: boolean;
}

interface Place {
  readonly graph: Graph;
  readonly constant: ConstantLookup;
}

/**
 * relu(x) in arithmetic or as a choice, by its last node: Where(x > 0, x, 0), x * (x > 0), (x + |x|) / 2, x - min(x, 0), -min(-x, 0),
 * in whichever of the ways that say it.
 */
export function reluWrittenOut(graph: Graph, node: NodeProto, constant: ConstantLookup): Limiter | undefined {
  const found = forms[node.opType]?.({ graph, constant }, node);
  if (found === undefined) return undefined;
  const { input, nodes, doubt } = found;
  return { ...unbounded, low: 0, input, nodes: ownNodes(graph, nodes, node), named: node, doubt };
}

type Form = (place: Place, node: NodeProto) => Of | undefined;

const forms: Readonly<Record<string, Form | undefined>> = {
  Where: (place, node) => {
    const side = sideOf(place, inputName(node, 0));
    if (side === undefined) return undefined;
    const [kept, other] = [1, 2].map((input) => inputName(node, side.above ? input : 3 - input));
    if (kept !== side.input || other === undefined) return undefined;
    return joined(side, numberBeside(place, other, side.input, 0));
  },
  Mul: (place, node) => gated(place, node) ?? half(place, node, (value) => plusMagnitude(place, value)),
  Div: (place, node) => half(place, node, (value) => plusMagnitude(place, value)),
  Add: (place, node) => {
    for (const [one, other] of eachOrder(node)) {
      const plain = halfOf(place, one, (value) => ({ input: value, nodes: [], doubt: null }));
      const magnitude = plain && halfOf(place, other, (value) => magnitudeOf(place, value));
      if (plain !== undefined && magnitude?.input === plain.input) return joined(plain, magnitude);
    }
    return undefined;
  },
  Sub: (place, node) => {
    const below = belowZero(place, inputName(node, 1));
    return below?.input === inputName(node, 0) ? below : undefined;
  },
  Neg: (place, node) => {
    const below = belowZero(place, inputName(node, 0));
    const negated = below && producer(place, below.input, 'Neg');
    return negated && { ...below, input: inputName(negated, 0), nodes: [negated, ...below.nodes] };
  },
};

/** x * m, where m is 1 for x above zero and 0 elsewhere. */
const gated: Form = (place, node) => {
  for (const [x, mask] of eachOrder(node)) {
    const side = maskOf(place, mask);
    if (side?.input === x && side.above) return side;
  }
  return undefined;
};

/** Half of what `inner` finds. */
function half(place: Place, node: NodeProto, inner: (value: string) => Of | undefined): Of | undefined {
  const isProduct = node.opType === 'Mul';
  if (!isProduct && node.opType !== 'Div') return undefined;
  for (const [value, factor] of isProduct ? eachOrder(node) : eachOrder(node).slice(0, 1)) {
    const limit = limitBeside(place.graph, factor, value, place.constant);
    const found = limit?.number === (isProduct ? 0.5 : 2) ? inner(value) : undefined;
    if (found !== undefined) return joined(found, limit);
  }
  return undefined;
}

function halfOf(place: Place, value: string, inner: (value: string) => Of | undefined): Of | undefined {
  const node = producer(place, value, 'Mul') ?? producer(place, value, 'Div');
  const found = node && half(place, node, inner);
  return found && { ...found, nodes: [...found.nodes, node] };
}

/** x + |x| */
function plusMagnitude(place: Place, value: string): Of | undefined {
  const sum = producer(place, value, 'Add');
  for (const [x, other] of sum === undefined ? [] : eachOrder(sum)) {
    const magnitude = magnitudeOf(place, other);
    if (sum !== undefined && magnitude?.input === x) return { ...magnitude, nodes: [...magnitude.nodes, sum] };
  }
  return undefined;
}

/** |x| */
function magnitudeOf(place: Place, value: string): Of | undefined {
  const node = producer(place, value, 'Abs');
  return node && { input: inputName(node, 0), nodes: [node], doubt: null };
}

/** min(x, 0) */
function belowZero(place: Place, value: string): Of | undefined {
  const node = producer(place, value, 'Min');
  if (node === undefined || node.input.length !== 2) return undefined;
  for (const [x, other] of eachOrder(node)) {
    const zero = numberBeside(place, other, x, 0);
    if (zero !== undefined) return { input: x, nodes: [...zero.nodes, node], doubt: zero.doubt };
  }
  return undefined;
}

/** A condition on the sign of x; zero itself may be on either side, where both give 0. */
function sideOf(place: Place, value: string): Side | undefined {
  const node = producer(place, value);
  if (node === undefined) return undefined;
  if (node.opType === 'Not') {
    const side = sideOf(place, inputName(node, 0));
    return side && { ...side, above: !side.above, nodes: [...side.nodes, node] };
  }
  if (node.opType === 'Identity' || (node.opType === 'Cast' && intAttribute(node, 'to', 0) === DataType.BOOL)) {
    const side = sideOf(place, inputName(node, 0));
    return side && { ...side, nodes: [...side.nodes, node] };
  }
  const compares = comparisons[node.opType];
  if (compares === undefined) return undefined;
  for (const [at, [x, other]] of eachOrder(node).entries()) {
    const zero = numberBeside(place, other, x, 0);
    const above = at === 0 ? compares === 'above' : compares === 'below';
    if (zero !== undefined) return { input: x, above, nodes: [...zero.nodes, node], doubt: zero.doubt };
  }
  return undefined;
}

const comparisons: Readonly<Record<string, 'above' | 'below' | undefined>> = {
  Greater: 'above',
  GreaterOrEqual: 'above',
  Less: 'below',
  LessOrEqual: 'below',
};

/** A condition on the sign of x as the numbers 1 and 0. */
function maskOf(place: Place, value: string): Side | undefined {
  const node = producer(place, value);
  switch (node?.opType) {
    case 'Cast':
    case 'CastLike': {
      const isNumber = node.opType === 'CastLike' || isFloat(intAttribute(node, 'to', DataType.UNDEFINED));
      const side = isNumber ? sideOf(place, inputName(node, 0)) : undefined;
      return side && { ...side, nodes: [...side.nodes, node] };
    }
    case 'Where': {
      const side = sideOf(place, inputName(node, 0));
      if (side === undefined) return undefined;
      const one = numberBeside(place, inputName(node, side.above ? 1 : 2), side.input, 1);
      const zero = numberBeside(place, inputName(node, side.above ? 2 : 1), side.input, 0);
      if (one === undefined || zero === undefined) return undefined;
      const { doubt, nodes } = joined(joined(side, one), zero);
      return { ...side, above: true, doubt, nodes: [...nodes, node] };
    }
    default:
      return undefined;
  }
}

function joined(found: Of, other: Limit | Of): Of;
function joined(found: Of, other: Limit | Of | undefined): Of | undefined;
function joined(found: Of, other: Limit | Of | undefined): Of | undefined {
  if (other === undefined) return undefined;
  return { ...found, nodes: [...other.nodes, ...found.nodes], doubt: found.doubt ?? other.doubt };
}

function numberBeside({ graph, constant }: Place, value: string, x: string, number: number): Limit | undefined {
  const limit = limitBeside(graph, value, x, constant);
  return limit?.number === number ? limit : undefined;
}

/** The node of ONNX's own, of one operator where it is asked for, that computes a value. */
function producer({ graph }: Place, value: string, opType?: string): NodeProto | undefined {
  const node = graph.producer(value);
  return node !== undefined && isStandard(node) && (opType ?? node.opType) === node.opType ? node : undefined;
}

/** The two inputs of a node, and the other way round. */
function eachOrder(node: NodeProto): readonly (readonly [string, string])[] {
  const [left, right] = [inputName(node, 0), inputName(node, 1)];
  return [
    [left, right],
    [right, left],
  ];
}
