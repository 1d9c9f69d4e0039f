import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import type { Language } from '../../contract/settings.js';
import { type Context, printJson, type Run } from '../context.js';
import { reportWords } from '../metric-rows.js';
import { argument, flag, option } from '../options/option.js';
import { languagesOption } from '../options/run.js';
import { listOf, text } from '../options/values.js';
import { findRun, findRuns } from '../run-folders.js';
import { table } from '../table.js';

const formats = ['html', 'md', 'json', 'pdf'] as const;
type Format = (typeof formats)[number];

export function declareReport(command: Command): Run {
  const run = argument(command, '<RUN>', 'a run: its id, its folder, or its report.json; with --all a folder of many');
  const all = flag(command, '--all', 'the table of all runs below a folder');
  const wanted = option<readonly Format[]>(
    command,
    '--format <LIST>',
    'html, md, json, pdf (needs a Chromium-based browser)',
    listOf(formats),
    ['html'],
  );
  const languages = languagesOption(command);
  const out = option(command, '--out <FOLDER>', 'where the files go', text, null, 'beside the run');
  return (context) => {
    const files = { formats: wanted(), languages: languages(), out: out() };
    return all() ? renderAll(context, run(), files) : renderOne(context, run(), files);
  };
}

interface Wanted {
  readonly formats: readonly Format[];
  readonly languages: readonly Language[];
  /** null: where the run lies */
  readonly out: string | null;
}

async function renderOne(context: Context, named: string, { formats, languages, out }: Wanted): Promise<number> {
  const { path, result } = await findRun(named, process.cwd());
  const { renderHtml, renderJson, renderMarkdown, renderPdf } = await import('../../report/render.js');
  const folder = resolve(out ?? dirname(path));
  const report = await writeFiles(context, folder, 'report', formats, languages, {
    html: (language) => renderHtml(result, language),
    md: async (language) => renderMarkdown(result, language),
    pdf: (language) => renderPdf(result, language),
    // the run's own JSON is what all the others are made from: beside them it stands already
    json: async () => (join(folder, 'report.json') === resolve(path) ? null : renderJson(result)),
  });
  if (context.json) printJson(context, { run: result.run.id, report });
  else context.io.stdout.write(`${report.join('\n')}\n`);
  return 0;
}

async function renderAll(context: Context, folder: string, { formats, languages, out }: Wanted): Promise<number> {
  const runs = await findRuns(folder, (message) => context.io.stderr.write(`warning: ${message}\n`));
  if (runs.length === 0) {
    throw new Failure('input', {
      what: `${folder}: there is no finished run below this folder.`,
      cure: 'Name a folder that holds runs, such as the one of a migrated model.',
    });
  }
  const results = runs.map(({ result }) => result);
  const [{ renderHistoryHtml, renderHistoryMarkdown, renderJson }, { printPdf }] = await Promise.all([
    import('../../report/render.js'),
    import('../../report/pdf.js'),
  ]);
  const report = await writeFiles(context, resolve(out ?? folder), 'history', formats, languages, {
    html: (language) => renderHistoryHtml(results, language),
    md: async (language) => renderHistoryMarkdown(results, language),
    pdf: async (language) => printPdf(await renderHistoryHtml(results, language)),
    json: async () => renderJson(results),
  });
  if (context.json) printJson(context, { runs: results, report });
  else context.io.stdout.write(`${await historyTable(results)}\n\n${report.join('\n')}\n`);
  return 0;
}

type Render = (language: Language) => Promise<string | Uint8Array | null>;

/** Writes one file per format and language, JSON once, each under its final name when it is complete; null: stands already. */
async function writeFiles(
  { writes }: Context,
  folder: string,
  name: string,
  formats: readonly Format[],
  languages: readonly Language[],
  renderers: Readonly<Record<Format, Render>>,
): Promise<string[]> {
  const wanted = formats.flatMap((format) =>
    (format === 'json' ? languages.slice(0, 1) : languages).map((language) => ({ format, language })),
  );
  const rendered = [];
  for (const { format, language } of wanted) {
    const suffix = language === 'en' || format === 'json' ? '' : `.${language}`;
    rendered.push({ path: join(folder, `${name}${suffix}.${format}`), content: await renderers[format](language) });
  }
  await mkdir(folder, { recursive: true });
  for (const { path, content } of rendered) {
    writes.sentence = `The files of the report before ${basename(path)} were written.`;
    if (content !== null) await writeFile(path, content);
  }
  return rendered.map(({ path }) => path);
}

async function historyTable(results: readonly MigrateResult[]): Promise<string> {
  const { text: words, word, numbers, plain } = await reportWords();
  const rows = [...results]
    .sort((a, b) => b.run.started.localeCompare(a.run.started))
    .map(({ model, run, delta: { vsBefore }, verdict, written }) => {
      const { metric, baseline, candidate, value } = vsBefore;
      return [
        basename(model.path),
        run.id,
        word(metric),
        plain([numbers.metric(metric, baseline, null)]),
        plain([numbers.metric(metric, candidate, null)]),
        plain([numbers.metricChange(metric, value, null)]),
        words.verdicts[verdict],
        written ? 'yes' : 'no',
      ];
    });
  return table(['model', 'run', 'metric', 'before', 'after', 'change', 'verdict', 'written'], rows, [
    'before',
    'after',
    'change',
  ]);
}
