import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { fenced, textsIn } from '../texts.js';

const manifest = v.object({
  version: v.string(),
  license: v.string(),
  author: v.optional(v.union([v.string(), v.pipe(v.object({ name: v.string() }), v.transform(({ name }) => name))])),
});

/**
 * What the licences of packages that are part of the program ask to be passed on, as Markdown: their texts, and the notices at the head
 * of those of their modules that are in it.
 * @param modules paths of modules that the program consists of
 * @throws Error for a package whose licence has no text here
 */
export async function noticesOf(root: string, packages: readonly string[], modules: readonly string[]): Promise<string> {
  const blocks: string[] = [];
  for (const name of packages) {
    const folder = join(root, 'node_modules', name);
    const { version, license, author } = v.parse(manifest, JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
    const own = await textsIn(folder);
    const texts = own.length > 0 ? own : await standardTexts(root, name, license, author);
    const heads = await headsOf(modules.filter((path) => path.includes(`/node_modules/${name}/`)));
    blocks.push(`## ${name} ${version}, ${license}\n\n${[...texts, ...heads].map(fenced).join('\n\n')}`);
  }
  return `# What is part of the program

The files in this folder hold code of these packages, each under its own licence.

${blocks.join('\n\n')}
`;
}

/** Of a package that has no text of its licence among its files. */
async function standardTexts(root: string, name: string, license: string, author = 'its authors'): Promise<string[]> {
  if (license.includes('Apache-2.0')) return [await apacheText(root)];
  if (license === 'MIT') return [mitText(author)];
  throw new Error(`${name} is under ${license}, and there is no text of it`);
}

/** The Apache License 2.0, as another dependency has it. */
async function apacheText(root: string): Promise<string> {
  const [text = ''] = await textsIn(join(root, 'node_modules', 'sharp'));
  if (!/^\s*Apache License\s+Version 2\.0, January 2004/.test(text)) throw new Error('sharp has another licence than Apache-2.0');
  return text;
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
  const heads = await Promise.all(modules.map(async (path) => /^(?:\/\/.*\n)+/.exec(await readFile(path, 'utf8'))?.[0] ?? ''));
  return [...new Set(heads)].filter((head) => /copyright/i.test(head)).map((head) => head.replaceAll(/^\/\/ ?/gm, '').trim());
}
