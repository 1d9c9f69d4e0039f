import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
} from 'onnx-buf';
import { Graph, type NodeProto } from '../../../src/model/graph.js';
import { DataType, type TensorProto } from '../../../src/model/tensor.js';
import { valueInfo } from '../check-gradient.js';

export interface SmallModel {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly nodes: readonly NodeProto[];
  readonly constants?: readonly TensorProto[];
  readonly outputs?: readonly string[];
  /** the element type of inputs */
  readonly dataType?: number;
}

/** A graph in the canonical op set. */
export function graphOf({
  inputs,
  nodes,
  constants = [],
  outputs = ['y'],
  dataType = DataType.FLOAT,
}: SmallModel): Graph {
  return new Graph(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: '', version: 21n }],
      graph: create(GraphProtoSchema, {
        name: 'small',
        node: [...nodes],
        initializer: [...constants],
        input: Object.entries(inputs).map(([name, shape]) => valueInfo(name, shape, dataType)),
        output: outputs.map((name) => valueInfo(name)),
      }),
    }),
  );
}

/** Gives a node a body: a branch of If, or what Loop and Scan repeat. */
export function withBody(
  node: NodeProto,
  name: string,
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  constants: readonly TensorProto[] = [],
): NodeProto {
  node.attribute.push(
    create(AttributeProtoSchema, {
      name,
      type: AttributeType.GRAPH,
      g: { name, node: [...nodes], output: outputs.map((output) => valueInfo(output)), initializer: [...constants] },
    }),
  );
  return node;
}

export const operators = (graph: Graph): string[] => graph.nodes.map(({ opType }) => opType);
