import { present } from '../../contract/present.js';
import { addBody } from '../tfjs/body.js';
import { OnnxBuilder, type Shape, type Value, valueInfo } from '../tfjs/builder.js';
import { toPlain } from '../tfjs/layout.js';
import { type Computed, isConstant, type NodeContext, type Operand, type Results } from './context.js';
import type { Endpoint, GraphNode } from './graph-def.js';
import { type Scan, variableName } from './loops.js';

/** What goes round: outside, the value that it starts from; inside, what a round is given of it. */
interface Carried {
  readonly start: Value;
  readonly before: Value;
}

/**
 * Writes the nodes of a body, from what is given to what is read of them elsewhere.
 * @returns whether all of them can be written
 */
export type WriteBody = (
  nodes: readonly GraphNode[],
  results: Results,
  outputs: readonly Endpoint[],
  body: OnnxBuilder,
) => boolean;

/**
 * A loop as ONNX's Scan. Its weights are those of the main graph, so that they are trained and written as any others are.
 * @param context of the node of `scanOp`, whose inputs are the states' starts, the sources, the constants and the computed limits
 * @returns what the loop leaves, by variable: a state after the last round, all that was given away, a constant itself
 */
export function writeScan(context: NodeContext, scan: Scan, write: WriteBody): readonly Operand[] {
  const { builder } = context;
  const { states, taken, constants } = scan;
  const body = new OnnxBuilder(builder);
  const results: Results = new Map();
  const give = (variable: number, value: Operand) => results.set(variableName(scan, variable), [value]);
  const fresh = (name: string) => builder.freshName(`${context.node.name}/${name}`);

  const carried = states.map(({ variable }, i): Carried => {
    const start = context.plain(i);
    const before = { ...start, name: fresh(`state${i}`) };
    give(variable, { ...before, elements: null });
    return { start, before };
  });
  const sources = sourcesOf(context, scan);
  const elements = sources.map((source, i): Value => {
    const element = { ...source, name: fresh(`element${i}`), shape: source.shape?.slice(1) ?? null };
    for (const item of taken[i]?.items ?? []) results.set(item, [{ ...element, elements: null }]);
    for (const variable of i < taken.length ? [] : scan.rounds) give(variable, { ...element, elements: null });
    return element;
  });
  for (const [i, { variable }] of constants.entries())
    give(variable, context.operand(states.length + taken.length + i));

  const read = [...states.map(({ next }) => next), ...scan.given.map(({ item }) => item)];
  if (!write(scan.nodes, results, read, body)) context.refuse('its body holds what is not supported');
  const made = read.map(({ node, output }) => bodyResult(context, body, results.get(node)?.[output]));
  for (const [i, { before }] of carried.entries()) refuseGrowth(context, before, made[i]);

  const info = ({ name, dtype }: Value) => valueInfo(name, dtype, null);
  const step = body.finish([...carried.map(({ before }) => before), ...elements].map(info), made.map(info));
  const names = context.ops(
    'Scan',
    [...carried.map(({ start }) => start.name), ...sources.map(({ name }) => name)],
    made.length,
    { num_scan_inputs: { int: sources.length } },
  );
  addBody(builder, present(names[0], 'the first output of a Scan'), step.proto);
  return outputsOf(context, scan, names, { carried, made, length: sources[0]?.shape?.[0] ?? null });
}

