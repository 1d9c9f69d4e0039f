import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, AttributeProto_AttributeType as AttributeType } from 'onnx-buf';
import { present } from '../../contract/present.js';
import type { GraphProto } from '../graph.js';
import type { OnnxBuilder } from './builder.js';

/** Gives the Scan that computes `output` its body. */
export function addBody(builder: OnnxBuilder, output: string, body: GraphProto): void {
  const attribute = create(AttributeProtoSchema, { name: 'body', type: AttributeType.GRAPH, g: body });
  present(builder.nodeOf(output), `the Scan of '${output}'`).attribute.push(attribute);
}
