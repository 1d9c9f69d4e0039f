import { intAttribute } from '../../model/attributes.js';
import {
  capturedBy,
  type Graph,
  inputName,
  isStandard,
  makeNode,
  type NodeProto,
  outputName,
} from '../../model/graph.js';
import {
  DataType,
  dimsOf,
  elementCount,
  floatTensor,
  isFloat,
  readDoubles,
  readIntegers,
  type TensorProto,
} from '../../model/tensor.js';

/** Operators that move numbers about, whatever their type: input 0 is what they move. */
const movers: ReadonlySet<string> = new Set([
  'DepthToSpace',
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/**
 * An input of whole numbers as one of floats, where the graph makes floats of them before it computes anything: by a Cast, or by a
 * DequantizeLinear of one scale, which becomes arithmetic. The same function of whole numbers, and one that has a gradient.
 * Requires: the canonical op set. Ensures: nothing is changed where the result is false, because the numbers are used otherwise,
 * as ids are.
 */
export function takeFloats(graph: Graph, input: string): boolean {
  const declared = graph.proto.input.find(({ name }) => name === input);
  if (declared?.type?.value.case !== 'tensorType') return false;
  const found = turnedIntoFloats(graph, input);
  if (found === null) return false;
  for (const node of found.dequantized) writeOut(graph, node);
  declared.type.value.value.elemType = DataType.FLOAT;
  // the types of what is between them were those of whole numbers
  graph.proto.valueInfo = [];
  return true;
}

/** The nodes at which the numbers become floats; null where they are used before. */
function turnedIntoFloats(graph: Graph, input: string): { readonly dequantized: readonly NodeProto[] } | null {
  const dequantized: NodeProto[] = [];
  const pending = [input];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (graph.isOutput(value)) return null;
    for (const node of graph.nodes) if (capturedBy(node).has(value)) return null;
    for (const { node, input: at } of graph.uses(value)) {
      if (!isStandard(node)) return null;
      if (node.opType === 'Cast' && intAttribute(node, 'to', 0) === DataType.FLOAT) continue;
      if (node.opType === 'Shape') continue;
      if (at !== 0) return null;
      if (node.opType === 'DequantizeLinear') {
        if (scaleOf(graph, node) === null) return null;
        dequantized.push(node);
      } else if (movers.has(node.opType)) pending.push(...node.output);
      else return null;
    }
  }
  return { dequantized };
}

const firstOf = (tensor: TensorProto): number | null =>
  (isFloat(tensor.dataType) ? readDoubles(tensor) : readIntegers(tensor))[0] ?? null;

/** One scale and one zero point for all numbers; null where they are computed, or one for each channel. */
function scaleOf(graph: Graph, node: NodeProto): { readonly scale: number; readonly zero: number } | null {
  const [scale, zero] = [1, 2].map((at) => {
    const name = node.input[at];
    if (name === undefined || name === '') return at === 2 ? 0 : null;
    const tensor = graph.constant(name);
    return tensor === undefined || elementCount(dimsOf(tensor)) !== 1 ? null : firstOf(tensor);
  });
  return scale === null || scale === undefined || zero === null || zero === undefined ? null : { scale, zero };
}

/** (x - zero point) * scale */
function writeOut(graph: Graph, node: NodeProto): void {
  const found = scaleOf(graph, node);
  if (found === null) return;
  const output = outputName(node);
  const one = (name: string, value: number): string =>
    graph.addInitializer(floatTensor(graph.freshName(`${output}/${name}`), [], Float32Array.of(value)));
  const shifted = graph.freshName(`${output}/shifted`);
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  graph.remove(node);
  graph.insert(
    [
      makeNode('Sub', [inputName(node, 0), one('zero', found.zero)], [shifted]),
      makeNode('Mul', [shifted, one('scale', found.scale)], [output]),
    ],
    next,
  );
}
