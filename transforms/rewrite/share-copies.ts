import type { Graph } from '../../src/model/graph.js';
import { dimsOf, readDoubles, type TensorProto } from '../../src/model/tensor.js';

/**
 * Lets readers of one initializer that were each given a copy of it read one again, where all that they were given holds the same:
 * the calls of a shared layer, whose FReLU is one. Edits `graph` in place.
 * @param copies by the copy's name, the initializer that its reader read before
 */
export function shareCopies(graph: Graph, copies: ReadonlyMap<string, string>): void {
  const kept = new Map<string, TensorProto[]>();
  for (const [name, original] of copies) {
    const copy = graph.initializer(name);
    const uses = graph.uses(name);
    if (copy === undefined || uses.some(({ input }) => input < 0)) continue;
    const standing = graph.initializer(original);
    const others = kept.get(original) ?? (standing === undefined ? [] : [standing]);
    kept.set(original, others);
    const same = others.find((other) => holdsTheSame(copy, other));
    if (same === undefined) {
      others.push(copy);
      continue;
    }
    for (const { node, input } of [...uses]) graph.setInput(node, input, same.name);
    graph.removeInitializer(name);
  }
}

function holdsTheSame(a: TensorProto, b: TensorProto): boolean {
  if (a.dataType !== b.dataType || String(dimsOf(a)) !== String(dimsOf(b))) return false;
  const [left, right] = [readDoubles(a), readDoubles(b)];
  return left.every((value, at) => Object.is(value, right[at]));
}
