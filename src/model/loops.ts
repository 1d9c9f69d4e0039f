import { subgraphsOf } from './attributes.js';
import {
  drawsNumbers,
  type Graph,
  type GraphProto,
  inputName,
  isStandard,
  type NodeProto,
  optionalInput,
} from './graph.js';
import { readIntegers, type TensorProto } from './tensor.js';

/**
 * How many rounds a Loop makes, where that is the same in every run: its trip count is a constant, and its condition is true
 * before the first round and stays so. Null where only a run tells.
 */
export function fixedRounds(graph: Graph, node: NodeProto): number | null {
  const rounds = leastRounds(graph, node);
  return rounds === Number.POSITIVE_INFINITY ? null : rounds;
}

/** `fixedRounds`, but infinity for a Loop that nothing ever ends. */
export function leastRounds(graph: Graph, node: NodeProto): number | null {
  const [body] = subgraphsOf(node);
  const [rounds, condition] = [optionalInput(node, 0), optionalInput(node, 1)];
  const trips = rounds === null ? undefined : graph.constant(rounds);
  if (body === undefined || (rounds !== null && trips === undefined)) return null;
  if (condition !== null && !isTrue(graph.constant(condition))) return null;
  if (!staysTrue(graph, body)) return null;
  return trips === undefined ? Number.POSITIVE_INFINITY : Math.max(0, readIntegers(trips)[0] ?? 0);
}

/**
 * Whether the shapes of what a model reads, and its constants, tell how many rounds a Loop makes: as many in every run at one batch
 * size. (For a trip count alone that is as good as `fixedRounds` once shapes are constants.)
 */
export function shapesTellRounds(graph: Graph, node: NodeProto): boolean {
  const [body] = subgraphsOf(node);
  // within another body shapes do not become constants
  if (node.opType !== 'Loop' || body === undefined || graph.outer !== null) return false;
  const known = new Map<string, boolean>();
  const given = node.input.slice(0, 2).filter((value) => value !== '');
  if (!given.every((value) => shapesTell(graph, value, known))) return false;

  const within = new Map<string, boolean>();
  const tells = (value: string): boolean => {
    const before = within.get(value);
    if (before !== undefined) return before;
    // what a round takes from the one before is told, unless what it comes from says otherwise
    within.set(value, true);
    const at = body.input.findIndex(({ name }) => name === value);
    const start = node.input[at];
    const producer = body.node.find(({ output }) => output.includes(value));
    const is =
      at >= 2
        ? start !== undefined && shapesTell(graph, start, known) && tells(body.output[at - 1]?.name ?? '')
        : at >= 0 ||
          body.initializer.some(({ name }) => name === value) ||
          (producer === undefined
            ? shapesTell(graph, value, known)
            : computesAlike(producer) && producer.input.every((input) => input === '' || tells(input)));
    within.set(value, is);
    return is;
  };
  return tells(body.output[0]?.name ?? '');
}

/** Whether a value depends on nothing but constants and shapes. */
function shapesTell(graph: Graph, value: string, known: Map<string, boolean>): boolean {
  const before = known.get(value);
  if (before !== undefined) return before;
  const node = graph.producer(value);
  const is =
    graph.constant(value) !== undefined ||
    (node !== undefined &&
      (node.opType === 'Shape' ||
        node.opType === 'Size' ||
        (computesAlike(node) && node.input.every((input) => input === '' || shapesTell(graph, input, known)))));
  known.set(value, is);
  return is;
}

/** Whether a node gives the same for the same inputs; of what has bodies nothing is said. */
function computesAlike(node: NodeProto): boolean {
  return isStandard(node) && subgraphsOf(node).length === 0 && !drawsNumbers(node);
}

/** Whether a body's condition is a constant, or what it is given. */
function staysTrue(graph: Graph, body: GraphProto): boolean {
  const given = body.input[1]?.name;
  let value = body.output[0]?.name ?? '';
  for (;;) {
    if (value === given) return true;
    const own = body.initializer.find(({ name }) => name === value);
    if (own !== undefined) return isTrue(own);
    const producer = body.node.find(({ output }) => output.includes(value));
    if (producer === undefined) return isTrue(graph.constant(value));
    if (producer.opType === 'Constant') return isTrue(producer.attribute[0]?.t);
    if (producer.opType !== 'Identity' && producer.opType !== 'Cast') return false;
    value = inputName(producer, 0);
  }
}

function isTrue(tensor: TensorProto | undefined): boolean {
  return tensor !== undefined && (readIntegers(tensor)[0] ?? 0) !== 0;
}
