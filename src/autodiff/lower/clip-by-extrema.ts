import type { Graph } from '../../model/graph.js';
import { Emitter } from '../emitter.js';

/**
 * Writes every Clip whose bounds are not fixed, a FReLU with its offset in the bound, as Min(max, Max(min, x)): on WebGPU,
 * Clip takes its bounds from the host's memory, and would wait for the device to copy them there.
 *
 * Requires: the canonical op set. Ensures: the same function, with the gradient of a tie going to the bound as in Clip; the
 * output keeps its name. Returns how many were written so.
 */
export function clipByExtrema(graph: Graph, trained: ReadonlySet<string>): number {
  const isFixed = (value: string): boolean =>
    value === '' || (graph.constant(value) !== undefined && !trained.has(value));
  const clips = graph.nodes.filter(({ opType, input }) => opType === 'Clip' && !input.slice(1).every(isFixed));
  for (const node of clips) {
    const [x = '', min = '', max = ''] = node.input;
    const [y = ''] = node.output;
    const emit = new Emitter(graph, 'clip');
    const next = graph.nodes[graph.nodes.indexOf(node) + 1];
    graph.remove(node);
    if (max === '') emit.opTo(y, 'Max', [min, x]);
    else emit.opTo(y, 'Min', [max, min === '' ? x : emit.op('Max', [min, x])]);
    emit.flush(next);
  }
  return clips.length;
}
