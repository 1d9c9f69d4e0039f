import { printable, printableLines } from '../printable.js';
import { type Block, type Inline, plain, type ReportDocument, type Rich, type Table } from './document.js';

/**
 * A document as CommonMark with GitHub's tables: the same words and figures as the page. Charts become their
 * descriptions, pictures their captions.
 */
export function documentMarkdown(document: ReportDocument): string {
  const { verdict } = document;
  const parts = [
    `# ${escapeMarkdown(document.title)}`,
    lineMarkdown([document.subtitle]),
    ...(verdict === null ? [] : [`> **${escapeMarkdown(verdict.headline)}**\n>\n> ${lineMarkdown(verdict.text)}`]),
    ...document.summary.map(blockMarkdown),
    ...document.sections.flatMap(({ title, blocks }) => [`## ${escapeMarkdown(title)}`, ...blocks.map(blockMarkdown)]),
    '---',
    lineMarkdown(document.footer),
  ];
  return printableLines(`${parts.join('\n\n')}\n`);
}

/** One block of a document, without a line feed at its end. */
export function blockMarkdown(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return lineMarkdown(block.text);
    case 'note':
      return `> ${lineMarkdown(block.text)}`;
    case 'list':
      return block.items.map((item, i) => `${block.ordered ? `${i + 1}.` : '-'} ${lineMarkdown(item)}`).join('\n');
    case 'facts':
      return block.items
        .map(
          ({ label, value, note }) =>
            `- **${escapeMarkdown(label)}**: ${richMarkdown(value)}${note === null || note.length === 0 ? '' : ` – ${richMarkdown(note)}`}`,
        )
        .join('\n');
    case 'table':
      return tableMarkdown(block);
    case 'orders':
      return block.orders
        .slice(0, 1)
        .map(({ table }) => tableMarkdown(table))
        .join('');
    case 'chart':
      return `*${escapeMarkdown(block.caption)}* ${escapeMarkdown(block.alt)}`;
    case 'gallery':
      return block.items
        .map(({ label, text }) => `- ${label === null ? '' : `${escapeMarkdown(label)}: `}${richMarkdown(text)}`)
        .join('\n');
    case 'command':
      return `${lineMarkdown([block.label])}:\n\n${shellMarkdown(block.text)}`;
    case 'details':
      return block.blocks.map(blockMarkdown).join('\n\n');
  }
}

function tableMarkdown({ caption, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `**${escapeMarkdown(caption)}**`,
    '',
    line(columns.map(({ title }) => cell([title]))),
    line(columns.map(({ numeric }) => (numeric ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(cell))),
  ].join('\n');
}

function cell(text: Rich): string {
  return richMarkdown(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function richMarkdown(text: Rich): string {
  return text.map(inlineMarkdown).join('');
}

function inlineMarkdown(inline: Inline): string {
  if (typeof inline === 'string') return escapeMarkdown(inline);
  switch (inline.kind) {
    case 'code': {
      const text = printable(inline.text);
      const longest = longestRun(text);
      const fence = '`'.repeat(longest + 1);
      if (text === '') return '';
      return longest > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`;
    }
    case 'strong':
      return `**${escapeMarkdown(inline.text)}**`;
    case 'number':
      return escapeMarkdown(plain([inline]));
  }
}

/** A command in a fence that is longer than any run of backticks inside. */
export function shellMarkdown(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}sh\n${printable(text)}\n${fence}`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
}

/** Text at the beginning of a line, where spaces, bullets, numbers, rules and the quick actions of GitLab mean something. */
function lineMarkdown(text: Rich): string {
  return richMarkdown(text)
    .replace(/^ +/, (spaces) => `&#32;${spaces.slice(1)}`)
    .replace(/^(?:[-+](?=[-+\s]|$)|=|\/(?=[a-z_]+(?:\s|$)))/, '\\$&')
    .replace(/^(\d{1,9})(?=[.)](?:\s|$))/, '$1\\');
}

/**
 * Names of classes and sites may hold anything; what Markdown would read as markup is escaped, and what GitHub or GitLab would make a link or
 * a message of is not joined any more: `@name`, `#12`, addresses.
 */
export function escapeMarkdown(text: string): string {
  return uncalled(printable(text)).replace(/[\\`*_[\]<>#~$]|&(?=#?\w+;)/g, '\\$&');
}

/** A word joiner, which nobody sees, where what stands together calls a person, names an issue, a label or a milestone, or is an address. */
function uncalled(text: string): string {
  return text.replace(
    /@(?=\S)|[#!$&](?=\d)|[%~](?=[\w"])|(?<=GH)-(?=\d)|:(?=\/\/|[a-z+-][\w+-]*:)|(?<=www)(?=\.)|(?<=mailto|xmpp)(?=:)/gi,
    '$&\u2060',
  );
}
