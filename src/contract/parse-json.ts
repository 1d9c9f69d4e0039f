import * as v from 'valibot';

/** What people nest goes a few levels deep. What walks a document goes down its levels one call each: some ten thousand end it. */
const deepest = 500;

/**
 * A JSON document of foreign make.
 * @throws SyntaxError when `text` is not JSON, or nested without measure
 */
export function parseDocument(text: string): unknown {
  refuseDeep(text);
  return JSON.parse(text);
}

/** @throws SyntaxError when lists and objects lie within each other deeper than anything that is meant */
export function refuseDeep(text: string): void {
  if (depthOf(text) <= deepest) return;
  throw new SyntaxError(`its lists and objects lie more than ${deepest} deep within each other`);
}

/** How deep brackets and braces lie within each other, outside of strings. */
function depthOf(text: string): number {
  let most = 0;
  let depth = 0;
  let inString = false;
  // by number: a model.json may be a hundred megabytes
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (inString) {
      if (unit === 0x5c) at++;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x5b || unit === 0x7b) most = Math.max(most, ++depth);
    else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return most;
}

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
