import { clone } from '@bufbuild/protobuf';
import { OperatorSetIdProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { present } from '../../contract/present.js';
import { type Graph, nodeId } from '../../model/graph.js';
import { shareTensor } from '../../model/tensor.js';
import { definedNames, renamed } from './renamed.js';

/** What a graph's names became within another. */
export interface Appended {
  /** by the appended graph's own names of its outputs */
  readonly outputs: ReadonlyMap<string, string>;
  /** the appended graph's inputs that became inputs of the whole, by their own names */
  readonly inputs: ReadonlyMap<string, string>;
}

/**
 * Puts a graph behind another, in place: its inputs in `values` read the values that they are mapped to, the others become inputs of
 * the whole. Every name of it is made anew, so that none collides; the names of its nodes begin with `prefix`.
 *
 * Requires: both in the canonical op set or a newer one (`raiseOpset`), no local functions. Ensures: nothing of `graph` changes but what is added;
 * its outputs are not touched; it imports the newer op set of the two, in which both mean the same.
 */
export function appendGraph(
  graph: Graph,
  behind: Graph,
  values: ReadonlyMap<string, string>,
  prefix: string,
): Appended {
  // first, so that messages can say them
  const nodeNames = behind.nodes.map((node) => graph.freshName(`${prefix}${nodeId(node)}`));
  const names = new Map(values);
  const inputs = new Map<string, string>();
  for (const input of behind.feeds()) {
    if (values.has(input.name)) continue;
    const name = graph.freshName(`${prefix}${input.name}`);
    names.set(input.name, name);
    inputs.set(input.name, name);
    graph.proto.input.push(Object.assign(clone(ValueInfoProtoSchema, input), { name }));
  }
  for (const tensor of behind.proto.initializer) {
    const copy = shareTensor(tensor);
    copy.name = graph.freshName(`${prefix}${tensor.name}`);
    names.set(tensor.name, graph.addInitializer(copy));
  }
  for (const value of definedNames(behind.nodes)) {
    if (!names.has(value)) names.set(value, graph.freshName(`${prefix}${value}`));
  }
  const nameOf = (value: string): string => names.get(value) ?? value;
  graph.insert(
    behind.nodes.map((node, i) => {
      const copy = renamed(node, nameOf);
      copy.name = present(nodeNames[i], `the name of ${nodeId(node)}`);
      return copy;
    }),
  );
  importNewer(graph, behind);
  const outputs = new Map(behind.proto.output.map(({ name }) => [name, nameOf(name)] as const));
  return { outputs, inputs };
}

function importNewer({ model }: Graph, { model: other }: Graph): void {
  const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);
  for (const entry of other.opsetImport) {
    const own = model.opsetImport.find(({ domain }) => domainOf(domain) === domainOf(entry.domain));
    if (own === undefined) model.opsetImport.push(clone(OperatorSetIdProtoSchema, entry));
    else if (own.version < entry.version) own.version = entry.version;
  }
  if (model.irVersion < other.irVersion) model.irVersion = other.irVersion;
}
