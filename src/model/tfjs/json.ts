import { getNodeValue, type Node, parseTree } from 'jsonc-parser';
import { refuseDeep } from '../../contract/parse-document.js';

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
 * ends), what is new follows the notation around it. Keys come in the order of `edited`.
 * @throws SyntaxError when `text` is not JSON
 */
export function rewriteJson(text: string, edited: Json): string {
  parseJson(text);
  const root = parseTree(text);
  if (root === undefined) throw new SyntaxError('an empty document');
  const style = notationOf(text);
  return text.slice(0, root.offset) + rewrite(root, edited, 0) + text.slice(root.offset + root.length);

  function rewrite(node: Node, value: Json, depth: number): string {
    if (equalJson(jsonOf(node), value)) return source(node);
    if (node.type === 'array' && isList(value)) return rewriteList(node, value, depth);
    if (node.type === 'object' && isObject(value)) return rewriteObject(node, value, depth);
    return write(value, style, depth);
  }

  function rewriteObject(node: Node, value: JsonObject, depth: number): string {
    const members = new Map((node.children ?? []).map((member) => [String(member.children?.[0]?.value), member]));
    const written = Object.entries(value).map(([key, each]): Member => {
      const member = members.get(key);
      const child = member?.children?.[1];
      if (member === undefined || child === undefined) {
        return { text: JSON.stringify(key) + style.colon + write(each, style, depth + 1), from: null };
      }
      return { text: text.slice(member.offset, child.offset) + rewrite(child, each, depth + 1), from: member };
    });
    return enclose(node, '{', '}', written, depth);
  }

  function rewriteList(node: Node, value: readonly Json[], depth: number): string {
    const children = node.children ?? [];
    const kept = new Map(children.map((child) => [JSON.stringify(jsonOf(child)), child]));
    const named = new Map(children.flatMap((child) => [...nameOf(jsonOf(child))].map((name) => [name, child])));
    const written = value.map((each, i): Member => {
      const same = kept.get(JSON.stringify(each));
      if (same !== undefined) return { text: source(same), from: same };
      const [name] = nameOf(each);
      // An element is followed through an insertion before it by its name; one without a name by its place.
      const before = name === undefined ? children[i] : named.get(name);
      return before === undefined
        ? { text: write(each, style, depth + 1), from: null }
        : { text: rewrite(before, each, depth + 1), from: before };
    });
    return enclose(node, '[', ']', written, depth);
  }

  /** Puts members between the same characters that the old members of this node stood between. */
  function enclose(node: Node, open: string, close: string, members: readonly Member[], depth: number): string {
    const children = node.children ?? [];
    const places = new Map(children.map((child, i) => [child, i]));
    const [first, second] = children;
    const last = children.at(-1);
    if (members.length === 0) return open + close;
    if (first === undefined || last === undefined) {
      const inner = members.map((member) => member.text).join(style.between(depth + 1));
      return open + style.before(depth + 1) + inner + style.before(depth) + close;
    }
    const usual = second === undefined ? style.between(depth + 1) : gap(first, second);
    const inner = members.map((member, i) => {
      const before = members[i - 1]?.from;
      const stoodNext = before && member.from && places.get(member.from) === (places.get(before) ?? 0) + 1;
      const separator = stoodNext && member.from ? gap(before, member.from) : usual;
      return i === 0 ? member.text : separator + member.text;
    });
    const opening = text.slice(node.offset, first.offset);
    return opening + inner.join('') + text.slice(last.offset + last.length, node.offset + node.length);
  }

  function gap(before: Node, after: Node): string {
    return text.slice(before.offset + before.length, after.offset);
  }

  function source(node: Node): string {
    return text.slice(node.offset, node.offset + node.length);
  }
}

/** A member as it will stand, and the one of the document that it was. */
interface Member {
  readonly text: string;
  readonly from: Node | null;
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

function jsonOf(node: Node): Json {
  const value: Json = getNodeValue(node);
  return value;
}

/** What identifies an element of a list of layers, nodes or weights: at most one name. */
function nameOf(value: Json): readonly string[] {
  const name = textOf(objectOf(value).name) ?? textOf(objectOf(objectOf(value).config).name);
  return name === undefined ? [] : [name];
}

/** Equality of values; the order of keys counts, because the text would differ. */
function equalJson(a: Json, b: Json): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
