import { floatAttribute } from '../../src/model/attributes.js';
import { constantOf, numberOf } from '../../src/model/constants.js';
import { type ElementTypes, elementTypeName } from '../../src/model/element-types.js';
import {
  describeNode,
  type Graph,
  inputName,
  isStandard,
  type NodeProto,
  nodeId,
  optionalInput,
  outputName,
} from '../../src/model/graph.js';
import { isFloat } from '../../src/model/tensor.js';
import type { Activation } from './activations.js';

/** What an activation is when it only looks like a ReLU, or why its parameters cannot change; null for a ReLU that can migrate. */
export function whyNotASite(
  graph: Graph,
  types: ElementTypes,
  activation: Activation,
  all: readonly Activation[],
): string | null {
  return (
    notFloat(types, activation) ??
    quantised(graph, activation) ??
    hardSwish(graph, activation) ??
    clips(activation) ??
    clipsToAValue(graph, activation) ??
    activation.doubt ??
    decomposedPRelu(graph, activation, all) ??
    halfOfAnother(graph, activation) ??
    guards(graph, activation)
  );
}

/** A quantised graph has its ReLUs on integers: neither a shift nor an offset is one. */
function notFloat(types: ElementTypes, { input }: Activation): string | null {
  const type = types(input);
  return type === undefined || isFloat(type) ? null : `the tensor is ${elementTypeName(type)}`;
}

function clips({ cap }: Activation): string | null {
  return cap === null ? null : `clips to [0, ${cap}]`;
}

/** max(min(x, y), 0) or min(max(x, 0), y) for a y that is no one number: a box kept within an image, whose size is another input. */
function clipsToAValue(graph: Graph, { input, output }: Activation): string | null {
  const [use, ...others] = graph.uses(output);
  const limits = [graph.producer(input), others.length === 0 ? use?.node : undefined];
  const min = limits.find((node) => node?.opType === 'Min' && isStandard(node) && node.input.length === 2);
  return min === undefined ? null : `clips to what ${describeNode(min)} compares with`;
}

/** A QDQ model keeps the bias as int32 in the scale of its input and weights: a shift would not fit its grid. */
function quantised(graph: Graph, { input, output }: Activation): string | null {
  const producer = graph.producer(input);
  const dequantised =
    producer?.opType === 'DequantizeLinear' ||
    producer?.input.some((value) => graph.producer(value)?.opType === 'DequantizeLinear');
  const requantised = graph.uses(output).some(({ node }) => node.opType === 'QuantizeLinear');
  return dequantised || requantised
    ? 'quantised: it stands between DequantizeLinear and QuantizeLinear. Migrate the float model, then quantise it'
    : null;
}

/**
 * Clip(x + 3, 0, 6) that is multiplied or divided is x * relu6(x + 3) / 6, or relu6(x + 3) / 6. Where an optimiser has put the 3 into a
 * bias, the division by 6 is left to tell.
 */
function hardSwish(graph: Graph, { kind, input, output }: Activation): string | null {
  if (kind !== 'relu6') return null;
  const add = graph.producer(input);
  const raised = add?.opType === 'Add' && add.input.some((value) => numberOf(graph.constant(value)) === 3);
  const scaled = graph.uses(output).find(({ node, input: at }) => {
    if (!isStandard(node) || (node.opType !== 'Mul' && node.opType !== 'Div')) return false;
    const factor = numberOf(graph.constant(inputName(node, 1 - at)));
    const isSixth = node.opType === 'Mul' ? isNearly(factor, 1 / 6) : at === 0 && factor === 6;
    return raised || isSixth;
  });
  return scaled === undefined
    ? null
    : `not a ReLU: with ${scaled.node.opType} '${nodeId(scaled.node)}' it is hard-swish or hard-sigmoid`;
}

/** To the precision of a factor that was written with a few digits: 0.1667, 0.166666672. */
function isNearly(value: number | undefined, expected: number): boolean {
  return value !== undefined && Math.abs(value - expected) < 1e-3 * expected;
}

/** relu(x) - slope * relu(-x): two activations of x and of -x, which scaling alone leads into one Add or Sub. */
function decomposedPRelu(graph: Graph, activation: Activation, all: readonly Activation[]): string | null {
  const mirrored = negated(graph, activation.input);
  const twins = all.filter((other) =>
    mirrored === undefined ? negated(graph, other.input) === activation.input : other.input === mirrored,
  );
  const [sum] = sumsOf(graph, activation.output);
  const twin = sum && twins.find((other) => sumsOf(graph, other.output).some(({ node }) => node === sum.node));
  return twin === undefined ? null : `not a ReLU: with '${nodeId(twin.named)}' it is a decomposed PReLU`;
}

/** x, where a value is -x. */
function negated(graph: Graph, value: string): string | undefined {
  const node = graph.producer(value);
  if (node?.opType === 'Neg') return node.input[0];
  if (node?.opType !== 'Mul') return undefined;
  return node.input.find((_, input) => numberOf(graph.constant(inputName(node, 1 - input))) === -1);
}

/** An Add or Sub, and which of its inputs a value comes to. */
interface Term {
  readonly node: NodeProto;
  readonly input: number;
}

/** The sums that a value comes to when nothing but constant factors stands before them. */
function sumsOf(graph: Graph, value: string): Term[] {
  return graph.uses(value).flatMap(({ node, input }) => {
    if (!isStandard(node)) return [];
    if (node.opType === 'Add' || node.opType === 'Sub') return [{ node, input }];
    const scales = node.opType === 'Neg' || (node.opType === 'Mul' && isFixed(graph, inputName(node, 1 - input)));
    return scales ? sumsOf(graph, outputName(node)) : [];
  });
}

