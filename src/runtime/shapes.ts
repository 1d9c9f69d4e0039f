import { clone, create } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { type Graph, makeNode } from '../model/graph.js';
import { dimsOf } from '../model/tensor.js';
import { openSession, type Tensor } from './session.js';

/**
 * The shape of every value of a graph at the shapes of `feeds`, read off one execution: exact for every operator that
 * ONNX Runtime knows, with no shape inference of our own. Initializers are included; values that are no tensors are not.
 * Optimisation is off, so that every value of the graph is one that is computed.
 */
export async function observeShapes(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Map<string, readonly number[]>> {
  const model = clone(ModelProtoSchema, graph.model);
  const copy = model.graph;
  if (copy === undefined) throw new Error('the model has no graph');
  const shapes = new Map<string, readonly number[]>();
  for (const tensor of copy.initializer) shapes.set(tensor.name, dimsOf(tensor));
  for (const [name, tensor] of Object.entries(feeds)) shapes.set(name, tensor.dims);

  const values = graph.nodes.flatMap((node) => node.output.filter((output) => output !== ''));
  const probes = values.map((value, i) => ({ value, probe: `frelu/shape:${i}` }));
  copy.output = probes.map(({ probe }) => create(ValueInfoProtoSchema, { name: probe }));
  copy.node.push(...probes.map(({ value, probe }) => makeNode('Shape', [value], [probe])));

  const session = await openSession(model, { graphOptimizationLevel: 'disabled' });
  try {
    const outputs = await session.run(feeds);
    for (const { value, probe } of probes) {
      const dims = outputs[probe]?.data;
      if (dims instanceof BigInt64Array) shapes.set(value, Array.from(dims, Number));
    }
  } finally {
    await session.release();
  }
  return shapes;
}
