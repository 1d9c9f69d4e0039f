import { findAttribute } from '../../model/attributes.js';
import { type Graph, inputName, makeNode, type NodeProto, outputName } from '../../model/graph.js';
import { DataType, floatTensor } from '../../model/tensor.js';

/**
 * Writes scikit-learn's scalers (`ai.onnx.ml` Scaler) out as what they are, (x - offset) * scale, one number of each or one a feature of the
 * last axis. Ensures: the same values, by operators that have a gradient. What they hold was fitted, not learned, and is no parameter.
 */
export function writeOutScalers(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    if (node.domain === 'ai.onnx.ml' && node.opType === 'Scaler') writeOut(graph, node);
  }
}

function writeOut(graph: Graph, node: NodeProto): void {
  const output = outputName(node);
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  const constant = (attribute: string): string => {
    const values = findAttribute(node, attribute)?.floats ?? [];
    return graph.addInitializer(floatTensor(graph.freshName(`${output}/${attribute}`), [values.length], values));
  };
  const [floats, centred] = [graph.freshName(`${output}/float`), graph.freshName(`${output}/centred`)];
  graph.remove(node);
  graph.insert(
    [
      // it takes whole numbers too
      makeNode('Cast', [inputName(node, 0)], [floats], { to: { int: DataType.FLOAT } }),
      makeNode('Sub', [floats, constant('offset')], [centred]),
      makeNode('Mul', [centred, constant('scale')], [output]),
    ],
    next,
  );
}
