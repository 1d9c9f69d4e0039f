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
