import { present } from '../contract/present.js';
import { printableLines } from '../printable.js';
import { drawChart } from './charts.js';
import type { Block, Inline, ReportDocument, Rich, Section, Table } from './document.js';
import { escapeMarkup } from './markup.js';
import { drawNetwork } from './network-drawing.js';
import { style } from './style.js';

/**
 * A document as one self-contained HTML page: no script, no network (the content security policy forbids both), so that
 * it opens from a mail attachment. A figure of the result is `<data value="..." data-field="path in the JSON">`.
 */
export async function documentHtml(document: ReportDocument): Promise<string> {
  const ids = { next: 1 };
  const summary = await blocksHtml(document.summary, ids);
  const sections: string[] = [];
  for (const section of document.sections) sections.push(await sectionHtml(section, ids));
  const { verdict } = document;
  // names in a chart, too, come from files
  return printableLines(`<!doctype html>
<html lang="${document.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeMarkup(document.title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeMarkup(document.title)}</h1>
<p class="subtitle">${escapeMarkup(document.subtitle)}</p>
</header>
<main>
${
  verdict === null
    ? ''
    : `<div class="verdict verdict-${verdict.tone}" id="verdict"><strong>${marks[verdict.tone]} ${escapeMarkup(verdict.headline)}</strong><p>${richHtml(verdict.text)}</p></div>`
}
${summary}
${document.sections.length < 2 ? '' : contents(document)}
${sections.join('\n')}
</main>
<footer><p>${richHtml(document.footer)}</p></footer>
</body>
</html>
`);
}

/** The verdict has a mark of its own shape, so that it does not rest on colour. */
const marks = { adopt: '✓', reject: '✕', inconclusive: '?' } as const;

function contents({ sections, contentsLabel }: ReportDocument): string {
  const items = sections.map(({ id, title }) => `<li><a href="#${id}">${escapeMarkup(title)}</a></li>`);
  return `<nav aria-label="${escapeMarkup(contentsLabel)}"><ul>${items.join('')}</ul></nav>`;
}

async function sectionHtml({ id, title, blocks }: Section, ids: { next: number }): Promise<string> {
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escapeMarkup(title)}</h2>
${await blocksHtml(blocks, ids)}
</section>`;
}

/** Charts that follow each other stand side by side where there is room. */
async function blocksHtml(blocks: readonly Block[], ids: { next: number }): Promise<string> {
  const parts: string[] = [];
  for (let i = 0; i < blocks.length; ) {
    const charts: string[] = [];
    for (let block = blocks[i]; block?.kind === 'chart'; block = blocks[++i]) charts.push(await blockHtml(block, ids));
    if (charts.length > 0)
      parts.push(charts.length === 1 ? charts.join('') : `<div class="charts">${charts.join('\n')}</div>`);
    const block = blocks[i++];
    if (block !== undefined) parts.push(await blockHtml(block, ids));
  }
  return parts.join('\n');
}

async function blockHtml(block: Block, ids: { next: number }): Promise<string> {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${richHtml(block.text)}</p>`;
    case 'note':
      return `<p class="note">${richHtml(block.text)}</p>`;
    case 'list': {
      const tag = block.ordered ? 'ol' : 'ul';
      return `<${tag}>${block.items.map((item) => `<li>${richHtml(item)}</li>`).join('')}</${tag}>`;
    }
    case 'facts':
      return `<dl class="facts">${block.items
        .map(
          ({ label, value, note }) =>
            `<div><dt>${escapeMarkup(label)}</dt><dd class="value">${richHtml(value)}</dd>${
              note === null || note.length === 0 ? '' : `<dd class="fact-note">${richHtml(note)}</dd>`
            }</div>`,
        )
        .join('')}</dl>`;
    case 'table':
      return tableHtml(block, '');
    case 'orders':
      return ordersHtml(block);
    case 'chart': {
      const id = `chart-${ids.next++}`;
      if (block.chart.kind === 'network') {
        // it keeps its size, and is moved about in its frame where that is smaller
        return `<figure class="network"><div class="frame" tabindex="0" role="img" aria-label="${escapeMarkup(block.alt)}">${await drawNetwork(
          block.chart,
          id,
        )}</div><figcaption>${escapeMarkup(block.caption)}</figcaption></figure>`;
      }
      return `<figure class="chart"><div role="img" aria-label="${escapeMarkup(block.alt)}">${await drawChart(
        block.chart,
        id,
      )}</div><figcaption>${escapeMarkup(block.caption)}</figcaption></figure>`;
    }
    case 'gallery':
      return `<ul class="gallery">${block.items
        .map(
          ({ pictures, text }) =>
            `<li${pictures.length === 1 ? ' class="single"' : ''}><div class="pictures">${pictures
              .map(
                ({ source, alt, caption }) =>
                  `<figure><img src="${escapeMarkup(source)}" alt="${escapeMarkup(alt)}"><figcaption>${escapeMarkup(caption)}</figcaption></figure>`,
              )
              .join('')}</div><p>${richHtml(text)}</p></li>`,
        )
        .join('')}</ul>`;
    case 'command':
      return `<div class="command"><p>${escapeMarkup(block.label)}</p><pre><code>${escapeMarkup(block.text)}</code></pre></div>`;
    case 'details':
      return `<details><summary>${escapeMarkup(block.summary)}</summary>${await blocksHtml(block.blocks, ids)}</details>`;
  }
}

