import * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import type { JsonObject } from './json.js';

/** An object whose members others read: it is kept as it is, unknown members and all. */
export const anyObject = v.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'Object',
);

/**
 * A part of model.json as `schema` describes it.
 * @param path the file, for messages
 * @param at where the part stands in the file: 'weightsManifest'
 * @throws Failure('input') that names the file, the place and what was expected there, for the first thing that is wrong
 */
export function readPart<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  path: string,
  at: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = at + (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  const expected = issue.type === 'custom' ? issue.message : issue.expected;
  const wanted = (expected ?? issue.type.replaceAll('_', ' ')).replaceAll(/[()]/g, '').replaceAll(' | ', ' or ');
  const wrong = issue.input === undefined ? 'is missing' : `should be ${wanted}, and is ${issue.received}`;
  throw new Failure('input', {
    what: `${path}: ${place} ${wrong}.`,
    cure: 'Save or convert the model again.',
  });
}
