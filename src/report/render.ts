import { asDocument } from '../contract/document.js';
import type { MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { printableLines } from '../printable.js';
import { historyReport } from './history.js';
import { documentHtml } from './html.js';
import { documentMarkdown } from './markdown.js';
import { printPdf } from './pdf.js';
import { migrationReport } from './report.js';

export type { Language } from '../contract/settings.js';
export { renderCard } from './card.js';
export { renderJunit } from './junit.js';
export { renderPullRequest } from './pull-request.js';
export { renderTerminal } from './terminal.js';

/** One self-contained page, without script and without network. */
export function renderHtml(result: MigrateResult, language: Language): Promise<string> {
  return documentHtml(migrationReport(result, language));
}

/** The same report as CommonMark with tables; charts become their descriptions. */
export function renderMarkdown(result: MigrateResult, language: Language): string {
  return documentMarkdown(migrationReport(result, language));
}

/** One JSON document, indented, with a line feed. A number that JSON has no form for (NaN, Infinity) becomes null. */
export function renderJson(result: unknown): string {
  return `${printableLines(JSON.stringify(asDocument(result), null, 2))}\n`;
}

/**
 * The page printed on A4.
 * @throws Failure('usage') where no Chromium-based browser is installed
 */
export async function renderPdf(result: MigrateResult, language: Language): Promise<Uint8Array> {
  return printPdf(await renderHtml(result, language));
}

/** The table of many runs as a page; it can be sorted without script. */
export function renderHistoryHtml(results: readonly MigrateResult[], language: Language): Promise<string> {
  return documentHtml(historyReport(results, language));
}

export function renderHistoryMarkdown(results: readonly MigrateResult[], language: Language): string {
  return documentMarkdown(historyReport(results, language));
}
