import type { MigrateResult, SiteResult } from '../../contract/result.js';
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

const namedSites = 6;

/** The first of a list of sites, and how many more there are. */
export function nameSome({ sites, listGap }: Texts, ids: readonly string[]): string {
  const names = ids.slice(0, namedSites).join(listGap);
  return ids.length > namedSites ? sites.andMore(names, ids.length - namedSites) : names;
}

/** A shift or an offset: a number, or from where to where those of the channels are. */
export function siteParameter({ text, numbers }: Context, value: SiteResult['shift'], path: string): Rich {
  const words = text.sites;
  if (value === null || (typeof value !== 'number' && value.length === 0)) return [words.none];
  if (typeof value === 'number') return [numbers.real(value, path)];
  const low = value.reduce((a, b) => Math.min(a, b));
  const high = value.reduce((a, b) => Math.max(a, b));
  return words.channels(numbers.real(low, null), numbers.real(high, null), numbers.count(value.length, null));
}
