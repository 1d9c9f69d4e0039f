import type MagicString from 'magic-string';
import { type CallExpression, Node, type ObjectLiteralExpression } from 'ts-morph';
import type { Style } from './style.js';
import { isInList, spanOf, type ValueProperty } from './syntax.js';

/** A text under edit: every position is one of the original. */
export interface Edit {
  readonly text: string;
  readonly edited: MagicString;
  readonly style: Style;
}

/** Wraps an expression that a call gives: `call` becomes `before` + call + `after`. */
export function wrapExpression({ edited }: Edit, node: Node, before: string, after: string): void {
  const { start, end } = spanOf(node);
  edited.appendRight(start, before);
  edited.appendLeft(end, after);
}

/** Takes a property out of its object: whole lines where it has them for itself. Comments stay. */
export function removeProperty({ text, edited }: Edit, object: ObjectLiteralExpression, property: ValueProperty): void {
  const properties = object.getProperties();
  const at = properties.indexOf(property);
  const previous = properties[at - 1];
  const { start, end } = spanOf(property);
  const isLast = at === properties.length - 1;
  const comma = nextComma(text, end);
  if (comma !== null && text.slice(end, comma).trim() !== '') {
    // a comment stands between
    edited.remove(start, end + spacesAfter(text, end));
    edited.remove(comma, comma + 1);
    return;
  }
  const removedEnd = comma === null ? end : comma + 1;
  if (isLast && comma === null && previous !== undefined) {
    // the object ended without a comma, and goes on doing so
    const before = nextComma(text, spanOf(previous).end);
    const closesHere = text.slice(end, endOfLine(text, end)).trim() !== '';
    if (before !== null && closesHere && text.slice(before + 1, start).trim() === '') {
      edited.remove(before, end);
      return;
    }
    if (before !== null) edited.remove(before, before + 1);
  }
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = endOfLine(text, removedEnd);
  const aloneBefore = text.slice(lineStart, start).trim() === '';
  const rest = text.slice(removedEnd, lineEnd).trim();
  if (aloneBefore && rest === '' && lineStart > 0) {
    edited.remove(lineStart, Math.min(text.length, afterLineFeed(text, lineEnd)));
    return;
  }
  const spaceAfter = spacesAfter(text, removedEnd);
  if (aloneBefore || (!isLast && rest !== '')) {
    edited.remove(start, removedEnd + spaceAfter);
    return;
  }
  const spaceBefore = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  const onlyOne = previous === undefined && isLast;
  // what was between the braces and their content goes with the only property
  edited.remove(start - spaceBefore, onlyOne ? removedEnd + spaceAfter : removedEnd);
}

/** Adds properties behind the last one of an object that has some, each as source text. */
export function appendProperties({ edited }: Edit, object: ObjectLiteralExpression, added: readonly string[]): void {
  const last = object.getProperties().at(-1);
  if (last !== undefined) edited.appendLeft(spanOf(last).end, added.map((each) => `, ${each}`).join(''));
}

/** Puts an element behind another one of an array, or an argument behind another one. */
export function insertElement({ text, edited, style }: Edit, element: Node, added: string): void {
  const { start, end } = spanOf(element);
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const indent = leadingSpace(text.slice(lineStart));
  const ownLine = text.slice(lineStart, start).trim() === '';
  const comma = nextComma(text, end);
  const breaks = ownLine && (comma === null || isBlankOrComment(text.slice(comma + 1, endOfLine(text, comma))));
  if (breaks && comma !== null) {
    edited.appendLeft(trimmedEnd(text, comma), `${style.lineFeed}${indent}${added},`);
    return;
  }
  edited.appendLeft(end, breaks ? `,${style.lineFeed}${indent}${added}` : `, ${added}`);
}

/** Puts a statement behind another one, on a line of its own where that one has its lines for itself. */
export function insertStatement({ text, edited, style }: Edit, statement: Node, added: string): void {
  const { start, end } = spanOf(statement);
  const terminated = text.charAt(end - 1) === ';';
  const indent = indentBefore(text, start);
  if (indent !== null && isBlankOrComment(text.slice(end, endOfLine(text, end)))) {
    edited.appendLeft(trimmedEnd(text, end), `${style.lineFeed}${indent}${added}${terminated ? ';' : ''}`);
    return;
  }
  edited.appendLeft(end, `${terminated ? '' : ';'} ${added};`);
}

