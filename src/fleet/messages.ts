import * as v from 'valibot';
import { parseJson } from '../contract/parse-json.js';
import type { Assignment, Computed } from './compute.js';

/*
 * A worker and the process that computes a unit for it speak in lines of JSON: the assignment goes to its standard input, which then stays
 * open as long as the worker lives; what becomes of it comes from its standard output.
 */

/** What the computing process tells. */
export type UnitEvent =
  | { readonly event: 'progress'; readonly phase: string; readonly share: number }
  | { readonly event: 'warning'; readonly message: string }
  | { readonly event: 'result'; readonly result: Computed; readonly cpuSeconds: number; readonly peakBytes: number }
  /** `local`: the machine is the cause, not the unit */
  | { readonly event: 'failure'; readonly exit: number; readonly message: string; readonly local: boolean };

/** What it is told. */
export interface UnitOrder {
  readonly assignment: Assignment;
  /** of the processor; null: all */
  readonly threads: number | null;
}

const order = v.looseObject({
  assignment: v.looseObject({ unit: v.looseObject({ id: v.string() }), folder: v.string(), model: v.string() }),
  threads: v.nullable(v.number()),
});

/** @throws SyntaxError for a line that is none */
export function parseOrder(line: string): UnitOrder {
  return parseJson(
    line,
    v.custom<UnitOrder>((value) => v.is(order, value)),
  );
}

const event = v.variant('event', [
  v.object({ event: v.literal('progress'), phase: v.string(), share: v.number() }),
  v.object({ event: v.literal('warning'), message: v.string() }),
  v.object({
    event: v.literal('result'),
    result: v.custom<Computed>((value) => v.is(v.looseObject({ files: v.array(v.unknown()) }), value)),
    cpuSeconds: v.number(),
    peakBytes: v.number(),
  }),
  v.object({ event: v.literal('failure'), exit: v.number(), message: v.string(), local: v.boolean() }),
]);

/** @throws SyntaxError for a line that is none */
export function parseEvent(line: string): UnitEvent {
  return parseJson(line, event);
}
