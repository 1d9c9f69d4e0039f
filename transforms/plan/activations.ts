import { floatAttribute } from '../../src/model/attributes.js';
import { numberOf } from '../../src/model/constants.js';
import { type Graph, inputName, type NodeProto, optionalInput, outputName } from '../../src/model/graph.js';
import { isFloat, type TensorProto } from '../../src/model/tensor.js';

/** The nodes that compute relu(x) or relu6(x), as an exporter wrote it. */
export interface Activation {
  readonly kind: 'relu' | 'relu6';
  /** one node, or a floor at 0 and then a cap at 6 */
  readonly nodes: readonly [NodeProto, ...NodeProto[]];
  readonly input: string;
  readonly output: string;
}

/** Looks a constant up by the name of its value; bodies see those of the graph around them. */
export type ConstantLookup = (value: string) => TensorProto | undefined;

/** The elementwise limits that a node puts on one of its inputs. */
interface Limits {
  readonly input: string;
  readonly low: number;
  readonly high: number;
}

/** Every ReLU and ReLU6 of a graph in the order of its nodes: Relu, Clip(0), Clip(0, 6), Max(x, 0), and any of them followed by Min(6). */
export function findActivations(graph: Graph, constant: ConstantLookup): Activation[] {
  const found: Activation[] = [];
  const seen = new Set<NodeProto>();
  for (const node of graph.nodes) {
    const limits = seen.has(node) ? undefined : limitsOf(node, constant);
    if (limits?.low !== 0) continue;
    const { input } = limits;
    if (limits.high === 6) {
      found.push({ kind: 'relu6', nodes: [node], input, output: outputName(node) });
    } else if (limits.high === Number.POSITIVE_INFINITY) {
      const cap = capAfter(graph, node, constant);
      if (cap !== undefined) seen.add(cap);
      found.push(
        cap === undefined
          ? { kind: 'relu', nodes: [node], input, output: outputName(node) }
          : { kind: 'relu6', nodes: [node, cap], input, output: outputName(cap) },
      );
    }
  }
  return found;
}

/** The node that alone reads a floor at 0 and caps it at 6. */
function capAfter(graph: Graph, floor: NodeProto, constant: ConstantLookup): NodeProto | undefined {
  const value = outputName(floor);
  const [use, ...others] = graph.uses(value);
  if (use === undefined || use.input < 0 || others.length > 0 || graph.isOutput(value)) return undefined;
  const limits = limitsOf(use.node, constant);
  return limits?.input === value && limits.high === 6 && limits.low <= 0 ? use.node : undefined;
}

/** Clip has its limits as attributes before op set 11 and as inputs from then on. A limit that is not constant is none of ours. */
function limitsOf(node: NodeProto, constant: ConstantLookup): Limits | undefined {
  if (node.domain !== '') return undefined;
  switch (node.opType) {
    case 'Relu':
      return { input: inputName(node, 0), low: 0, high: Number.POSITIVE_INFINITY };
    case 'Clip': {
      const limit = (at: number, name: string, none: number) => {
        const value = optionalInput(node, at);
        return value === null ? unlimited(floatAttribute(node, name, none)) : limitOf(constant(value));
      };
      const low = limit(1, 'min', Number.NEGATIVE_INFINITY);
      const high = limit(2, 'max', Number.POSITIVE_INFINITY);
      return low === undefined || high === undefined ? undefined : { input: inputName(node, 0), low, high };
    }
    case 'Max':
    case 'Min': {
      if (node.input.length !== 2) return undefined;
      const numbers = node.input.map((value) => limitOf(constant(value)));
      const at = numbers.findIndex((number) => number !== undefined);
      const limit = numbers[at];
      const other = node.input[1 - at];
      if (limit === undefined || other === undefined) return undefined;
      return node.opType === 'Max'
        ? { input: other, low: limit, high: Number.POSITIVE_INFINITY }
        : { input: other, low: Number.NEGATIVE_INFINITY, high: limit };
    }
    default:
      return undefined;
  }
}

/** A limit that is one number. Integer tensors are indices and shapes: limits on those are no activations. */
function limitOf(tensor: TensorProto | undefined): number | undefined {
  return tensor !== undefined && isFloat(tensor.dataType) ? numberOf(tensor) : undefined;
}

/** Exporters write "no limit" as the largest float32, or as a number of that size. */
function unlimited(limit: number): number {
  if (limit >= 3.4e38) return Number.POSITIVE_INFINITY;
  return limit <= -3.4e38 ? Number.NEGATIVE_INFINITY : limit;
}
