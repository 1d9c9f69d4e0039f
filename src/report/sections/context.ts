import type { MigrateResult } from '../../contract/result.js';
import type { Block, Column, Rich } from '../document.js';
import type { Numbers } from '../numbers.js';
import type { Texts } from '../text/en.js';

/** What every section is made from. */
export interface Context {
  readonly result: MigrateResult;
  readonly text: Texts;
  readonly numbers: Numbers;
}

export const paragraph = (text: Rich): Block => ({ kind: 'paragraph', text });
export const note = (text: Rich): Block => ({ kind: 'note', text });
export const list = (...items: readonly Rich[]): Block => ({ kind: 'list', ordered: false, items });
export const steps = (items: readonly Rich[]): Block => ({ kind: 'list', ordered: true, items });
export const named = (title: string): Column => ({ title, numeric: false });
export const numeric = (title: string): Column => ({ title, numeric: true });

/** The first `head` and the last `tail` of `items`, or all where they are no more. Keeps a page of 1 000 classes readable. */
export function ends<T>(items: readonly T[], head: number, tail: number): readonly T[] {
  return items.length <= head + tail ? items : [...items.slice(0, head), ...items.slice(items.length - tail)];
}
