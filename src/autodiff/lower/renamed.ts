import { clone } from '@bufbuild/protobuf';
import { type GraphProto, type NodeProto, NodeProtoSchema } from 'onnx-buf';
import { subgraphsOf } from '../../model/attributes.js';

/** Every name that nodes define: their outputs, and all that the bodies within them define. */
export function definedNames(nodes: readonly NodeProto[]): Set<string> {
  const names = new Set<string>();
  const visit = (node: NodeProto): void => {
    for (const output of node.output) if (output !== '') names.add(output);
    for (const body of subgraphsOf(node)) {
      for (const { name } of [...body.input, ...body.initializer]) names.add(name);
      body.node.forEach(visit);
    }
  };
  nodes.forEach(visit);
  return names;
}

/** A copy of a node in which every value has the name that `nameOf` gives it, within its bodies too. */
export function renamed(node: NodeProto, nameOf: (value: string) => string): NodeProto {
  const copy = clone(NodeProtoSchema, node);
  renameIn(copy, (value) => (value === '' ? '' : nameOf(value)));
  return copy;
}

function renameIn(node: NodeProto, nameOf: (value: string) => string): void {
  node.input = node.input.map(nameOf);
  node.output = node.output.map(nameOf);
  for (const body of subgraphsOf(node)) renameBody(body, nameOf);
}

function renameBody(body: GraphProto, nameOf: (value: string) => string): void {
  for (const value of [...body.input, ...body.output, ...body.initializer, ...body.valueInfo]) {
    value.name = nameOf(value.name);
  }
  for (const node of body.node) renameIn(node, nameOf);
}