/**
 * On a phone each row becomes a small list of label and value. That takes the table's layout away, and in browsers its
 * meaning with it, so the roles are written out.
 */
function tableHtml({ caption, columns, rows }: Table, className: string): string {
  const head = columns.map(
    ({ title, numeric }) =>
      `<th role="columnheader" scope="col"${numeric ? ' class="number"' : ''}>${escapeMarkup(title)}</th>`,
  );
  const body = rows.map((cells) => {
    const row = cells.map((cell, i) => {
      const { title, numeric } = present(columns[i], `column ${i} of ${caption}`);
      const number = numeric ? ' class="number"' : '';
      return i === 0
        ? `<th role="rowheader" scope="row"${number}>${richHtml(cell)}</th>`
        : `<td role="cell"${number} data-label="${escapeMarkup(title)}"><span>${richHtml(cell)}</span></td>`;
    });
    return `<tr role="row">${row.join('')}</tr>`;
  });
  return `<table role="table"${className === '' ? '' : ` class="${className}"`}><caption>${escapeMarkup(caption)}</caption><thead role="rowgroup"><tr role="row">${head.join('')}</tr></thead><tbody role="rowgroup">${body.join('\n')}</tbody></table>`;
}

/** A table that can be sorted without script: each order is there, and a choice shows one of them. */
function ordersHtml({ label, orders }: Extract<Block, { kind: 'orders' }>): string {
  const choices = orders.map(
    ({ name }, i) =>
      `<label><input type="radio" name="order" id="order-${i}"${i === 0 ? ' checked' : ''}> ${escapeMarkup(name)}</label>`,
  );
  return `<div class="orders"><fieldset><legend>${escapeMarkup(label)}</legend>${choices.join('')}</fieldset>${orders
    .map(({ table }, i) => tableHtml(table, `order-${i}`))
    .join('\n')}</div>`;
}

function richHtml(text: Rich): string {
  return text.map(inlineHtml).join('');
}

function inlineHtml(inline: Inline): string {
  if (typeof inline === 'string') return escapeMarkup(inline);
  switch (inline.kind) {
    case 'code':
      return `<code>${escapeMarkup(inline.text)}</code>`;
    case 'strong':
      return `<strong>${escapeMarkup(inline.text)}</strong>`;
    case 'number':
      return inline.field === null
        ? `<span class="figure">${escapeMarkup(inline.text)}</span>`
        : `<data value="${inline.value ?? ''}" data-field="${escapeMarkup(inline.field)}">${escapeMarkup(inline.text)}</data>`;
  }
}
