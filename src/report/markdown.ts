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
    escapeMarkdown(document.subtitle),
    ...(verdict === null ? [] : [`> **${escapeMarkdown(verdict.headline)}**\n>\n> ${richMarkdown(verdict.text)}`]),
    ...document.summary.map(blockMarkdown),
    ...document.sections.flatMap(({ title, blocks }) => [`## ${escapeMarkdown(title)}`, ...blocks.map(blockMarkdown)]),
    '---',
    richMarkdown(document.footer),
  ];
  return printableLines(`${parts.join('\n\n')}\n`);
}

/** One block of a document, without a line feed at its end. */
export function blockMarkdown(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return richMarkdown(block.text);
    case 'note':
      return `> ${richMarkdown(block.text)}`;
    case 'list':
      return block.items.map((item, i) => `${block.ordered ? `${i + 1}.` : '-'} ${richMarkdown(item)}`).join('\n');
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
        .map(
          ({ pictures, text }) =>
            `- ${escapeMarkdown(pictures.map(({ alt }) => alt).join('; '))}: ${richMarkdown(text)}`,
        )
        .join('\n');
    case 'command':
      return `${escapeMarkdown(block.label)}:\n\n\`\`\`sh\n${block.text}\n\`\`\``;
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
      // a fence longer than any run of backticks inside
      const text = printable(inline.text);
      const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
      const fence = '`'.repeat(longest + 1);
      return longest > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`;
    }
    case 'strong':
      return `**${escapeMarkdown(inline.text)}**`;
    case 'number':
      return escapeMarkdown(plain([inline]));
  }
}

/** Names of classes and sites may hold anything; what Markdown would read as markup is escaped. */
export function escapeMarkdown(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>#]/g, '\\$&');
}
