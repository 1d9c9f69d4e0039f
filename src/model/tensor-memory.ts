import { type Graph, inputName, outputName } from './graph.js';
import { dimsOf, elementCount } from './tensor.js';

/** Values that are another value under new dimensions: they take no memory of their own. */
const aliases: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

const bytesPerElement = 4;

/**
 * The bytes of tensors that are there at once when a graph is executed node by node at the given shapes (of every value, as
 * observed), each value from the node that computes it to the last that reads it: the weights, and the most that lies
 * between. Float32 throughout. What a runtime adds (its own working memory, layouts, fused nodes it saves) is not in it;
 * so it is the same on every machine, and fit to compare two models.
 */
export function peakTensorBytes(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>): number {
  const weights = graph.proto.initializer.reduce((sum, tensor) => sum + elementCount(dimsOf(tensor)), 0);
  const owner = new Map<string, string>();
  const ownerOf = (value: string): string => owner.get(value) ?? value;
  const lastRead = new Map<string, number>();
  graph.nodes.forEach((node, at) => {
    if (aliases.has(node.opType)) owner.set(outputName(node), ownerOf(inputName(node, 0)));
    for (const input of node.input) lastRead.set(ownerOf(input), at);
  });
  for (const { name } of graph.proto.output) lastRead.set(ownerOf(name), Number.POSITIVE_INFINITY);

  const size = (value: string): number => elementCount(shapes.get(value) ?? [0]);
  const live = new Map(graph.feeds().map(({ name }) => [name, size(name)]));
  let peak = 0;
  graph.nodes.forEach((node, at) => {
    for (const output of node.output) if (output !== '' && !owner.has(output)) live.set(output, size(output));
    const now = [...live.values()].reduce((sum, count) => sum + count, 0);
    peak = Math.max(peak, now);
    for (const value of live.keys()) if ((lastRead.get(value) ?? at) <= at) live.delete(value);
  });
  return (weights + peak) * bytesPerElement;
}
