import type { AttributeProto, GraphProto, ModelProto, SparseTensorProto, TensorProto } from 'onnx-buf';

/**
 * The tensors of a model that are no initializers of its main graph: those of bodies (If, Loop, Scan), of constants, of local
 * functions, and the parts of sparse ones. The parser lets bodies lie within each other some thirty deep.
 */
export function innerTensors({ graph, functions }: ModelProto): TensorProto[] {
  return [
    ...(graph === undefined ? [] : within(graph)),
    ...functions.flatMap(({ node, attributeProto }) => [
      ...node.flatMap(({ attribute }) => attribute.flatMap(ofAttribute)),
      ...attributeProto.flatMap(ofAttribute),
    ]),
  ];
}

/** All that a graph holds but its own initializers. */
function within({ node, sparseInitializer }: GraphProto): TensorProto[] {
  return [...node.flatMap(({ attribute }) => attribute.flatMap(ofAttribute)), ...sparseInitializer.flatMap(partsOf)];
}

function ofAttribute({ t, tensors, sparseTensor, sparseTensors, g, graphs }: AttributeProto): TensorProto[] {
  const sparse = sparseTensor === undefined ? sparseTensors : [sparseTensor, ...sparseTensors];
  const bodies = g === undefined ? graphs : [g, ...graphs];
  return [
    ...(t === undefined ? [] : [t]),
    ...tensors,
    ...sparse.flatMap(partsOf),
    ...bodies.flatMap((body) => [...body.initializer, ...within(body)]),
  ];
}

function partsOf({ values, indices }: SparseTensorProto): TensorProto[] {
  return [values, indices].filter((part) => part !== undefined);
}
