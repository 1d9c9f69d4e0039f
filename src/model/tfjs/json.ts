import { refuseDeep } from '../../contract/parse-document.js';
import { type MemberSpan, membersOf, type Span, spanAt } from './json-spans.js';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value as an object; an empty one where it is something else, so that fields of it read as absent. */
export function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function listOf(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A list of numbers and nulls (a shape with unknown dimensions); undefined where it is something else. */
export function dimsOfJson(value: Json | undefined): (number | null)[] | undefined {
  if (!isList(value)) return undefined;
  const dims: (number | null)[] = [];
  for (const dim of value) {
    if (dim !== null && typeof dim !== 'number') return undefined;
    // Graph files write an unknown dimension as -1
    dims.push(dim === null || dim < 0 ? null : dim);
  }
  return dims;
}

/** @throws SyntaxError when `text` is not JSON, or nested without measure */
export function parseJson(text: string): Json {
  refuseDeep(text);
  const value: Json = JSON.parse(text);
  return value;
}

/**
 * `text` changed so that it holds `edited`: what is equal keeps its very characters (number notation, escapes, spaces, line
 * ends), what is new follows the notation around it. Keys come in the order of `edited`. Of what is equal nothing is looked at but
 * where it ends; parts that `edited` shares with `before` are not even compared.
 * @param before what `parseJson` gave for `text`
 */
export function rewriteJson(text: string, before: Json, edited: Json): string {
  const style = notationOf(text);
  const root = spanAt(text, 0);
  return text.slice(0, root.start) + rewrite(root, before, edited, 0) + text.slice(root.end);

  function rewrite(span: Span, old: Json, value: Json, depth: number): string {
    if (equalJson(old, value)) return source(span);
    if (isList(old) && isList(value)) return rewriteList(span, old, value, depth);
    if (isObject(old) && isObject(value)) return rewriteObject(span, old, value, depth);
    return write(value, style, depth);
  }

  function rewriteObject(span: Span, old: JsonObject, value: JsonObject, depth: number): string {
    const members = membersOf(text, span);
    const places = new Map(members.map(({ key }, i) => [key, i]));
    const written = Object.entries(value).map(([key, each]): Member => {
      const from = places.get(key);
      const member = from === undefined ? undefined : members[from];
      const was = old[key];
      if (from === undefined || member === undefined || was === undefined) {
        return { text: JSON.stringify(key) + style.colon + write(each, style, depth + 1), from: null };
      }
      const name = text.slice(member.start, member.value.start);
      return { text: name + rewrite(member.value, was, each, depth + 1), from };
    });
    return enclose(span, members, '{', '}', written, depth);
  }

  function rewriteList(span: Span, old: readonly Json[], value: readonly Json[], depth: number): string {
    const members = membersOf(text, span);
    const placeOf = placesIn(old);
    const written = value.map((each, i): Member => {
      const from = placeOf(each, i);
      const [member, was] = from === undefined ? [] : [members[from], old[from]];
      return from === undefined || member === undefined || was === undefined
        ? { text: write(each, style, depth + 1), from: null }
        : { text: rewrite(member.value, was, each, depth + 1), from };
    });
    return enclose(span, members, '[', ']', written, depth);
  }

  /** Puts members between the same characters that the old members of this value stood between. */
  function enclose(
    span: Span,
    old: readonly MemberSpan[],
    open: string,
    close: string,
    members: readonly Member[],
    depth: number,
  ): string {
    const [first, second] = old;
    const last = old.at(-1);
    if (members.length === 0) return open + close;
    if (first === undefined || last === undefined) {
      const inner = members.map((member) => member.text).join(style.between(depth + 1));
      return open + style.before(depth + 1) + inner + style.before(depth) + close;
    }
    const usual = second === undefined ? style.between(depth + 1) : gap(first, second);
    const inner = members.map((member, i) => {
      if (i === 0) return member.text;
      const previous = members[i - 1]?.from ?? null;
      const [left, right] = [old[previous ?? -1], old[member.from ?? -1]];
      const stoodNext = previous !== null && member.from === previous + 1 && left !== undefined && right !== undefined;
      return (stoodNext ? gap(left, right) : usual) + member.text;
    });
    return text.slice(span.start, first.start) + inner.join('') + text.slice(last.value.end, span.end);
  }

  function gap(left: MemberSpan, right: MemberSpan): string {
    return text.slice(left.value.end, right.start);
  }

  function source(span: Span): string {
    return text.slice(span.start, span.end);
  }
}

/** A member as it will stand, and the place of the one that it was among those of the document. */
interface Member {
  readonly text: string;
  readonly from: number | null;
}

/**
 * Which element of a list another stands for: the one in its place where that is equal; then itself, elsewhere; the one of its name, by
 * which it is followed through an insertion before it; an equal one; the one in its place.
 */
function placesIn(old: readonly Json[]): (value: Json, at: number) => number | undefined {
  const itself = once(() => new Map(old.map((each, i) => [each, i])));
  const named = once(() => new Map(old.flatMap((each, i) => nameOf(each).map((name) => [name, i]))));
  const equal = once(() => new Map(old.map((each, i) => [JSON.stringify(each), i])));
  // texts and numbers are themselves wherever they stand
  const alike = (value: Json) => (typeof value === 'object' ? equal().get(JSON.stringify(value)) : undefined);
  return (value, at) => {
    const there = old[at];
    if (there !== undefined && equalJson(there, value)) return at;
    const [name] = nameOf(value);
    const found = itself().get(value) ?? (name !== undefined ? named().get(name) : alike(value));
    return found ?? (name === undefined && at < old.length ? at : undefined);
  };
}

function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** How a document spaces its values. */
interface Notation {
  readonly colon: string;
  /** what separates two members at a depth */
  between(depth: number): string;
  /** what stands before the first member at a depth, and before the closing bracket of the members one deeper */
  before(depth: number): string;
}

function notationOf(text: string): Notation {
  const colon = /^\s*\{\s*"[^"]*"(\s*:\s*)/.exec(text)?.[1] ?? ':';
  const line = /^\s*\{(\r?\n)([ \t]*)/.exec(text);
  if (line !== null) {
    const [, end = '\n', indent = ''] = line;
    const before = (depth: number) => end + indent.repeat(depth);
    return { colon, before, between: (depth) => `,${before(depth)}` };
  }
  return { colon, before: () => '', between: () => (colon.endsWith(' ') ? ', ' : ',') };
}

function write(value: Json, style: Notation, depth: number): string {
  const open = style.before(depth + 1);
  const between = style.between(depth + 1);
  if (isList(value)) {
    if (value.length === 0) return '[]';
    const members = value.map((each) => write(each, style, depth + 1));
    return `[${open}${members.join(between)}${style.before(depth)}]`;
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(
      ([key, each]) => JSON.stringify(key) + style.colon + write(each, style, depth + 1),
    );
    return members.length === 0 ? '{}' : `{${open}${members.join(between)}${style.before(depth)}}`;
  }
  return JSON.stringify(value);
}

/** What identifies an element of a list of layers, nodes or weights: at most one name. */
function nameOf(value: Json): readonly string[] {
  const name = textOf(objectOf(value).name) ?? textOf(objectOf(objectOf(value).config).name);
  return name === undefined ? [] : [name];
}

/** Equality of values; the order of keys counts, because the text would differ. */
function equalJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((each, i) => equalJson(each, b[i] ?? null));
  if (!isObject(a) || !isObject(b)) return false;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return (
    keys.length === others.length &&
    keys.every((key, i) => key === others[i] && equalJson(a[key] ?? null, b[key] ?? null))
  );
}
