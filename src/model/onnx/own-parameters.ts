import { type Graph, inputName, isStandard, type NodeProto, outputName } from '../graph.js';
import { dimsOf, isExternal, isFloat, readFloats, shareTensor, type TensorProto } from '../tensor.js';

/**
 * Gives parameters back that an exporter wrote once because their values were equal, as those of a network that was not trained yet are: the zeros and ones
 * of its normalizations. Trained, they are no longer equal, and a running statistic is not trained by gradients at all. The same function before training.
 *
 *   * torch.onnx (TorchScript) makes all but one an Identity of it, under their own names: each becomes an initializer again. Vectors and scalars of
 *     one value alone: what is tied on purpose has values of its own.
 *   * A running statistic that something else reads too, other than a normalization as the same statistic, gets an initializer of its own.
 *
 * Requires: the values of vectors loaded; those that are not are left as they are.
 */
export function ownParameters(graph: Graph): void {
  for (const node of [...graph.nodes]) ownCopy(graph, node);
  const owned = new Map<string, string>();
  for (const node of graph.nodes) ownStatistics(graph, node, owned);
}

function ownCopy(graph: Graph, node: NodeProto): void {
  if (node.opType !== 'Identity' || !isStandard(node)) return;
  const [value, output] = [inputName(node, 0), outputName(node)];
  const tensor = graph.initializer(value);
  if (tensor === undefined || graph.isOutput(output) || !isOneValue(tensor) || isReadOnce(graph, value)) return;
  graph.remove(node);
  graph.addInitializer(copyOf(tensor, output));
}

const statistics: readonly (readonly [input: number, name: string])[] = [
  [3, 'mean'],
  [4, 'variance'],
];

/** @param owned by what was read and as which statistic: what is read instead, the same wherever a normalization is applied */
function ownStatistics(graph: Graph, node: NodeProto, owned: Map<string, string>): void {
  if (node.opType !== 'BatchNormalization' || !isStandard(node)) return;
  for (const [input, name] of statistics) {
    const value = inputName(node, input);
    const tensor = graph.initializer(value);
    if (tensor === undefined || isExternal(tensor)) continue;
    const key = `${name} ${value}`;
    const isShared = graph.uses(value).some((use) => use.node.opType !== node.opType || use.input !== input);
    if (!isShared && !owned.has(key)) continue;
    const own = owned.get(key) ?? graph.addInitializer(copyOf(tensor, graph.freshName(`${outputName(node)}/${name}`)));
    owned.set(key, own);
    graph.setInput(node, input, own);
  }
}

const isReadOnce = (graph: Graph, value: string): boolean => graph.uses(value).length === 1 && !graph.isOutput(value);

function isOneValue(tensor: TensorProto): boolean {
  if (!isFloat(tensor.dataType) || dimsOf(tensor).length > 1 || isExternal(tensor)) return false;
  const values = readFloats(tensor);
  return values.every((value) => value === values[0]);
}

function copyOf(tensor: TensorProto, name: string): TensorProto {
  return Object.assign(shareTensor(tensor), { name, externalData: [] });
}
