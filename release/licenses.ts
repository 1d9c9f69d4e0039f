/**
 * `npm run licenses`: dist/THIRD_PARTY_LICENSES.md, what is installed with the package in production, on any platform, with the texts of
 * what is installed here. Ends with code 1 for a licence that is not on the list (`policy.ts`).
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { billOf, type Part, partsOf, projectOf } from './bill.js';
import { objectionTo } from './policy.js';
import { fenced, textsIn } from './texts.js';

const folder = fileURLToPath(new URL('../..', import.meta.url));

/** Where npm puts each package of a lock file: by 'name@version'. */
async function places(): Promise<Map<string, string>> {
  const lock = v.object({ packages: v.record(v.string(), v.object({ version: v.optional(v.string()) })) });
  const { packages } = v.parse(lock, JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')));
  const entries = Object.entries(packages).filter(([path]) => path !== '');
  return new Map(
    entries.map(([path, { version }]) => [`${path.replace(/^.*node_modules\//, '')}@${version}`, join(folder, path)]),
  );
}

function listing(parts: readonly Part[], texts: ReadonlyMap<string, readonly string[]>): string {
  const rows = parts.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`);
  const table = ['| package | version | licence |', '| --- | --- | --- |', ...rows].join('\n');
  const blocks = [...texts].map(([text, names]) => `### ${names.join(', ')}\n\n${fenced(text)}`);
  return `# What is installed with frelu-migrate

npm installs these packages beside frelu-migrate, each from its own authors and under its own licence; none is part of it. Packages for
other platforms are among them. What libvips, LGPL-3.0-or-later, means for who passes it on: docs/dependencies.md.

${table}

## Texts

As they lie in the packages that are installed on the machine that made this list; who has none in its package, states its licence there.

${blocks.join('\n\n')}
`;
}

const bill = await billOf(projectOf(folder, await readFile(join(folder, 'package.json'), 'utf8')), 'cyclonedx');
const parts = partsOf(bill);
const where = await places();
const texts = new Map<string, string[]>();
for (const { name, version } of parts) {
  const part = `${name}@${version}`;
  for (const text of await textsIn(where.get(part) ?? '')) texts.set(text, [...(texts.get(text) ?? []), part]);
}
const target = join(folder, 'dist', 'THIRD_PARTY_LICENSES.md');
await mkdir(join(folder, 'dist'), { recursive: true });
await writeFile(target, listing(parts, texts));
const objections = parts.flatMap((part) => objectionTo(part) ?? []);
console.log(`${parts.length} packages, ${texts.size} texts: ${target}`);
for (const objection of objections) console.error(objection);
if (objections.length > 0) process.exitCode = 1;
