import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

it('the reference has every export of the package, and nothing else', async () => {
  const [index, api] = await Promise.all([readFile('src/index.ts', 'utf8'), readFile('docs/api.md', 'utf8')]);
  const exported = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== ''),
  );
  const described = [...api.matchAll(/^### ([A-Za-z]+)/gm)].map(([, name]) => name);
  expect(described.toSorted(), '`npm run api` makes it anew').toEqual(exported.toSorted());
});

it('the site leads to every page', async () => {
  const config = await readFile('docs/.vitepress/config.ts', 'utf8');
  const pages = (await readdir('docs', { recursive: true })).filter((name) => /^[^.].*\.md$/.test(name));
  const links = pages.map((name) => `/${name.replace(/\.md$/, '').replace(/(^|\/)index$/, '$1')}`);
  expect(links.filter((link) => !config.includes(`link: '${link}'`))).toEqual([]);
});
