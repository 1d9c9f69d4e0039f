import * as v from 'valibot';
import { Failure, messageOf } from '../../contract/failure.js';
import { parseJson } from '../../contract/parse-json.js';

export const failureSchema = v.object({
  unit: v.string(),
  attempts: v.array(v.object({ when: v.string(), host: v.string(), exit: v.nullable(v.number()), why: v.string() })),
  final: v.boolean(),
});

export const progressSchema = v.object({
  unit: v.string(),
  host: v.string(),
  phase: v.string(),
  share: v.number(),
  when: v.string(),
  seconds: v.number(),
});

/** @throws Failure('input') naming the place, where it is damaged */
export function parseRecord<const Schema extends v.GenericSchema>(
  text: string,
  schema: Schema,
  place: string,
): v.InferOutput<Schema> {
  try {
    return parseJson(text, schema);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const what = `${place}: this record of the fleet is damaged (${messageOf(cause)}).`;
    throw new Failure('input', { what, cure: 'Delete it: the unit is tried again.' }, { cause });
  }
}

/**
 * @param decode says by a SyntaxError what is wrong
 * @throws Failure('input') naming the place, where it is damaged, or another unit's
 */
export function parseResult<Result>(
  text: string,
  unit: string,
  decode: (text: string, unit: string) => Result,
  place: string,
  prefix = '',
): Result {
  try {
    return decode(text, unit);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw damagedResult(place, `${prefix}${cause.message}`, cause);
    throw cause;
  }
}

export function damagedResult(place: string, why: string, cause?: unknown): Failure {
  return new Failure(
    'input',
    {
      what: `${place}: this result is damaged: ${why}.`,
      cure: 'Delete it, and have its unit computed again.',
      written: 'model-untouched',
    },
    { cause },
  );
}