/**
 * relu(x) + g(x), where g is computed element by element from what x is below zero, or from |x|: a PReLU as max(x, 0) + slope * min(x, 0) or
 * relu(x) + slope * (x - relu(x)), an ELU, the softplus that does not overflow.
 */
function halfOfAnother(graph: Graph, { input, output }: Activation): string | null {
  const sum = sumsOf(graph, output).find(({ node, input: at }) => {
    const other = elementwiseOf(graph, inputName(node, 1 - at), { input, output }, longestHalf);
    return other?.folds === true;
  });
  return sum === undefined
    ? null
    : `not a ReLU: with ${describeNode(sum.node)} it is half of another activation, written out (PReLU, ELU, softplus)`;
}

/** Nodes that the other half of an activation is written in, at most, one behind the other. */
const longestHalf = 8;

const elementwise: ReadonlySet<string> = new Set(
  'Abs Add Cast Clip Div Exp Identity Log Max Min Mul Neg Relu Sub Tanh Where'.split(' '),
);

/** Whether a value is computed from x element by element, and from constants; and whether from what x is below zero, or without its sign. */
function elementwiseOf(
  graph: Graph,
  value: string,
  x: Pick<Activation, 'input' | 'output'>,
  depth: number,
): { readonly folds: boolean } | undefined {
  if (value === x.input || value === x.output) return { folds: false };
  const node = graph.producer(value);
  if (node === undefined || depth === 0 || !isStandard(node) || !elementwise.has(node.opType)) return undefined;
  const parts = node.input.filter((name) => name !== '' && !isFixed(graph, name));
  const found = parts.map((name) => elementwiseOf(graph, name, x, depth - 1));
  if (found.length === 0 || found.includes(undefined)) return undefined;
  const rest = node.opType === 'Sub' && node.input[0] === x.input && node.input[1] === x.output;
  return { folds: rest || foldsItself(graph, node) || found.some((part) => part?.folds) };
}

/** min(x, 0), relu(-x) or |x|. */
function foldsItself(graph: Graph, node: NodeProto): boolean {
  switch (node.opType) {
    case 'Abs':
      return true;
    case 'Min':
      return node.input.some((name) => numberOf(graph.constant(name)) === 0);
    case 'Clip':
      return highestOf(graph, node) === 0;
    case 'Relu':
      return negated(graph, inputName(node, 0)) !== undefined;
    default:
      return false;
  }
}

/** The maximum of a Clip: an attribute before op set 11, an input since. */
function highestOf(graph: Graph, clip: NodeProto): number | undefined {
  const max = optionalInput(clip, 2);
  return max === null ? floatAttribute(clip, 'max', Number.POSITIVE_INFINITY) : numberOf(graph.constant(max));
}

/** A constant, or what is computed from constants alone in a step or two, such as a slope that is given further axes. */
function isFixed(graph: Graph, value: string, depth = 3): boolean {
  if (graph.constant(value) !== undefined) return true;
  const node = graph.producer(value);
  return node !== undefined && depth > 0 && node.input.length > 0
    ? node.input.every((name) => name === '' || isFixed(graph, name, depth - 1))
    : false;
}

/** A floor under a variance, or whatever must not be negative where it goes: with an offset below 0 it would be NaN there. */
function guards(graph: Graph, { output }: Activation): string | null {
  const reader = needsPositive(graph, output, new Set());
  if (reader === undefined) return null;
  const what = reader.opType === 'Sqrt' || reader.opType === 'Pow' ? 'a variance' : 'a value';
  return `not a ReLU: keeps ${what} from going below zero: it feeds ${describeNode(reader)}`;
}

/** Operators whose outputs are below zero only where what they read, as input 0, is: what moves values, and what averages them. */
const keepSign: ReadonlySet<string> = new Set(
  [
    'Cast Identity Reshape Flatten Unsqueeze Squeeze Transpose Expand Dropout Slice Split Gather Tile',
    'ReduceMean ReduceSum ReduceMax ReduceMin GlobalAveragePool GlobalMaxPool AveragePool MaxPool',
  ]
    .join(' ')
    .split(' '),
);

/** The node that a value comes to, with nothing but constants added to it or multiplied by it on the way, and that takes its root, logarithm or reciprocal. */
function needsPositive(graph: Graph, value: string, seen: Set<string>): NodeProto | undefined {
  if (seen.has(value)) return undefined;
  seen.add(value);
  for (const { node, input } of graph.uses(value)) {
    if (input < 0 || !isStandard(node)) continue;
    const other = () => constantOf(graph, inputName(node, 1 - input)) !== undefined;
    switch (node.opType) {
      case 'Sqrt':
      case 'Log':
      case 'Reciprocal':
        return node;
      case 'Div':
        if (input === 1) return node;
        if (!other()) continue;
        break;
      case 'Pow': {
        const exponent = input === 0 ? numberOf(graph.constant(inputName(node, 1))) : undefined;
        if (exponent !== undefined && !(Number.isInteger(exponent) && exponent > 0)) return node;
        continue;
      }
      case 'Add':
      case 'Sum':
      case 'Mul':
        if (node.input.length !== 2 || !other()) continue;
        break;
      default:
        if (!keepSign.has(node.opType) || input > 0) continue;
    }
    for (const output of node.output) {
      const found = output === '' ? undefined : needsPositive(graph, output, seen);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
