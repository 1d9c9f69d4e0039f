import * as v from 'valibot';
import { parseDocument } from './parse-document.js';

/**
 * A JSON document that must have the form of `schema`; members that the schema does not name are dropped, unless it says otherwise.
 * @throws SyntaxError with the first thing that is wrong, and where: 'changes.0.id is missing', 'version: expected 1, found 2'
 */
export function parseJson<const Schema extends v.GenericSchema>(text: string, schema: Schema): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, parseDocument(text), { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = v.getDotPath(issue) ?? 'the document';
  if (issue.received === 'undefined') throw new SyntaxError(`${place} is missing`);
  throw new SyntaxError(`${place}: expected ${issue.expected ?? 'another value'}, found ${issue.received}`);
}
