import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { fenced, textsIn } from '../texts.js';

const author = v.union([
  v.string(),
  v.pipe(
    v.object({ name: v.string() }),
    v.transform(({ name }) => name),
  ),
]);
const manifest = v.object({
  name: v.string(),
  version: v.string(),
  license: v.string(),
  author: v.optional(author, 'its authors'),
});
type Manifest = v.InferOutput<typeof manifest>;

/**
 * What the licences of packages ask to be passed on with their code, as Markdown: their texts, and the copyright at the head of modules.
 * @param modules paths of all modules that a program consists of
 * @param apacheText the Apache License 2.0, for packages under it that have no file of it
 * @throws Error for a package whose licence has no text here
 */
export async function noticesOf(modules: readonly string[], apacheText: string): Promise<string> {
  const blocks: string[] = [];
  for (const [folder, own] of [...byPackage(modules)].sort()) {
    const about = v.parse(manifest, JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
    const found = await textsIn(folder);
    const texts = [...(found.length > 0 ? found : [standardText(about, apacheText)]), ...(await headsOf(own))];
    blocks.push(`## ${about.name} ${about.version}, ${about.license}\n\n${texts.map(fenced).join('\n\n')}`);
  }
  return `# What is part of the program

The files in this folder hold code of these packages, each under its own licence.

${blocks.join('\n\n')}
`;
}

/** Of modules in node_modules: by the folder of their package. */
function byPackage(modules: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const path of modules) {
    const folder = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(path)?.[0];
    if (folder !== undefined) found.set(folder, [...(found.get(folder) ?? []), path]);
  }
  return found;
}

/** Of a package that has no text of its licence among its files. */
function standardText({ name, license, author }: Manifest, apacheText: string): string {
  if (license.includes('Apache-2.0')) return apacheText;
  if (license === 'MIT') return mitText(author);
  throw new Error(`${name} is under ${license}, and there is no text of it`);
}

/** https://spdx.org/licenses/MIT.html */
const mitText = (author: string): string => `MIT License

Copyright (c) ${author}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** The different comments with a copyright that modules begin with. */
async function headsOf(modules: readonly string[]): Promise<string[]> {
  const heads = await Promise.all(
    modules.map(async (path) => /^(?:\/\/.*\n)+|^\/\*[\s\S]*?\*\//.exec(await readFile(path, 'utf8'))?.[0] ?? ''),
  );
  return [...new Set(heads)]
    .filter((head) => /copyright/i.test(head))
    .map((head) => head.replaceAll(/^(\/\/|\/\*+| \*\/?) ?/gm, '').trim());
}
