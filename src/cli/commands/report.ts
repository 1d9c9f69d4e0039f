import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import type { Language } from '../../contract/settings.js';
import { printable } from '../../printable.js';
import { createFolder } from '../../upgrade/files.js';
import { type Context, printJson, type Run } from '../context.js';
import { reportWords } from '../metric-rows.js';
import { argument, flag, option } from '../options/option.js';
import { languagesOption, yesOption } from '../options/run.js';
import { listOf, text } from '../options/values.js';
import { findRun, findRuns, usingStored } from '../run-folders.js';
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
  yesOption(command);
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
  const place = { folder, name: 'report', like: [path] };
  const report = await usingStored(path, () =>
    writeFiles(context, place, formats, languages, {
      html: (language) => renderHtml(result, language),
      md: async (language) => renderMarkdown(result, language),
      pdf: (language) => renderPdf(result, language),
      // the run's own JSON is what all the others are made from: beside them it stands already
      json: async () => (join(folder, 'report.json') === resolve(path) ? null : renderJson(result)),
    }),
  );
  if (context.json) printJson(context, { run: result.run.id, report });
  else context.io.stdout.write(`${report.map(printable).join('\n')}\n`);
  return 0;
}

async function renderAll(context: Context, folder: string, { formats, languages, out }: Wanted): Promise<number> {
  const runs = await findRuns(folder, (message) => context.io.stderr.write(`warning: ${printable(message)}\n`));
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
  const place = { folder: resolve(out ?? folder), name: 'history', like: runs.map(({ path }) => path) };
  const report = await usingStored(folder, () =>
    writeFiles(context, place, formats, languages, {
      html: (language) => renderHistoryHtml(results, language),
      md: async (language) => renderHistoryMarkdown(results, language),
      pdf: async (language) => printPdf(await renderHistoryHtml(results, language)),
      json: async () => renderJson(results),
    }),
  );
  if (context.json) printJson(context, { runs: results, report });
  else
    context.io.stdout.write(
      `${await usingStored(folder, () => historyTable(results, context.io.stdout.columns))}\n\n${report.map(printable).join('\n')}\n`,
    );
  return 0;
}

interface Place {
  readonly folder: string;
  /** what each file is called, before its ending */
  readonly name: string;
  /** the runs' own reports: the files show samples, and get no wider permissions than these */
  readonly like: readonly string[];
}

type Render = (language: Language) => Promise<string | Uint8Array | null>;

/** Writes one file per format and language, JSON once, each under its final name when it is complete; null: stands already. */
async function writeFiles(
  { writes }: Context,
  { folder, name, like }: Place,
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
  await createFolder(folder);
  const [{ replaceFile }, { modeOfCopy }] = await Promise.all([
    import('../../upgrade/replace.js'),
    import('../../upgrade/permissions.js'),
  ]);
  const ownership = { mode: await modeOfCopy(like) };
  for (const { path, content } of rendered) {
    writes.sentence = `The files of the report before ${basename(path)} were written.`;
    if (content !== null)
      await replaceFile(path, typeof content === 'string' ? Buffer.from(content) : content, ownership);
  }
  return rendered.map(({ path }) => path);
}

async function historyTable(results: readonly MigrateResult[], width: number | undefined): Promise<string> {
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
  return table(['model', 'run', 'metric', 'before', 'after', 'change', 'verdict', 'written'], rows, {
    right: ['before', 'after', 'change'],
    width,
  });
}
