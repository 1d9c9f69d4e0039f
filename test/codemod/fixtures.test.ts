import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FreluOptions } from '../../src/codemod/frelu-options.js';
import { specifierFor } from '../../src/codemod/imports.js';
import { type AnalysedSource, analyse, rewriteSources } from '../../src/codemod/rewrite.js';
import { openWorkspace, placeIn } from '../../src/codemod/workspace.js';

/**
 * A fixture: what it shows, the source before, the source after, the relus that are found before; lines of = between them. One that is about
 * types is read where they are installed.
 */
const folder = new URL('./fixtures/', import.meta.url);

const all = readdirSync(folder).map((name) => {
  const [title = '', before = '', after = '', relus = ''] = readFileSync(new URL(name, folder), 'utf8').split(
    /^===\n/m,
  );
  const path = `${name.replace(/\..*$/, '')}/src/model${name.replace(/^.*?\./, '.').replace(/\.txt$/, '')}`;
  const options: FreluOptions = title.includes('--granularity channel')
    ? { granularity: 'channel', init: -0.4 }
    : { granularity: 'layer', init: 0 };
  return { name, title: title.trim(), before, after, relus: relus.trimEnd(), path, options };
});

const layer: FreluOptions = { granularity: 'layer', init: 0 };
const channel: FreluOptions = { granularity: 'channel', init: -0.4 };

type Fixture = (typeof all)[number];

const installed = mkdtempSync(join(tmpdir(), 'frelu-fixtures-'));
symlinkSync(resolve('node_modules'), join(installed, 'node_modules'), 'junction');
writeFileSync(join(installed, 'package.json'), '{}');
afterAll(() => rmSync(installed, { recursive: true, force: true }));

describe.each([
  ['with the types of TensorFlow.js', installed],
  ['where nothing is installed', '/nowhere'],
])('%s', (_, place) => {
  const fixtures = all.filter(({ name }) => place === installed || !name.startsWith('types'));
  const read = (text: (fixture: Fixture) => string) => {
    const workspace = openWorkspace(
      fixtures.map((fixture) => ({ path: fixture.path, text: text(fixture) })),
      place,
    );
    const analysed = { layer: analyse(workspace, layer), channel: analyse(workspace, channel) };
    return ({ path, options }: Fixture) => analysed[options.granularity].filter((source) => source.path === path);
  };
  const before = read((fixture) => fixture.before);
  const after = read((fixture) => fixture.after);

  it.each(fixtures)('$name: $title', (fixture) => {
    const sources = before(fixture);
    expect(sources.flatMap(({ text, finding }) => finding.relus.map(siteText(text))).join('\n')).toBe(fixture.relus);
    expect(rewritten(sources, fixture.options)).toBe(fixture.after);
  });

  it.each(fixtures)('$name is changed no more by a second run', (fixture) => {
    const sources = after(fixture);
    expect(sources.map(({ changes }) => changes)).toEqual([false]);
    expect(rewritten(sources, fixture.options)).toBe(fixture.after);
  });
});

function rewritten(sources: readonly AnalysedSource[], options: FreluOptions): string | undefined {
  const imports = sources
    .filter(({ changes }) => changes)
    .map((source) => {
      const module = source.path.replace(/model\..*$/, source.language === 'typescript' ? 'frelu.ts' : 'frelu.mjs');
      const specifier = specifierFor(source.path, module, source.imports, false);
      return [source, { specifier, system: source.imports.system ?? 'esm' }] as const;
    });
  const [text] = rewriteSources(sources, new Map(imports), options).values();
  return text ?? sources[0]?.text;
}

function siteText(text: string) {
  return ({ node, what, reason, change }: AnalysedSource['finding']['relus'][number]): string => {
    const { line, column } = placeIn(text, node.getStart());
    return `${line}:${column} ${change === null ? 'skip' : 'rewrite'} ${what}${reason === null ? '' : `: ${reason}`}`;
  };
}
