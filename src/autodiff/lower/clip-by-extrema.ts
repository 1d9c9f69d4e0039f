import { present } from '../../contract/present.js';
import { describeNode, type Graph } from '../../model/graph.js';
import { Emitter } from '../emitter.js';
import { inputOf, optionalInput, outputOf } from '../operands.js';

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
    const [x, min, max, y] = [inputOf(node, 0), optionalInput(node, 1), optionalInput(node, 2), outputOf(node)];
    const emit = new Emitter(graph, 'clip');
    const next = graph.nodes[graph.nodes.indexOf(node) + 1];
    graph.remove(node);
    // a bound that is not fixed is there
    if (max !== undefined) emit.opTo(y, 'Min', [max, min === undefined ? x : emit.op('Max', [min, x])]);
    else emit.opTo(y, 'Max', [present(min, `a bound of ${describeNode(node)}`), x]);
    emit.flush(next);
  }
  return clips.length;
}
