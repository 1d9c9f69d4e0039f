import { Failure } from '../contract/failure.js';
import { subgraphsOf } from './attributes.js';
import type { Fact } from './fact.js';
import { bodyGraph, describeNode, type Graph, isStandard, type NodeProto } from './graph.js';
import { factOf, factOfInput, factOfNode } from './least-sizes.js';
import { leastRounds } from './loops.js';
import { scopesOf } from './scopes.js';
import { DataType, elementCount, isExternal, readTensor, type TensorProto } from './tensor.js';

/** Rounds of a Loop, those of Loops around it counted in: at a microsecond each, which is less than one takes, a quarter of a minute. */
const mostRounds = 2 ** 24;

/**
 * Refuses a model that asks, by what stands in its file, for more than the machine has: a tensor larger than its memory, a Loop without
 * end. What depends on the data, and what many nodes ask for together, is not seen.
 * @param memory bytes that the machine has
 * @throws Failure('input') that names the node
 */
export function refuseEndless(path: string, graph: Graph, memory: number): void {
  for (const scope of scopesOf(graph)) {
    if (scope.kind === 'body') continue;
    const wrong = faultIn(scope.graph, () => undefined, 1, memory);
    if (wrong === null) continue;
    throw new Failure('input', {
      what: `${path}: ${wrong}.`,
      cure: 'Correct the number in the model, or run on a larger machine.',
    });
  }
}

/**
 * @param around what is known of values of the graphs around this one
 * @param times how often this graph is run, at least
 */
function faultIn(
  graph: Graph,
  around: (value: string) => Fact | undefined,
  times: number,
  memory: number,
): string | null {
  const facts = new Map<string, Fact | undefined>();
  for (const tensor of graph.proto.initializer) facts.set(tensor.name, factOf(tensor));
  // what is given to a body hides what has its name outside
  for (const input of graph.proto.input) if (!facts.has(input.name)) facts.set(input.name, factOfInput(input));
  const known = (value: string) => (facts.has(value) ? facts.get(value) : around(value));
  for (const node of graph.nodes) {
    const constant = node.opType === 'Constant' ? graph.constant(node.output[0] ?? '') : undefined;
    const fact = constant === undefined ? factOfNode(node, node.input.map(known)) : factOf(constant);
    node.output.forEach((output, i) => {
      facts.set(output, i === 0 ? fact : undefined);
    });
    const wrong =
      sizeFault(node, fact, memory) ?? divisionFault(graph, node) ?? bodyFault(graph, node, known, times, memory);
    if (wrong !== null) return wrong;
  }
  return null;
}

function sizeFault(node: NodeProto, fact: Fact | undefined, memory: number): string | null {
  if (fact === undefined) return null;
  const bytes = elementCount(fact.dims) * fact.width;
  if (!(bytes > memory)) return null;
  const gigabytes = (count: number) => `${(count / 2 ** 30).toPrecision(3)} GiB`;
  return `${describeNode(node)} gives [${fact.dims.join(', ')}], ${gigabytes(bytes)}, where the machine has ${gigabytes(memory)}`;
}

/** The smallest number of each type, whose quotient by -1 the type does not hold: the processor ends the process at it. */
const smallest: ReadonlyMap<number, bigint> = new Map([
  [DataType.INT32, -(2n ** 31n)],
  [DataType.INT64, -(2n ** 63n)],
]);

function divisionFault(graph: Graph, node: NodeProto): string | null {
  if (!isStandard(node) || (node.opType !== 'Div' && node.opType !== 'Mod')) return null;
  const [a, b] = node.input.map((input) => graph.constant(input));
  const least = a && smallest.get(a.dataType);
  if (a === undefined || b === undefined || least === undefined || isExternal(a) || isExternal(b)) return null;
  const holds = (tensor: TensorProto, value: bigint) =>
    Array.from<number | bigint, bigint>(readTensor(tensor), BigInt).includes(value);
  return holds(b, -1n) && holds(a, least)
    ? `${describeNode(node)} divides ${least} by -1, which no ${a.dataType === DataType.INT32 ? 'INT32' : 'INT64'} holds`
    : null;
}

function bodyFault(
  graph: Graph,
  node: NodeProto,
  known: (value: string) => Fact | undefined,
  times: number,
  memory: number,
): string | null {
  const rounds = times * (node.opType === 'Loop' ? (leastRounds(graph, node) ?? 1) : 1);
  if (rounds > mostRounds) {
    return Number.isFinite(rounds)
      ? `${describeNode(node)} makes ${rounds} rounds`
      : `${describeNode(node)} never ends: nothing counts its rounds, and its condition stays true`;
  }
  // a body that is never run asks for nothing
  if (rounds === 0) return null;
  for (const body of subgraphsOf(node)) {
    const wrong = faultIn(bodyGraph(graph, body), known, rounds, memory);
    if (wrong !== null) return wrong;
  }
  return null;
}
