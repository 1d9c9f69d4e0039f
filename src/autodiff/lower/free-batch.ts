import type { Graph } from '../../model/graph.js';
import { int64Tensor, readIntegers } from '../../model/tensor.js';
import { constantInput } from '../operands.js';

/**
 * Frees a batch size that the export fixed, so that a model can be trained in batches of another size: the inputs' first
 * dimension becomes symbolic, and a Reshape to [batch, ...] takes its first dimension from the tensor instead.
 *
 * Requires: every feed has the batch on axis 0. Ensures: nothing where the batch is free already. The caller checks the
 * function against the original, sample by sample: a graph can mix samples in ways that no rewrite frees.
 * Returns the batch size that was fixed, or null.
 */
export function freeBatch(graph: Graph): number | null {
  let fixed: number | null = null;
  for (const value of [...graph.feeds(), ...graph.proto.output]) {
    const type = value.type?.value;
    const first = type?.case === 'tensorType' ? type.value.shape?.dim[0] : undefined;
    if (first?.value.case !== 'dimValue') continue;
    // some exporters write a free dimension as -1
    if (first.value.value > 0n) fixed ??= Number(first.value.value);
    first.value = { case: 'dimParam', value: 'batch' };
  }
  if (fixed === null) return null;
  graph.proto.valueInfo = [];
  for (const node of graph.nodes) {
    if (node.opType !== 'Reshape' || constantInput(graph, node, 0) !== undefined) continue;
    const target = constantInput(graph, node, 1);
    if (target === undefined) continue;
    const shape = readIntegers(target);
    if (shape[0] !== fixed) continue;
    // a leading 0 copies the batch; where the data's own first axis is no batch, only -1 can stand for it
    const freed = shape.includes(-1) ? [0, ...shape.slice(1)] : [-1, ...shape.slice(1)];
    graph.setInput(
      node,
      1,
      graph.addInitializer(int64Tensor(graph.freshName(`${target.name}/batch`), [freed.length], freed)),
    );
  }
  return fixed;
}
