/**
 * Where values stand in a JSON text: one level of a value at a time, so that what an edit does not concern costs a look at its characters and
 * nothing else. A tree of a whole model.json is some fifty times its size.
 */

/** From its first character to behind its last one, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object, from its key on, or an element of a list. */
export interface MemberSpan {
  readonly start: number;
  /** null of an element */
  readonly key: string | null;
  readonly value: Span;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [bracket, brace, endBracket, endBrace] = [0x5b, 0x7b, 0x5d, 0x7d];

/** The first value at `at` or behind it. @param text JSON; of another text the span means nothing */
export function spanAt(text: string, at: number): Span {
  const start = behindSpaces(text, at);
  return { start, end: endOf(text, start) };
}

/**
 * The members of the object or list that stands at `span`; none of any other value.
 * @param text JSON; of another text the members mean nothing
 * @throws SyntaxError where the text is found to be no JSON, which is not looked for
 */
export function membersOf(text: string, span: Span): MemberSpan[] {
  const first = text.charCodeAt(span.start);
  if (first !== bracket && first !== brace) return [];
  const members: MemberSpan[] = [];
  let at = behindSpaces(text, span.start + 1);
  while (at < span.end - 1) {
    const start = at;
    let key: string | null = null;
    if (first === brace) {
      const end = endOfText(text, at);
      key = keyOf(text.slice(at, end));
      at = behindSpaces(text, end) + 1;
    }
    const value = spanAt(text, at);
    members.push({ start, key, value });
    at = behindSpaces(text, value.end);
    if (text.charCodeAt(at) === comma) at = behindSpaces(text, at + 1);
    if (at === start) throw new SyntaxError(`no value at ${at}`);
  }
  return members;
}

/** What a key says, from its text with its quotes. @throws SyntaxError where it is none */
function keyOf(text: string): string {
  if (text.charCodeAt(0) !== quote) throw new SyntaxError('a key is no string');
  return text.includes('\\') ? String(JSON.parse(text)) : text.slice(1, -1);
}

/** Behind the value that starts at `start`. */
function endOf(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === quote) return endOfText(text, start);
  if (first === bracket || first === brace) return endOfNested(text, start);
  let at = start;
  while (at < text.length && !isDelimiter(text.charCodeAt(at))) at++;
  return at;
}

function endOfNested(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const unit = text.charCodeAt(at);
    if (unit === quote) {
      at = endOfText(text, at);
      continue;
    }
    if (unit === bracket || unit === brace) depth++;
    else if (unit === endBracket || unit === endBrace) depth--;
    at++;
  } while (depth > 0 && at < text.length);
  return at;
}

/** Behind the string that starts at `start`. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at + 1;
}

function behindSpaces(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/** Of a number, true, false and null. */
function isDelimiter(unit: number): boolean {
  return isSpace(unit) || unit === comma || unit === colon || unit === endBracket || unit === endBrace;
}

/** The text without those members of its object that `wanted` does not name. @param text JSON, an object */
export function withMembers(text: string, wanted: ReadonlySet<string>): string {
  const members = membersOf(text, spanAt(text, 0)).filter(({ key }) => key !== null && wanted.has(key));
  return `{${members.map(({ start, value }) => text.slice(start, value.end)).join()}}`;
}
