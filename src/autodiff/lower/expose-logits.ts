import { clone, create } from '@bufbuild/protobuf';
import { NodeProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { subgraphsOf } from '../../model/attributes.js';
import type { Graph, GraphProto, NodeProto } from '../../model/graph.js';
import { type Head, headsOf } from '../../model/head.js';
import { Emitter } from '../emitter.js';

/** Which loss the one output that is left is made for. */
export type ExposedLoss =
  /** a softmax over the output gives the probabilities */
  | 'cross-entropy-on-logits'
  /** a sigmoid of each output gives its probability */
  | 'binary-cross-entropy-on-logits'
  /** nothing stands between the output and its last layer, or nothing that is known */
  | 'as-it-is';

/**
 * Rewrites a training copy in place so that its one output is what enters the last activation of `head`, laid out as the
 * output is: what lays the probabilities out otherwise is applied to the logits, the columns [1 - p, p] become
 * [0, logit]. So nothing is trained through a softmax, and targets made for the output fit. Where the head has no
 * activation (its probabilities may come from elsewhere), the output stays as it is. Other outputs are removed, with all that only they need.
 *
 * Requires: the canonical op set; a head by the name of one of the graph's outputs, of this graph or of the one that it is a copy of.
 * @throws Error when the graph has no such output
 */
export function exposeLogits(graph: Graph, head: Pick<Head, 'output'>): ExposedLoss {
  // read anew: the nodes of a copy are its own, and raising an op set replaces some
  const own = headsOf(graph).find(({ output }) => output === head.output);
  if (own === undefined) throw new Error(`the graph has no output '${head.output}'`);
  keepOutputs(graph, [{ output: own.output, value: writeLogits(graph, own) }]);
  switch (own.activation) {
    case 'softmax':
    case 'log-softmax':
      return 'cross-entropy-on-logits';
    case 'sigmoid':
      return 'binary-cross-entropy-on-logits';
    case 'none':
      return 'as-it-is';
  }
}

/** Writes the logits of a head in the layout of its value; returns their name. */
export function writeLogits(graph: Graph, { activation, logits, scale, tail, columns, value }: Head): string {
  if (activation === 'none') return value;
  const emit = new Emitter(graph, 'logits');
  let at = scale === 1 ? logits : scale === -1 ? emit.op('Neg', [logits]) : emit.op('Mul', [logits, emit.float(scale)]);
  for (const node of tail) {
    if (node === columns) {
      const attribute = node.attribute.find(({ name }) => name === 'axis');
      // the logit of the first class is 0, in the type and shape of the second's
      const zero = emit.op('Sub', [at, at]);
      at = emit.op('Concat', [zero, at], { axis: { int: Number(attribute?.i ?? 1n) } });
    } else {
      const copy = clone(NodeProtoSchema, node);
      copy.name = graph.freshName(`logits/${node.opType}`);
      copy.input[0] = at;
      at = graph.freshName(`${copy.name}:0`);
      copy.output = [at];
      emit.nodes.push(copy);
    }
  }
  emit.flush();
  return at;
}

/** Makes values the only outputs, each of the shape that its `output` had, and removes what they do not need. */
export function keepOutputs(graph: Graph, kept: readonly { readonly output: string; readonly value: string }[]): void {
  graph.proto.output = kept.map(({ output, value }) => {
    const declared = graph.proto.output.find(({ name }) => name === output);
    const tensor = declared?.type?.value.case === 'tensorType' ? declared.type : undefined;
    return create(ValueInfoProtoSchema, tensor === undefined ? { name: value } : { name: value, type: tensor });
  });
  const needed = neededNodes(
    graph,
    kept.map(({ value }) => value),
  );
  const unused = graph.nodes.filter((node) => !needed.has(node));
  const read = new Set(unused.flatMap(readsOf));
  const gone = new Set(unused.flatMap((node) => node.output));
  for (const node of unused) graph.remove(node);
  for (const name of read) {
    if (graph.initializer(name) !== undefined && graph.uses(name).length === 0) graph.removeInitializer(name);
  }
  graph.proto.valueInfo = graph.proto.valueInfo.filter(({ name }) => !gone.has(name));
}

function neededNodes(graph: Graph, values: readonly string[]): Set<NodeProto> {
  const needed = new Set<NodeProto>();
  const open = [...values];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const node = graph.producer(at);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    open.push(...readsOf(node));
  }
  return needed;
}

/** What a node reads, with what its bodies may read from outside. */
function readsOf(node: NodeProto): string[] {
  const inBody = (body: GraphProto): string[] => [
    ...body.node.flatMap(readsOf),
    ...body.output.map(({ name }) => name),
  ];
  return [...node.input, ...subgraphsOf(node).flatMap(inBody)];
}
