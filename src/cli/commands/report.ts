import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import type { Language } from '../../contract/settings.js';
import { printable } from '../../printable.js';
import type { Destination } from '../../tracking/destination.js';
import { type Context, printJson, type Run } from '../context.js';
import { tellGitHub } from '../github.js';
import { logStored } from '../log-results.js';
import { reportWords } from '../metric-rows.js';
import { logOption } from '../options/log.js';
import { argument, flag, option } from '../options/option.js';
import { languagesOption, yesOption } from '../options/run.js';
import { listOf, text } from '../options/values.js';
import { type Format, writeFiles } from '../report-files.js';
import { findRun, findRuns, usingStored } from '../run-folders.js';
import { findScratchRun, type StoredScratchRun } from '../scratch-runs.js';
import { table } from '../table.js';

const formats = ['html', 'md', 'json', 'pdf', 'junit', 'pr', 'card'] as const satisfies readonly Format[];

/** Of many runs, and of a training from scratch. */
const pageFormats = ['html', 'md', 'json', 'pdf'] as const satisfies readonly Format[];
type PageFormat = (typeof pageFormats)[number];

export function declareReport(command: Command): Run {
  const run = argument(command, '<RUN>', 'a run: its id, its folder, or its report.json; with --all a folder of many');
  const all = flag(command, '--all', 'the table of all runs below a folder');
  const wanted = option<readonly Format[] | null>(
    command,
    '--format <LIST>',
    'html, md, json, pdf (needs a Chromium-based browser), junit (XML for CI), pr (for a pull request), card (a model card)',
    listOf(formats),
    null,
    'html; with --log none',
  );
  const log = logOption(command);
  const languages = languagesOption(command);
  const out = option(command, '--out <FOLDER>', 'where the files go', text, null, 'beside the run');
  yesOption(command);
  return (context) => {
    const destinations = log();
    const files = {
      formats: wanted() ?? (destinations.length > 0 ? [] : (['html'] as const)),
      languages: languages(),
      out: out(),
    };
    return all() ? renderAll(context, run(), files, destinations) : renderOne(context, run(), files, destinations);
  };
}

interface Wanted {
  readonly formats: readonly Format[];
  readonly languages: readonly Language[];
  /** null: where the run lies */
  readonly out: string | null;
}

async function renderOne(
  context: Context,
  named: string,
  { formats, languages, out }: Wanted,
  destinations: readonly Destination[],
): Promise<number> {
  const scratch = await findScratchRun(named, process.cwd());
  if (scratch !== null) return renderScratch(context, scratch, { formats, languages, out }, destinations);
  const { path, result } = await findRun(named, process.cwd());
  const { renderCard, renderHtml, renderJson, renderJunit, renderMarkdown, renderPdf, renderPullRequest } =
    await import('../../report/render.js');
  const folder = resolve(out ?? dirname(path));
  const place = { folder, name: 'report', like: [path] };
  const report = await usingStored(path, () =>
    writeFiles(context, place, formats, languages, {
      html: (language) => renderHtml(result, language),
      md: async (language) => renderMarkdown(result, language),
      pdf: (language) => renderPdf(result, language),
      // the run's own JSON is what all the others are made from: beside them it stands already
      json: async () => (join(folder, 'report.json') === resolve(path) ? null : renderJson(result)),
      junit: async (language) => renderJunit(result, language),
      pr: async (language) => renderPullRequest(result, language),
      card: async (language) => renderCard(result, language),
    }),
  );
  const logged = await usingStored(path, () => logStored(context.io, result, destinations, languages));
  if (context.json) printJson(context, { run: result.run.id, report, ...(destinations.length > 0 && { logged }) });
  else context.io.stdout.write([...report, ...logged].map((place) => `${printable(place)}\n`).join(''));
  await usingStored(path, () => tellGitHub(context.io, result, languages));
  return 0;
}

/** A training from scratch has no model that was judged: what CI, a pull request and a model hub read is not made of it. */
async function renderScratch(
  context: Context,
  { path, result }: StoredScratchRun,
  { formats, languages, out }: Wanted,
  destinations: readonly Destination[],
): Promise<number> {
  if (destinations.length > 0 || !formats.every(isPageFormat)) {
    throw new Failure('usage', {
      what: `${path}: a training from scratch is not logged, and has no other formats than those of pages.`,
      cure: `Have it as one of ${pageFormats.join(', ')}.`,
      settings: ['reportFormat'],
      written: 'nothing',
    });
  }
  const [{ renderScratchHtml, renderScratchMarkdown }, { renderJson }, { printPdf }] = await Promise.all([
    import('../../report/from-scratch.js'),
    import('../../report/render.js'),
    import('../../report/pdf.js'),
  ]);
  const folder = resolve(out ?? dirname(path));
  const place = { folder, name: 'from-scratch', like: [path] };
  const report = await usingStored(path, () =>
    writeFiles(context, place, formats, languages, {
      html: (language) => renderScratchHtml(result, language),
      md: async (language) => renderScratchMarkdown(result, language),
      pdf: async (language) => printPdf(await renderScratchHtml(result, language)),
      // what the others are made from stands beside them already
      json: async () => (join(folder, basename(path)) === resolve(path) ? null : renderJson(result)),
    }),
  );
  if (context.json) printJson(context, { run: result.run.id, report });
  else context.io.stdout.write(report.map((each) => `${printable(each)}\n`).join(''));
  return 0;
}

async function renderAll(
  context: Context,
  folder: string,
  { formats, languages, out }: Wanted,
  destinations: readonly Destination[],
): Promise<number> {
  if (destinations.length > 0 || !formats.every(isPageFormat)) {
    throw new Failure('usage', {
      what: 'The table of many runs is not logged, and has no other formats than those of pages.',
      cure: `Name one run, or have the table as one of ${pageFormats.join(', ')}.`,
      settings: ['reportFormat'],
      written: 'nothing',
    });
  }
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

function isPageFormat(format: Format): format is PageFormat {
  return pageFormats.some((each) => each === format);
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
