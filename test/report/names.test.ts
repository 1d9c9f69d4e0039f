import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MigrateResult } from '../../src/contract/result.js';
import type { ReportDocument } from '../../src/report/document.js';
import { blockMarkdown, documentMarkdown, escapeMarkdown, shellMarkdown } from '../../src/report/markdown.js';
import {
  renderCard,
  renderHtml,
  renderJunit,
  renderMarkdown,
  renderPullRequest,
  renderTerminal,
} from '../../src/report/render.js';
import { loss } from './results.js';

/** What some reader of a log, a page or a comment takes for an order. */
const orders: readonly string[] = [
  '::error file=a,line=1::forged',
  '  ::add-mask::***',
  '::set-output name=a::b',
  '##[error]forged',
  '##vso[task.setvariable variable=a]b',
  "##teamcity[buildStatus status='SUCCESS']",
  '%0A::error::forged',
  '\n::error::forged',
  '\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007',
  '\r\u001b[2K\u202egpj.exe',
  '[here](https://evil.example)',
  '![x](https://evil.example/pixel.png)',
  '<img src=https://evil.example onerror=alert(1)>',
  '</table></details><script>alert(1)</script>',
  '<https://evil.example>',
  'https://evil.example/a_b',
  'www.evil.example',
  'mailto:a@evil.example',
  '@octocat and @org/team',
  '#12, GH-12, o/r#12, !12, ~bug, %v1',
  'a | b |',
  '| --- |',
  '# forged',
  '```\nforged',
  '~~~',
  '`code`',
  '``',
  '- item',
  '1. item',
  '---',
  '===',
  '> quoted',
  '    indented',
  '[^1]: note',
  '[x]: https://evil.example',
  '$$x$$ and $`x`$',
  ':warning:',
  '&lt;b&gt; &#64;octocat',
  '\\',
  '\\|',
  '/close',
  ']]> --> ]] "\'',
  '{c} {a|b}',
];

const names = fc.oneof(
  fc.constantFrom(...orders),
  fc
    .array(fc.constantFrom(...orders, 'a', ' ', '\\', '`', '|', '*', '_', '#', '@', ':'), { maxLength: 4 })
    .map((parts) => parts.join('')),
);

const result = loss();

function named(name: string): MigrateResult {
  const rename = <Row extends object>(rows: readonly Row[], ...fields: readonly string[]): readonly Row[] =>
    rows.map((row) => ({ ...row, ...Object.fromEntries(fields.map((field) => [field, name])) }));
  const split = <Split extends object>(each: Split): Split => ({ ...each, path: name, part: name });
  return {
    ...result,
    model: { ...result.model, path: name, inputs: rename(result.model.inputs, 'name') },
    data: {
      ...result.data,
      train: split(result.data.train),
      validation: split(result.data.validation),
      test: split(result.data.test),
    },
    acceptance: { rule: name, met: false, goals: rename(result.acceptance.goals, 'subject') },
    perClass: rename(result.perClass, 'name'),
    slices: rename(result.slices, 'column', 'value'),
    sites: rename(result.sites, 'id'),
    diagram: [],
    why: name,
    files: [{ path: name, sha256: '0'.repeat(64) }],
    report: [name],
    rollback: `frelu-migrate rollback ${name}`,
  };
}

/** Lines that a build server takes for orders, and what a terminal does. */
const obeyed = /^\s*::.*?::|##\w*\[|[^\n\t\P{Cc}]|[\p{Bidi_Control}\p{Zl}\p{Zp}]/mu;

/** What CommonMark and GitHub read as markup in a line where a blank stands for each escape and each piece of code. */
const markup = /[\\`*_[\]<>#~$]|https?:\/\/|www\.|@\w|\bGH-\d|mailto:|:\w+:/;

function withoutCode(markdown: string): string {
  return markdown.replace(/\\[!-/:-@[-`{-~]/g, ' ').replace(/(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, ' ');
}

describe('names that are orders', () => {
  it('are text in Markdown', () => {
    fc.assert(
      fc.property(names, (name) => {
        const text = escapeMarkdown(name);
        expect(text).not.toContain('\n');
        expect(withoutCode(text).replaceAll('\u2060', '-')).not.toMatch(markup);
        // what is shown is the name, but for what is written out
        expect(text.replaceAll('\u2060', '').replace(/\\([!-/:-@[-`{-~])/g, '$1').length).toBeGreaterThanOrEqual(
          name.length,
        );
      }),
    );
  });

  it('begin no list, heading, rule, code or quick action where they begin a line', () => {
    for (const name of orders) {
      const line = blockMarkdown({ kind: 'paragraph', text: [name] });
      expect(line).not.toMatch(/^(\s|[-+](\s|$)|-{2}|=|#|>|\d+[.)]\s|\/\w+$|`{3}|~{3})/);
    }
  });

  it('end no cell, no code and no fence', () => {
    fc.assert(
      fc.property(names, (name) => {
        const table = blockMarkdown({
          kind: 'table',
          caption: name,
          columns: [
            { title: name, numeric: false },
            { title: 'b', numeric: true },
          ],
          rows: [[[{ kind: 'code', text: name }], [name]]],
        });
        for (const row of table.split('\n').slice(2)) expect(row.split(/(?<!\\)\|/)).toHaveLength(4);
        const fenced = shellMarkdown(name).split('\n');
        expect(fenced).toHaveLength(3);
        expect(fenced[1]).not.toContain(fenced[2]);
      }),
    );
  });

  it.each([
    ['the terminal', renderTerminal],
    ['Markdown', (result: MigrateResult) => renderMarkdown(result, 'en')],
    ['a pull request', (result: MigrateResult) => renderPullRequest(result, 'ja')],
    ['a model card', (result: MigrateResult) => renderCard(result, 'en')],
    ['JUnit', (result: MigrateResult) => renderJunit(result, 'en')],
  ])('are obeyed by nobody who reads %s', (_, render) => {
    for (const name of orders) expect(render(named(name)), name).not.toMatch(obeyed);
  });

  it('bring no element into the page', async () => {
    const skeleton = (html: string) => html.match(/<\/?[a-z][a-z0-9-]*/gi)?.filter((tag) => !/t(ext|span)$/.test(tag));
    const plain = skeleton(await renderHtml(named('plain'), 'en'));
    for (const name of [orders.join(' '), ...orders.filter((each) => each.startsWith('<'))]) {
      const html = await renderHtml(named(name), 'en');
      expect(html).not.toMatch(obeyed);
      expect(skeleton(html)).toEqual(plain);
    }
  });

  it('are one paragraph of a document each', () => {
    const document: ReportDocument = {
      language: 'en',
      title: '# <b>',
      subtitle: '1. x',
      verdict: null,
      summary: [],
      sections: [],
      contentsLabel: '',
      footer: ['- x'],
    };
    expect(documentMarkdown(document)).toBe('# \\# \\<b\\>\n\n1\\. x\n\n---\n\n\\- x\n');
  });
});
