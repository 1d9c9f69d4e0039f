import { constantOf, numberOf } from '../../src/model/constants.js';
import { type ElementTypes, elementTypeName } from '../../src/model/element-types.js';
import {
  describeNode,
  type Graph,
  inputName,
  isStandard,
  type NodeProto,
  nodeId,
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
    activation.doubt ??
    decomposedPRelu(graph, activation, all) ??
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
  const sum = scaledInto(graph, activation.output);
  const twin = sum && twins.find((other) => scaledInto(graph, other.output) === sum);
  return twin === undefined ? null : `not a ReLU: with '${nodeId(twin.named)}' it is a decomposed PReLU`;
}

/** x, where a value is -x. */
function negated(graph: Graph, value: string): string | undefined {
  const node = graph.producer(value);
  if (node?.opType === 'Neg') return node.input[0];
  if (node?.opType !== 'Mul') return undefined;
  return node.input.find((_, input) => numberOf(graph.constant(inputName(node, 1 - input))) === -1);
}

/** The Add or Sub that a value comes to when nothing but constant factors stands before it. */
function scaledInto(graph: Graph, value: string): NodeProto | undefined {
  const [use, ...others] = graph.uses(value);
  if (use === undefined || others.length > 0) return undefined;
  switch (use.node.opType) {
    case 'Add':
    case 'Sub':
      return use.node;
    case 'Neg':
      return scaledInto(graph, outputName(use.node));
    case 'Mul': {
      const factor = inputName(use.node, 1 - use.input);
      return graph.constant(factor) === undefined ? undefined : scaledInto(graph, outputName(use.node));
    }
    default:
      return undefined;
  }
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
