import { intAttribute, intsAttribute } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { elementCount } from '../../model/tensor.js';
import { Emitter } from '../emitter.js';
import { inputOf, optionalInput, outputOf } from '../operands.js';

/**
 * Gives two-dimensional convolutions with a stride, of few channels and less than a block of filters, filters of zeros up to a whole block, whose
 * channels are cut off again: so they can be brought into blocked layout (`block-layout.ts`), where they take between a quarter and nine
 * tenths of their time in spite of them. ONNX Runtime unfolds the plain ones on one thread, and the gradient of their weights reads
 * every second or fourth number for each tap. Without a stride there is nothing to gain.
 *
 * Requires: the canonical op set, static `shapes`. Ensures: the same function. Returns how many were filled up.
 */
export function fillBlocks(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>, blockSize: number): number {
  const chosen = graph.nodes.filter((node) => {
    if (node.domain !== '' || node.opType !== 'Conv') return false;
    const [filters = 0, channels = 0, ...kernel] = shapes.get(inputOf(node, 1)) ?? [];
    return isStrided(node, kernel) && channels < blockSize && filters < blockSize && 4 * filters >= blockSize;
  });
  for (const node of chosen) fill(graph, node, shapes.get(inputOf(node, 1))?.[0] ?? 0, blockSize);
  return chosen.length;
}

function isStrided(node: NodeProto, kernel: readonly number[]): boolean {
  if (kernel.length !== 2 || elementCount(kernel) === 1) return false;
  const [strides, dilations] = [intsAttribute(node, 'strides') ?? [], intsAttribute(node, 'dilations') ?? []];
  if (intAttribute(node, 'group', 1) !== 1 || dilations.some((dilation) => dilation !== 1)) return false;
  return strides.some((stride) => stride > 1);
}

function fill(graph: Graph, node: NodeProto, filters: number, blockSize: number): void {
  const [x, w, bias] = [inputOf(node, 0), inputOf(node, 1), optionalInput(node, 2)];
  const emit = new Emitter(graph, 'filled');
  const filled = (value: string, axes: number): string => {
    const none = Array<number>(axes - 1).fill(0);
    return emit.op('Pad', [value, emit.ints([0, ...none, blockSize - filters, ...none])]);
  };
  const whole = emit.op('Conv', [x, filled(w, 4), ...(bias === undefined ? [] : [filled(bias, 1)])]);
  emit.nodes.at(-1)?.attribute.push(...node.attribute);
  emit.opTo(outputOf(node), 'Slice', [whole, emit.ints([0]), emit.ints([filters]), emit.ints([1])]);
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  graph.remove(node);
  emit.flush(next);
}
