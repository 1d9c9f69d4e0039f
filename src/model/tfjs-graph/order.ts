import type { GraphNode } from './graph-def.js';

/** A node that reads what follows from it. */
export interface Circle {
  readonly circle: string;
}

export function isCircle(order: readonly GraphNode[] | Circle): order is Circle {
  return 'circle' in order;
}

/** The nodes that `roots` need, each after what it reads. What is read and not among `nodes` is given. */
export function nodesFor(
  nodes: ReadonlyMap<string, GraphNode>,
  roots: readonly string[],
): readonly GraphNode[] | Circle {
  const order: GraphNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  // a stack of its own: graphs are deeper than the call stack
  const stack = [...roots].reverse();
  for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
    const node = nodes.get(name);
    if (node === undefined || state.get(name) === 'done') {
      stack.pop();
      continue;
    }
    const isWaitedFor = (input: string) => nodes.has(input) && state.get(input) !== 'done';
    const waiting = node.inputs.map((input) => input.node).filter(isWaitedFor);
    if (waiting.length === 0) {
      state.set(name, 'done');
      order.push(node);
      stack.pop();
    } else if (state.get(name) === 'open' && waiting.some((input) => state.get(input) === 'open')) {
      return { circle: name };
    } else {
      state.set(name, 'open');
      stack.push(...waiting.reverse());
    }
  }
  return order;
}
