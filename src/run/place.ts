import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure, messageOf } from '../contract/failure.js';
import type { MigrateResult } from '../contract/result.js';
import type { Model } from '../model/model.js';
import type { RunData } from '../reading/data.js';
import { type Language, renderHtml, renderJson, renderMarkdown } from '../report/render.js';
import type { MigrateOptions } from './options.js';

/** Where a run keeps its checkpoints and reports; no folder for a dry run, which writes nothing. */
export interface RunPlace {
  readonly id: string;
  readonly folder: string | null;
  /** of the model, the data and the settings: a checkpoint of other ones is not gone on with */
  readonly fingerprint: string;
}

const recordName = 'run.json';
const resultName = 'report.json';

/**
 * Makes the folder of a new run, or finds the one to go on with.
 * @throws Failure('usage') when there is no interrupted run of the same model, data and settings
 */
export async function openRun(options: MigrateOptions, model: Model, data: RunData, started: Date): Promise<RunPlace> {
  const { model: path, resume, runDir, languages, dryRun, command, training, ...settings } = options;
  // a run whose device fails goes on on another
  const { device, ...trained } = training;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([model.files, data.train.split.contentSha256, settings, trained]))
    .digest('hex');
  const runs = join(dirname(model.path), '.frelu', 'runs');
  if (resume) return resumeRun(runDir === null ? await foldersOf(runs) : [resolve(runDir)], fingerprint);
  const id = `${started.toISOString().replace(/[-:]|\..*/g, '')}-${randomBytes(3).toString('hex')}`;
  const folder = runDir !== null ? resolve(runDir) : dryRun ? null : join(runs, id);
  if (folder !== null) {
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, recordName), `${JSON.stringify({ id, fingerprint }, null, 2)}\n`);
    } catch (cause) {
      const why = messageOf(cause);
      throw new Failure('input', `${folder}: the run's folder cannot be written (${why}). Name another: --run-dir.`, {
        cause,
      });
    }
  }
  return { id, folder, fingerprint };
}

async function resumeRun(folders: readonly string[], fingerprint: string): Promise<RunPlace> {
  for (const folder of folders) {
    const record = await readFile(join(folder, recordName), 'utf8').catch(() => null);
    if (record === null || (await stat(join(folder, resultName)).catch(() => null)) !== null) continue;
    const parsed: unknown = JSON.parse(record);
    if (!isRecord(parsed) || parsed.fingerprint !== fingerprint) continue;
    return { id: parsed.id, folder, fingerprint };
  }
  throw new Failure(
    'usage',
    '--resume: there is no interrupted run of this model with this data and these settings. ' +
      'Start one without --resume, or name its folder (--run-dir). Nothing was written.',
  );
}

function isRecord(value: unknown): value is { id: string; fingerprint: string } {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}

/** The runs of a folder, newest first: their names begin with the time. */
async function foldersOf(runs: string): Promise<string[]> {
  const names = await readdir(runs).catch(() => []);
  return names
    .sort()
    .reverse()
    .map((name) => join(runs, name));
}

/** Writes report.json, and the page and the Markdown in every language asked for; returns the result with their paths. */
export async function writeReports(
  result: MigrateResult,
  folder: string,
  languages: readonly Language[],
): Promise<MigrateResult> {
  const pages = languages.flatMap((language) => {
    const suffix = language === 'en' ? '' : `.${language}`;
    return [
      { path: join(folder, `report${suffix}.html`), render: (of: MigrateResult) => renderHtml(of, language) },
      { path: join(folder, `report${suffix}.md`), render: async (of: MigrateResult) => renderMarkdown(of, language) },
    ];
  });
  const json = join(folder, resultName);
  const complete = { ...result, report: [...pages.map(({ path }) => path), json] };
  for (const { path, render } of pages) await writeFile(path, await render(complete));
  await writeFile(json, renderJson(complete));
  return complete;
}
