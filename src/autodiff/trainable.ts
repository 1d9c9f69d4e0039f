import type { TrainScope } from '../contract/settings.js';
import type { Graph, NodeProto } from '../model/graph.js';
import { DataType, dimsOf } from '../model/tensor.js';

type Role = 'weight' | 'bias';

/** The learned inputs of an operator, by position. What is not listed (BN statistics, Clip limits, axes) is not trained. */
const roles: Readonly<Record<string, Readonly<Record<number, Role>>>> = {
  Conv: { 1: 'weight', 2: 'bias' },
  ConvTranspose: { 1: 'weight', 2: 'bias' },
  Gemm: { 0: 'weight', 1: 'weight', 2: 'bias' },
  MatMul: { 0: 'weight', 1: 'weight' },
  Add: { 0: 'bias', 1: 'bias' },
  Sub: { 0: 'bias', 1: 'bias' },
  Mul: { 0: 'weight', 1: 'weight' },
  BatchNormalization: { 1: 'weight', 2: 'bias' },
  LayerNormalization: { 1: 'weight', 2: 'bias' },
  InstanceNormalization: { 1: 'weight', 2: 'bias' },
  GroupNormalization: { 1: 'weight', 2: 'bias' },
  PRelu: { 1: 'weight' },
  Gather: { 0: 'weight' },
  Einsum: { 0: 'weight', 1: 'weight' },
  LSTM: { 1: 'weight', 2: 'weight', 3: 'bias' },
  GRU: { 1: 'weight', 2: 'weight', 3: 'bias' },
  RNN: { 1: 'weight', 2: 'weight', 3: 'bias' },
};

/** Values that carry a parameter on unchanged, so that a weight behind them is still a weight. */
const carriers: ReadonlySet<string> = new Set(['Identity', 'Transpose', 'Reshape', 'Unsqueeze', 'Squeeze', 'Cast']);

/**
 * The initializers of a graph that a scope trains, in the order of their first use. Float tensors of one dimension and
 * more only: a scalar operand (a scale of 1/255, an epsilon) is the export's arithmetic, not something learned.
 * An initializer is a bias where every use of it is as a bias.
 */
export function trainableParameters(graph: Graph, scope: TrainScope): string[] {
  if (scope === 'offsets') return [];
  const found = new Map<string, Role>();
  let head: string[] = [];
  for (const node of graph.nodes) {
    const parameters = node.input.flatMap((read, input) => {
      const value = carriedFrom(graph, read);
      const role = roleOf(node, input);
      return role !== undefined && isParameter(graph, value) ? [{ value, role }] : [];
    });
    for (const { value, role } of parameters) {
      if (found.get(value) !== 'weight') found.set(value, role);
    }
    const weights = parameters.filter(({ role }) => role === 'weight');
    if (weights.length > 0 && node.opType !== 'Mul') head = parameters.map(({ value }) => value);
    else if (node.opType === 'Add' && head.length > 0 && readsFrom(graph, node, head)) {
      head = [...head, ...parameters.map(({ value }) => value)];
    }
  }
  switch (scope) {
    case 'all':
      return [...found.keys()];
    case 'biases':
      return [...found].flatMap(([name, role]) => (role === 'bias' ? [name] : []));
    case 'head':
      return [...new Set(head)];
  }
}

function roleOf(node: NodeProto, input: number): Role | undefined {
  return node.domain === '' ? roles[node.opType]?.[input] : undefined;
}

/** What a value is before it was transposed, reshaped, cast: the initializer, where it began with one. */
function carriedFrom(graph: Graph, value: string): string {
  const producer = graph.producer(value);
  return producer !== undefined && carriers.has(producer.opType) ? carriedFrom(graph, producer.input[0] ?? '') : value;
}

function isParameter(graph: Graph, value: string): boolean {
  const tensor = graph.initializer(value);
  return tensor !== undefined && tensor.dataType === DataType.FLOAT && dimsOf(tensor).length > 0;
}

/** Whether a node reads the output of a node that has one of `parameters`: the Add that is a MatMul's bias. */
function readsFrom(graph: Graph, node: NodeProto, parameters: readonly string[]): boolean {
  return node.input.some((value) =>
    graph.producer(value)?.input.some((input) => parameters.includes(carriedFrom(graph, input))),
  );
}