/** Puts a call behind another one whose value nobody reads: as a statement, or with it in a sequence. */
export function insertCall(edit: Edit, call: CallExpression, added: string): void {
  const statement = call.getParent();
  if (Node.isArrowFunction(statement)) {
    wrapExpression(edit, call, '{ ', `; ${added}; }`);
    return;
  }
  if (!Node.isExpressionStatement(statement)) {
    wrapExpression(edit, call, '(', `, ${added})`);
    return;
  }
  if (isInList(statement)) {
    insertStatement(edit, statement, added);
    return;
  }
  insertInBranch(edit, statement, added);
}

/** Gives braces to the only statement of an `if` or a loop, and puts another one behind it. */
function insertInBranch(edit: Edit, node: Node, added: string): void {
  const { text, edited, style } = edit;
  const { start, end } = spanOf(node);
  const terminator = text.charAt(end - 1) === ';' ? '' : ';';
  const head = text.slice(0, start).trimEnd();
  const headLine = head.slice(head.lastIndexOf('\n') + 1);
  const indent = indentBefore(text, start);
  if (indent === null || headLine.includes('//') || !isBlankOrComment(text.slice(end, endOfLine(text, end)))) {
    wrapExpression(edit, node, '{ ', `${terminator} ${added}; }`);
    return;
  }
  const outer = leadingSpace(headLine);
  edited.appendLeft(head.length, ' {');
  const line = `${style.lineFeed}${indent}${added}${terminator === '' ? ';' : ''}`;
  edited.appendLeft(trimmedEnd(text, end), `${line}${style.lineFeed}${outer}}`);
}

/** Puts a declarator behind another one of the same declaration. */
export function insertDeclarator({ text, edited, style }: Edit, declarator: Node, added: string): void {
  const { start, end } = spanOf(declarator);
  const indent = indentBefore(text, start);
  edited.appendLeft(end, indent !== null ? `,${style.lineFeed}${indent}${added}` : `, ${added}`);
}

/** Puts a text in the place of a node. */
export function replaceNode({ edited }: Edit, node: Node, replacement: string): void {
  const { start, end } = spanOf(node);
  edited.update(start, end, replacement);
}

/** The spaces before a position that is the first one of its line with anything at it; null for any other. */
export function indentBefore(text: string, start: number): string | null {
  const before = text.slice(text.lastIndexOf('\n', start - 1) + 1, start).replace('\uFEFF', '');
  return before.trim() === '' ? before : null;
}

function spacesAfter(text: string, from: number): number {
  return leadingSpace(text.slice(from)).length;
}

/** Where the comma behind a position stands, past spaces and comments; null where something else comes first. */
function nextComma(text: string, from: number): number | null {
  const skipped = /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*/.exec(text.slice(from))?.[0].length ?? 0;
  return text.charAt(from + skipped) === ',' ? from + skipped : null;
}

function isBlankOrComment(rest: string): boolean {
  return /^\s*(?:\/\/.*|\/\*(?:(?!\*\/).)*\*\/\s*)?$/.test(rest);
}

/** The offset behind the last character of a line, its line feed (and the carriage return before) left out. */
function endOfLine(text: string, from: number): number {
  const lineFeed = text.indexOf('\n', from);
  if (lineFeed === -1) return text.length;
  return text.charAt(lineFeed - 1) === '\r' ? lineFeed - 1 : lineFeed;
}

function afterLineFeed(text: string, lineEnd: number): number {
  return lineEnd + (text.startsWith('\r\n', lineEnd) ? 2 : 1);
}

/** The end of a line without the spaces before it. */
function trimmedEnd(text: string, from: number): number {
  const end = endOfLine(text, from);
  return from + text.slice(from, end).trimEnd().length;
}

function leadingSpace(text: string): string {
  return text.slice(0, text.search(/[^ \t]|$/));
}
