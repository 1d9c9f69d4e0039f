import { intAttribute } from '../../model/attributes.js';
import { type Graph, makeNode, type NodeProto } from '../../model/graph.js';
import { outputOf } from '../operands.js';

/**
 * Lets a Concat whose first inputs another one has joined already read what that one gives, as the layers of a DenseNet join ever more values:
 * Concat(a, b, c) is Concat(Concat(a, b), c). Backwards each value then has one gradient from its own Concat, not one from
 * every later one.
 *
 * Requires: nodes in topological order. Ensures: the same function. Returns how many read another one.
 */
export function nestConcats(graph: Graph): number {
  /** what joins some values along an axis, by their names */
  const joined = new Map<string, string>();
  let nested = 0;
  for (const node of [...graph.nodes]) {
    if (node.domain !== '' || node.opType !== 'Concat' || node.input.length < 2) continue;
    const prefixes = prefixesOf(node);
    const longest = prefixes.slice(0, -1).findLastIndex((prefix) => joined.has(prefix));
    const whole = joined.get(prefixes[longest] ?? '');
    if (whole !== undefined) {
      readNested(graph, node, [whole, ...node.input.slice(longest + 1)]);
      nested++;
    }
    const own = prefixes.at(-1);
    if (own !== undefined) joined.set(own, outputOf(node));
  }
  return nested;
}

function readNested(graph: Graph, node: NodeProto, inputs: readonly string[]): void {
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  graph.remove(node);
  graph.insert(
    [makeNode('Concat', inputs, node.output, { axis: { int: intAttribute(node, 'axis', 0) } }, node.name)],
    next,
  );
}

/** Names of the axis with the first input, the first two, and so on. */
function prefixesOf(node: NodeProto): string[] {
  const axis = `${intAttribute(node, 'axis', 0)}`;
  const names = node.input.map((input) => JSON.stringify(input));
  return names.map((_, last) => [axis, ...names.slice(0, last + 1)].join());
}
