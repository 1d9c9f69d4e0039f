import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { present } from '../../contract/present.js';
import { subgraphsOf } from '../../model/attributes.js';
import {
  bodyGraph,
  describeNode,
  type Graph,
  type GraphProto,
  makeNode,
  type NodeProto,
  nodeId,
} from '../../model/graph.js';
import { fixedRounds, shapesTellRounds } from '../../model/loops.js';
import { DataType, dimsOf, int64Tensor, rawTensor, type TensorProto } from '../../model/tensor.js';
import { Emitter } from '../emitter.js';
import { optionalOutput } from '../operands.js';
import type { Evaluate } from './freeze-shapes.js';
import { definedNames, renamed } from './renamed.js';

/** A Loop of more rounds stays: the graph grows with them. */
const mostUnrolled = 512;

/**
 * Writes the rounds of a Loop one behind the other, where they are not alike: it cuts its values at another place in each (torch.onnx
 * writes EmbeddingBag so), or computes anew whether it goes on. What a round computes of its number can then be folded.
 *
 * Requires: `freezeShapes`, so that what shapes tell is constant; the canonical op set. Ensures: the same values under the same names;
 * a Loop of which only a run tells the rounds stays. The values within are new: their shapes have not been observed. Returns how
 * many Loops were replaced.
 */
export async function unrollLoops(graph: Graph, evaluate: Evaluate): Promise<number> {
  let count = 0;
  for (const node of [...graph.nodes]) {
    const [body] = subgraphsOf(node);
    if (node.domain !== '' || node.opType !== 'Loop' || body === undefined) continue;
    const fixed = fixedRounds(graph, node);
    if (fixed !== null && !cutsByRound(graph, body)) continue;
    const rounds = fixed ?? (await countRounds(graph, node, body, evaluate));
    if (rounds === null || rounds === 0 || rounds > mostUnrolled) continue;
    unroll(graph, node, body, rounds);
    count++;
  }
  return count;
}

/** Whether a body takes slices whose ends it computes. */
function cutsByRound(graph: Graph, body: GraphProto): boolean {
  const inner = bodyGraph(graph, body);
  return body.node.some(
    ({ domain, opType, input }) =>
      domain === '' && opType === 'Slice' && input.slice(1, 3).some((value) => inner.constant(value) === undefined),
  );
}

/** How many rounds a Loop makes, by a run of what tells it alone; null where that needs more than constants. */
async function countRounds(
  graph: Graph,
  node: NodeProto,
  body: GraphProto,
  evaluate: Evaluate,
): Promise<number | null> {
  if (!shapesTellRounds(graph, node)) return null;
  const needed = new Set<NodeProto>();
  const states = new Set<number>();
  const outside = new Set<string>();
  const follow = (value: string): void => {
    const at = body.input.findIndex(({ name }) => name === value);
    const producer = body.node.find(({ output }) => output.includes(value));
    if (at >= 2 && !states.has(at - 2)) {
      states.add(at - 2);
      follow(present(body.output[at - 1], `state ${at - 2} of ${describeNode(node)}`).name);
    } else if (producer !== undefined && !needed.has(producer)) {
      needed.add(producer);
      producer.input.filter((input) => input !== '').forEach(follow);
    } else if (at < 0 && producer === undefined && body.initializer.every(({ name }) => name !== value)) {
      outside.add(value);
    }
  };
  const goesOn = present(body.output[0], `the condition of ${describeNode(node)}`);
  follow(goesOn.name);
  const kept = [...states].sort((a, b) => a - b);
  const [round] = body.input;
  const number = graph.freshName('round');
  const counting = create(GraphProtoSchema, {
    name: body.name,
    input: body.input.filter((_, at) => at < 2 || states.has(at - 2)),
    output: [
      goesOn,
      ...kept.flatMap((at) => body.output[at + 1] ?? []),
      create(ValueInfoProtoSchema, { name: number }),
    ],
    initializer: body.initializer,
    node: [...body.node.filter((one) => needed.has(one)), makeNode('Identity', [round?.name ?? ''], [number])],
  });
  const inputs = [node.input[0] ?? '', node.input[1] ?? '', ...kept.map((at) => node.input[at + 2] ?? '')];
  const read = new Set([...outside, ...inputs.filter((value) => value !== '')]);
  const initializer = [...read].flatMap((name) => {
    const tensor = graph.constant(name);
    return tensor === undefined ? [] : [{ ...tensor, name }];
  });
  if (initializer.length < read.size) return null;
  const ends = kept.map((at) => `${number}/end${at}`);
  const { irVersion, opsetImport } = graph.model;
  const results = await evaluate(
    create(ModelProtoSchema, {
      irVersion,
      opsetImport,
      graph: create(GraphProtoSchema, {
        name: 'rounds',
        node: [makeNode('Loop', inputs, [...ends, `${number}/all`], { body: { graph: counting } })],
        initializer,
        output: [create(ValueInfoProtoSchema, { name: `${number}/all` })],
      }),
    }),
  );
  const all = results.get(`${number}/all`);
  return all === undefined ? null : (dimsOf(all)[0] ?? null);
}

function unroll(graph: Graph, node: NodeProto, body: GraphProto, rounds: number): void {
  const id = nodeId(node);
  const emit = new Emitter(graph, id);
  const states = node.input.length - 2;
  const shared = new Map(body.initializer.map(({ name }) => [name, graph.freshName(`${id}/${name}`)] as const));
  for (const tensor of body.initializer)
    graph.addInitializer({ ...tensor, name: shared.get(tensor.name) ?? tensor.name });
  const add = (tensor: TensorProto): string => graph.addInitializer(tensor);
  const goes = add(rawTensor(graph.freshName(`${id}/goes`), DataType.BOOL, [], Uint8Array.of(1)));
  const inner = definedNames(body.node);

  let carried: readonly string[] = node.input.slice(2);
  const given = body.output.slice(1 + states).map((): string[] => []);
  for (const round of Array(rounds).keys()) {
    const number = add(int64Tensor(graph.freshName(`${id}/round`), [], [round]));
    const taken = [number, goes, ...carried];
    const names = new Map([...shared, ...body.input.map(({ name }, at) => [name, taken[at] ?? ''] as const)]);
    for (const name of inner) names.set(name, graph.freshName(`${id}/${round}/${name}`));
    const nameOf = (value: string): string => names.get(value) ?? value;
    for (const one of body.node) {
      const copy = renamed(one, nameOf);
      copy.name = graph.freshName(`${id}/${round}/${nodeId(one)}`);
      emit.nodes.push(copy);
    }
    carried = body.output.slice(1, 1 + states).map(({ name }) => nameOf(name));
    for (const [i, list] of given.entries()) {
      const name = nameOf(present(body.output[1 + states + i], `output ${i} of ${describeNode(node)}`).name);
      if (optionalOutput(node, states + i) !== undefined) list.push(emit.op('Unsqueeze', [name, emit.ints([0])]));
    }
  }
  for (const [i, value] of carried.entries()) {
    const output = optionalOutput(node, i);
    if (output !== undefined) emit.opTo(output, 'Identity', [value]);
  }
  for (const [i, list] of given.entries()) {
    const output = optionalOutput(node, states + i);
    if (output !== undefined) emit.opTo(output, 'Concat', list, { axis: { int: 0 } });
  }
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  graph.remove(node);
  emit.flush(next);
}
