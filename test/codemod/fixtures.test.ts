import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FreluOptions } from '../../src/codemod/frelu-options.js';
import { specifierFor } from '../../src/codemod/imports.js';
import { languageOf } from '../../src/codemod/parse.js';
import { type AnalysedSource, analyseSource, rewriteSource } from '../../src/codemod/rewrite.js';

/** A fixture: what it shows, the source before, the source after, the relus that are found before; lines of = between them. */
const folder = new URL('./fixtures/', import.meta.url);

describe.each(readdirSync(folder))('%s', (name) => {
  const [title = '', before = '', after = '', relus = ''] = readFileSync(new URL(name, folder), 'utf8').split(
    /^===\n/m,
  );
  const path = name.replace(/^.*?\./, 'src/model.').replace(/\.txt$/, '');
  const options: FreluOptions = title.includes('--granularity channel')
    ? { granularity: 'channel', init: -0.4 }
    : { granularity: 'layer', init: 0 };

  it(title.trim(), () => {
    const source = analyseSource(before, path, options);
    expect(rewritten(source, options)).toBe(after);
    expect(source.finding.relus.map(siteText).join('\n')).toBe(relus.trimEnd());
  });

  it('is changed no more by a second run', () => {
    const source = analyseSource(after, path, options);
    expect(source.finding.relus.filter(({ change }) => change !== null)).toEqual([]);
    expect(rewritten(source, options)).toBe(after);
  });
});

function rewritten(source: AnalysedSource, options: FreluOptions): string {
  if (!source.changes) return source.text;
  const module = languageOf(source.path) === 'typescript' ? 'src/frelu.ts' : 'src/frelu.mjs';
  const { imports } = source;
  const specifier = specifierFor(source.path, module, imports, false);
  return rewriteSource(source, { specifier, system: imports.system ?? 'esm' }, options);
}

function siteText({ node, what, reason, change }: AnalysedSource['finding']['relus'][number]): string {
  const { line = 0, column = 0 } = node.loc?.start ?? {};
  return `${line}:${column + 1} ${change === null ? 'skip' : 'rewrite'} ${what}${reason === null ? '' : `: ${reason}`}`;
}
