import { present } from '../contract/present.js';
import { bodyGraph, capturedBy, type Graph, nodeId } from '../model/graph.js';
import {
  BackwardBody,
  type BodyContext,
  bodyOf,
  type Contribution,
  needed,
  type RoundProduct,
  readBy,
  type ShapedValue,
  splitSum,
} from './backward-body.js';
import { ForwardBody } from './forward-body.js';
import { isFlat } from './gradients/index.js';
import { type Carried, makeScan, type Rounds, roundsOf, type Sliced } from './rounds.js';

/** What a backward Scan is put together from. */
interface BackwardScan {
  readonly carried: Carried[];
  readonly taken: Sliced[];
  readonly given: Sliced[];
  /** of what the body gives */
  readonly shapes: Map<string, ShapedValue['shape']>;
  readonly contributions: Contribution[];
}

/** The gradients of what a Scan, or a Loop of so many rounds, reads: by a Scan over the rounds, the last first. */
export function roundGradients(context: BodyContext): Contribution[] {
  const { graph, node, emit } = context;
  const rounds = roundsOf(node);
  const inner = bodyGraph(graph, rounds.body);
  const inside = activeInside(context, rounds, inner);
  const forward = new ForwardBody(graph, rounds);
  const scan: BackwardScan = { carried: [], taken: [], given: [], shapes: new Map(), contributions: [] };

  // what comes from the rounds behind, and from what reads the slices
  const states = rounds.carried
    .filter(({ before }) => inside.has(before))
    .map((state) => ({ ...state, incoming: inner.freshName(`grad/${state.after}`) }));
  const seeds = states.map(({ after, incoming }): Contribution => [after, incoming]);
  for (const one of rounds.given) {
    const outer = gradientOf(context, one.outer);
    if (outer === null || !inside.has(one.inner)) continue;
    const name = inner.freshName(`grad/${one.inner}`);
    scan.taken.push({ ...one, outer, inner: name, backward: !one.backward });
    seeds.push([one.inner, name]);
  }
  const captured = [...capturedBy(node)].filter((value) => context.active.has(value));
  const slices = rounds.taken.filter(({ outer = '', inner: name }) => context.active.has(outer) && inside.has(name));
  const wanted = new Set([...states.map(({ before }) => before), ...slices.map((one) => one.inner), ...captured]);
  const backward = new BackwardBody(inner, seeds, wanted, context);

  for (const { start, end, before, incoming } of states) {
    const shape = shapeOf(context, before);
    const after = backward.output(backward.gradients.get(before) ?? backward.zeros(shape));
    const begins = gradientOf(context, end) ?? emit.op('ConstantOfShape', [emit.ints(shape)]);
    const ends = graph.freshName(`${emit.prefix}/${before}`);
    scan.carried.push({ start: begins, end: ends, before: incoming, after });
    scan.shapes.set(after, shape);
    scan.contributions.push([start, ends]);
  }
  for (const one of slices) {
    const gradient = backward.gradients.get(one.inner);
    if (gradient === undefined || one.outer === undefined) continue;
    const outer = graph.freshName(`${emit.prefix}/${one.inner}`);
    const given = backward.output(gradient);
    scan.given.push({ ...one, outer, inner: given, backward: !one.backward });
    scan.shapes.set(given, shapeOf(context, one.inner));
    scan.contributions.push([one.outer, outer]);
  }
  for (const value of captured) addUp(context, { inner, forward, backward, scan }, value);

  const outputs = [...scan.carried.map(({ after }) => after), ...scan.given.map((one) => one.inner)];
  if (outputs.length === 0) return scan.contributions;
  const own = backward.takeInitializers();
  // only what is needed of the backward nodes asks for values of the forward pass
  const nodes = needed(backward.nodes, outputs);
  const brought = forward.bring(nodes, outputs);
  const taken = [...brought.taken, ...scan.taken];
  const inputs = [...scan.carried.map(({ before }) => before), ...taken.map((one) => one.inner)];
  const initializers = [...brought.initializers, ...own];
  const name = graph.freshName(`${emit.prefix}/${nodeId(node)}`);
  const shaped = outputs.map((output) => ({ name: output, shape: scan.shapes.get(output) ?? [] }));
  const body = bodyOf(name, inputs, shaped, [...brought.nodes, ...nodes], initializers);
  emit.nodes.push(makeScan(name, body, { ...scan, taken }));
  return scan.contributions;
}

function gradientOf({ node, outputGradients }: BodyContext, output: string | undefined): string | null {
  return output === undefined ? null : (outputGradients[node.output.indexOf(output)] ?? null);
}

function shapeOf({ options }: BodyContext, value: string): readonly number[] {
  return present(options.shapes.get(value), `the shape of '${value}'`);
}

interface Parts {
  readonly inner: Graph;
  readonly forward: ForwardBody;
  readonly backward: BackwardBody;
  readonly scan: BackwardScan;
}

/**
 * The gradient of a value that every round reads. Products of matrices (dW of a layer) are taken once, of all rounds below each
 * other, which is what a processor is good at; the rest is carried from round to round.
 */
function addUp(context: BodyContext, { inner, forward, backward, scan }: Parts, value: string): void {
  const { graph, emit } = context;
  const gradient = backward.gradients.get(value);
  if (gradient === undefined) return;
  const shape = shapeOf(context, value);
  const stackOf = (part: string, columns: number): string => {
    if (forward.isVarying(part)) return forward.stack(part);
    const outer = graph.freshName(`${emit.prefix}/${part}/stack`);
    const given = backward.output(part);
    scan.given.push({ outer, inner: given, axis: 0, backward: true });
    scan.shapes.set(given, [`${given}/rows`, columns]);
    return outer;
  };
  const isStackable = ({ left, right }: RoundProduct): boolean =>
    !forward.isInvariant(left) && !forward.isInvariant(right);
  const { products, rest } = splitSum(backward, gradient, isStackable);
  for (const { left, right, alpha } of products) {
    const rows = (part: string, columns: number) =>
      emit.op('Reshape', [stackOf(part, columns), emit.ints([-1, columns])]);
    const operands = [rows(left, shape[0] ?? 1), rows(right, shape[1] ?? 1)];
    const attributes = { transA: { int: 1 }, alpha: { float: alpha } };
    scan.contributions.push([value, emit.op('Gemm', operands, attributes)]);
  }
  if (rest === null) return;
  const before = inner.freshName(`grad/${value}/sum`);
  const after = backward.output(backward.emit.op('Add', [before, rest]));
  const end = graph.freshName(`${emit.prefix}/${value}/sum`);
  scan.carried.push({ start: emit.op('ConstantOfShape', [emit.ints(shape)]), end, before, after });
  scan.shapes.set(after, shape);
  scan.contributions.push([value, end]);
}

/** The values of a body that a gradient flows through: from what is active around it, round after round. */
function activeInside({ node, active }: BodyContext, { carried, taken }: Rounds, inner: Graph): Set<string> {
  const inside = new Set([...capturedBy(node)].filter((value) => active.has(value)));
  for (const { outer = '', inner: name } of taken) if (active.has(outer)) inside.add(name);
  for (const { start, before } of carried) if (active.has(start)) inside.add(before);
  for (let grown = true; grown; ) {
    for (const one of inner.nodes) {
      if (isFlat(one) || !readBy(one).some((value) => inside.has(value))) continue;
      for (const output of one.output) inside.add(output);
    }
    const next = carried.filter(({ before, after }) => inside.has(after) && !inside.has(before));
    for (const { before } of next) inside.add(before);
    grown = next.length > 0;
  }
  return inside;
}