/** What the rounds take elements of; where they take none, or read which one they are, their numbers. */
function sourcesOf(context: NodeContext, scan: Scan): Value[] {
  const { builder } = context;
  const { states, taken, constants, limits } = scan;
  const sources = taken.map((_, i) => context.plain(states.length + i));
  const lengths = sources.map(({ shape }) => shape?.[0] ?? null);
  const takesAll = limits.every(
    ({ value, isLength }) => isLength || (typeof value === 'number' && lengths.every((length) => length === value)),
  );
  if (takesAll && sources.length > 0 && scan.rounds.length === 0) return sources;
  const firstLimit = states.length + taken.length + constants.length;
  const computed = limits.filter(({ value }) => typeof value !== 'number');
  const numbers = limits.flatMap(({ value }) => (typeof value === 'number' ? [value] : []));
  const names = [
    ...(numbers.length > 0 ? [builder.int32(Math.min(...numbers))] : []),
    ...computed.map((_, i) => context.plain(firstLimit + i).name),
  ];
  const count = names.length === 1 ? present(names[0], 'the number of rounds') : context.op('Min', names);
  const rounds = computed.length === 0 ? Math.min(...numbers) : null;
  const cut = takesAll ? sources : sources.map((source) => firstOf(context, source, count, rounds));
  if (sources.length > 0 && scan.rounds.length === 0) return cut;
  const range = context.op('Range', [builder.int32(0), count, builder.int32(1)]);
  return [...cut, { name: range, dtype: 'int32', shape: [rounds], channelsFirst: false }];
}

/** As many elements as there are rounds. */
function firstOf(context: NodeContext, source: Value, count: string, rounds: number | null): Value {
  const { builder } = context;
  const end = context.op('Reshape', [context.op('Cast', [count], { to: { int: 7 } }), builder.int64s([1])]);
  const name = context.op('Slice', [source.name, builder.int64s([0]), end, builder.int64s([0])]);
  return { ...source, name, shape: source.shape?.with(0, rounds) ?? null };
}

/** A result of the body under a name of its own, which an input of it, or a value from outside, is not. */
function bodyResult(context: NodeContext, body: OnnxBuilder, operand: Operand | undefined): Value {
  if (operand === undefined) return context.refuse('it gives what its body does not compute');
  if (isConstant(operand)) return context.refuse('it gives a constant');
  const plain = toPlain(body, operand);
  return { ...plain, name: body.op('Identity', [plain.name]) };
}

/** TensorFlow lets a state change its shape where it is told so; a Scan does not. */
function refuseGrowth(context: NodeContext, before: Value, after: Value | undefined): void {
  if (after === undefined || after.dtype !== before.dtype)
    context.refuse('a state changes its type from round to round');
  if (before.shape === null || after.shape === null) return;
  const differs = (extent: number | null, axis: number) => {
    const next = after.shape?.[axis] ?? null;
    return extent !== null && next !== null && extent !== next;
  };
  if (before.shape.length !== after.shape.length || before.shape.some(differs)) {
    context.refuse('a state changes its shape from round to round');
  }
}

function outputsOf(
  context: NodeContext,
  scan: Scan,
  names: readonly string[],
  inner: { readonly carried: readonly Carried[]; readonly made: readonly Value[]; readonly length: number | null },
): readonly Operand[] {
  const { states, taken, given, constants } = scan;
  const outputs: Operand[] = [];
  const shapeOf = (place: number): Shape | null => inner.made[place]?.shape ?? null;
  for (const [i, { variable }] of states.entries()) {
    const { start } = present(inner.carried[i], `state ${i}`);
    const shape = start.shape ?? shapeOf(i);
    outputs[variable] = context.plainResult(present(names[i], `state ${i}`), start.dtype, shape);
  }
  for (const [i, { variable, isLast }] of given.entries()) {
    const place = states.length + i;
    const { dtype } = present(inner.made[place], `what a round gives as ${i}`);
    const name = present(names[place], `what the rounds give as ${i}`);
    const shape = shapeOf(place);
    const all = context.plainResult(name, dtype, shape && [inner.length, ...shape]);
    outputs[variable] = isLast ? lastOf(context, all) : all;
  }
  for (const [i, { variable }] of constants.entries()) {
    outputs[variable] = context.operand(states.length + taken.length + i);
  }
  return outputs;
}

/** What the last round gave, [1, ...]. */
function lastOf(context: NodeContext, all: Computed): Computed {
  const { builder } = context;
  const [start, end] = [builder.int64s([-1]), builder.int64s([2 ** 31 - 1])];
  const name = context.op('Slice', [all.name, start, end, builder.int64s([0])]);
  return context.plainResult(name, all.dtype, all.shape?.with(0, 1) ?? null);
}
