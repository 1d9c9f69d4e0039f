import { makeNode } from '../graph.js';
import type { DType } from '../tfjs/builder.js';
import type { Computed, NodeContext } from './context.js';
import { dtypeAttribute, type GraphNode } from './graph-def.js';
import { loopOp } from './loops.js';

/** The domain of nodes that stand for what cannot be read. ONNX Runtime has no operator of it. */
const unreadDomain = 'tensorflow';

/**
 * A node that reads what a GraphDef node reads and gives as many values, in the place of an operator that no ONNX nodes are known for:
 * who plans sees that the values are read, and nobody can run it. Its outputs' types are those that TensorFlow declares, as far as the
 * node says them, and their shapes are not known.
 * @param count how many of its outputs are read
 */
export function unreadNode(context: NodeContext, count: number): Computed[] {
  const { node, builder, arity } = context;
  const inputs = Array.from({ length: arity }, (_, input) => context.plain(input).name);
  const names = Array.from({ length: count }, (_, output) => builder.freshName(`${node.name}:${output}`));
  const made = makeNode(node.op, inputs, names, {}, '', unreadDomain);
  builder.nodes.push(made);
  builder.nameNode(made, node.name);
  return names.map((name, output) => context.plainResult(name, typeOf(node, output), null));
}

/** The outputs of the operators at the end of detectors, whose attributes do not say them. */
const types: ReadonlyMap<string, readonly DType[]> = new Map([
  ['NonMaxSuppressionV2', ['int32']],
  ['NonMaxSuppressionV3', ['int32']],
  ['NonMaxSuppressionV4', ['int32', 'int32']],
  ['NonMaxSuppressionV5', ['int32', 'float32', 'int32']],
]);

function typeOf(node: GraphNode, output: number): DType {
  const attributes = ['element_dtype', 'dtype', 'out_type', 'T'];
  const declared = attributes.flatMap((name) => dtypeAttribute(node, name) ?? []);
  return types.get(node.op)?.[output] ?? declared[0] ?? 'float32';
}

/** What TensorFlow writes for a loop, and for the lists of tensors that one keeps. */
const ofLoops = /^(Enter|Exit|LoopCond|Merge|NextIteration|Switch|(Stateless)?While|Tensor(List|Array).*)$/;
export const cureOfLoops =
  'What is read of loops is what Keras writes for recurrent layers: one that takes the elements of a tensor in turn. Export the whole model to ONNX (tf2onnx), or the part before the loop.';

/** What to do about an operator that is not covered; null where that is the usual. */
export function cureOf(op: string): string | null {
  return op === loopOp || ofLoops.test(op) ? cureOfLoops : null;
}
