import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The licence's text and notices that lie in a package's own folder. */
export async function textsIn(place: string): Promise<string[]> {
  const names = await readdir(place).catch(() => []);
  const wanted = names.filter((name) => /^(licen[cs]e|copying|copyright|notice|third.?party)/i.test(name)).sort();
  const texts = await Promise.all(wanted.map((name) => readFile(join(place, name), 'utf8').catch(() => '')));
  return texts.map((text) => text.replaceAll('\r\n', '\n').trim()).filter((text) => text !== '');
}

/** A block of Markdown's code that its text cannot end. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
