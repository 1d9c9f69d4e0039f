import { present } from '../contract/present.js';
import { intAttribute, intsAttribute, subgraphsOf } from '../model/attributes.js';
import { describeNode, type GraphProto, makeNode, type NodeProto } from '../model/graph.js';

/** A value that a Scan or Loop carries from round to round. */
export interface Carried {
  /** outside: before the first round, and after the last (undefined: nobody asks) */
  readonly start: string;
  readonly end: string | undefined;
  /** within the body: as it comes, and as it goes */
  readonly before: string;
  readonly after: string;
}

/** A tensor of which each round takes, or gives, one slice along an axis; `backward`: the last one first. */
export interface Sliced {
  /** undefined: nobody asks for it */
  readonly outer: string | undefined;
  readonly inner: string;
  readonly axis: number;
  readonly backward: boolean;
}

/** What Scan and Loop have in common: a body that is run round after round. */
export interface Rounds {
  readonly node: NodeProto;
  readonly body: GraphProto;
  readonly carried: readonly Carried[];
  readonly taken: readonly Sliced[];
  readonly given: readonly Sliced[];
}

export function roundsOf(node: NodeProto): Rounds {
  const body = present(subgraphsOf(node)[0], `the body of ${describeNode(node)}`);
  return node.opType === 'Loop' ? loopRounds(node, body) : scanRounds(node, body);
}

function scanRounds(node: NodeProto, body: GraphProto): Rounds {
  const taken = intAttribute(node, 'num_scan_inputs', 1);
  const states = node.input.length - taken;
  const list = (name: string) => intsAttribute(node, name) ?? [];
  const [inAxes, inWays] = [list('scan_input_axes'), list('scan_input_directions')];
  const [outAxes, outWays] = [list('scan_output_axes'), list('scan_output_directions')];
  return {
    node,
    body,
    carried: carriedOf(node.input.slice(0, states), node, body.input.slice(0, states), body.output.slice(0, states)),
    taken: node.input.slice(states).map((outer, i) => ({
      outer,
      inner: present(body.input[states + i], `input ${states + i} of the body of ${describeNode(node)}`).name,
      axis: inAxes[i] ?? 0,
      backward: inWays[i] === 1,
    })),
    given: body.output.slice(states).map(({ name }, i) => ({
      outer: node.output[states + i] || undefined,
      inner: name,
      axis: outAxes[i] ?? 0,
      backward: outWays[i] === 1,
    })),
  };
}

/** A Loop's number of rounds and condition are no values that something could flow through. */
function loopRounds(node: NodeProto, body: GraphProto): Rounds {
  const states = node.input.length - 2;
  return {
    node,
    body,
    carried: carriedOf(node.input.slice(2), node, body.input.slice(2), body.output.slice(1, 1 + states)),
    taken: [],
    given: body.output.slice(1 + states).map(({ name }, i) => ({
      outer: node.output[states + i] || undefined,
      inner: name,
      axis: 0,
      backward: false,
    })),
  };
}

type Named = readonly { readonly name: string }[];

function carriedOf(starts: readonly string[], node: NodeProto, before: Named, after: Named): Carried[] {
  return starts.map((start, i) => ({
    start,
    end: node.output[i] || undefined,
    before: present(before[i], `state ${i} of ${describeNode(node)}`).name,
    after: present(after[i], `state ${i} of ${describeNode(node)}`).name,
  }));
}

/** A Scan over rounds: values of the graph around in, names of its outputs out. */
export function makeScan(
  name: string,
  body: GraphProto,
  { carried, taken, given }: Omit<Rounds, 'node' | 'body'>,
): NodeProto {
  const way = ({ backward }: Sliced): number => (backward ? 1 : 0);
  return makeNode(
    'Scan',
    [...carried.map(({ start }) => start), ...taken.map(({ outer }) => outer ?? '')],
    [...carried.map(({ end }) => end ?? ''), ...given.map(({ outer }) => outer ?? '')],
    {
      body: { graph: body },
      num_scan_inputs: { int: taken.length },
      scan_input_axes: { ints: taken.map(({ axis }) => axis) },
      scan_input_directions: { ints: taken.map(way) },
      scan_output_axes: { ints: given.map(({ axis }) => axis) },
      scan_output_directions: { ints: given.map(way) },
    },
    name,
  );
}
