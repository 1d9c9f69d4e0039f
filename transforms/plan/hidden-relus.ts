import { findAttribute, stringAttribute } from '../../src/model/attributes.js';
import { type Graph, inputName, isStandard, type NodeProto, nodeId } from '../../src/model/graph.js';
import type { Activation } from './activations.js';
import { type ConstantLookup, limitBeside } from './limits.js';

/** A ReLU within an operator that does more, and why it stays there. */
export interface HiddenRelu {
  readonly activation: Activation;
  readonly reason: string;
}

/** Every ReLU of a graph that is not an operator of its own, in the order of the nodes. */
export function findHiddenRelus(graph: Graph, constant: ConstantLookup): HiddenRelu[] {
  return graph.nodes.flatMap((node) => {
    const hidden =
      fused(node) ?? recurrent(node) ?? flatPRelu(graph, node, constant) ?? largestOfSeveral(graph, node, constant);
    if (hidden === undefined) return [];
    const { kind, reason } = hidden;
    const activation = {
      kind,
      nodes: [node] as const,
      named: node,
      input: inputName(node, 0),
      output: nodeId(node),
      cap: null,
      doubt: null,
    };
    return [{ activation, reason }];
  });
}

type Hidden = Pick<Activation, 'kind'> & Pick<HiddenRelu, 'reason'>;

/** FusedConv, FusedGemm and the like, which ONNX Runtime's own optimisation writes. */
function fused(node: NodeProto): Hidden | undefined {
  if (!node.domain.startsWith('com.microsoft')) return undefined;
  const reason = 'fused by ONNX Runtime: use the model before optimisation';
  switch (stringAttribute(node, 'activation', '')) {
    case 'Relu':
      return { kind: 'relu', reason };
    case 'Clip': {
      const [low, high] = findAttribute(node, 'activation_params')?.floats ?? [];
      return low === 0 ? { kind: high === 6 ? 'relu6' : 'relu', reason } : undefined;
    }
    default:
      return undefined;
  }
}

/** LSTM, GRU and RNN say the functions of their gates by name, in any letter case. */
function recurrent(node: NodeProto): Hidden | undefined {
  if (!isStandard(node) || !['LSTM', 'GRU', 'RNN'].includes(node.opType)) return undefined;
  const names = findAttribute(node, 'activations')?.strings.map((name) => new TextDecoder().decode(name)) ?? [];
  if (!names.some((name) => name.toLowerCase() === 'relu')) return undefined;
  return { kind: 'relu', reason: 'a part of the recurrence, not the last step of its layer' };
}

/** PReLU computes a ReLU as long as its slopes are 0. */
function flatPRelu(graph: Graph, node: NodeProto, constant: ConstantLookup): Hidden | undefined {
  if (!isStandard(node) || node.opType !== 'PRelu') return undefined;
  const slope = limitBeside(graph, inputName(node, 1), inputName(node, 0), constant);
  if (slope?.number !== 0) return undefined;
  return { kind: 'relu', reason: 'a PReLU, whose slopes are 0 now: training may change them' };
}

/** Max(x, y, 0) is a ReLU of none of them alone. */
function largestOfSeveral(graph: Graph, node: NodeProto, constant: ConstantLookup): Hidden | undefined {
  if (!isStandard(node) || node.opType !== 'Max' || node.input.length < 3) return undefined;
  const [x] = node.input.filter((value) => limitBeside(graph, value, '', constant) === undefined);
  const hasZero = node.input.some((value) => limitBeside(graph, value, x ?? '', constant)?.number === 0);
  if (x === undefined || !hasZero) return undefined;
  return { kind: 'relu', reason: 'the largest of several values and 0: write it as a ReLU of their maximum' };
}
