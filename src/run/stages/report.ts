import { join } from 'node:path';
import { Failure } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import type { Language } from '../../contract/settings.js';
import { replaceFile } from '../../upgrade/replace.js';
import { resultName } from '../file-names.js';
import type { RunPlace } from '../place.js';
import { perRun } from '../run.js';
import type { Stage } from '../runner.js';
import { commitStage } from './commit.js';
import { judgeStage } from './judge.js';
import { keepStage } from './keep.js';

/**
 * The run's result, with its report written. It can be made again at any time from what the stages before it have kept: where the disk
 * does not take it, that is told, and the result, which says how to undo what was written, is given without (`report` is empty).
 */
export const reportStage: Stage<MigrateResult> = {
  name: 'report',
  of: perRun(async (run) => {
    const result = {
      ...(await judgeStage.of(run)),
      ...(await commitStage.of(run)),
      ...(await keepStage.of(run)),
      report: [],
    };
    try {
      return await writeReports(result, run.place, run.options.languages);
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      run.hooks.warn(`${cause.what} ${cause.cure}`);
      return result;
    }
  }),
};

/** Writes the page and the Markdown in every language asked for, and report.json last: a folder that has it is a finished run's. */
async function writeReports(
  result: MigrateResult,
  { folder, ownership }: RunPlace,
  languages: readonly Language[],
): Promise<MigrateResult> {
  // what draws the report is loaded when there is one to be drawn
  const { renderHtml, renderJson, renderMarkdown } = await import('../../report/render.js');
  const pages = languages.flatMap((language) => {
    const suffix = language === 'en' ? '' : `.${language}`;
    return [
      { path: join(folder, `report${suffix}.html`), render: (of: MigrateResult) => renderHtml(of, language) },
      { path: join(folder, `report${suffix}.md`), render: async (of: MigrateResult) => renderMarkdown(of, language) },
    ];
  });
  const json = join(folder, resultName);
  const complete = { ...result, report: [...pages.map(({ path }) => path), json] };
  for (const { path, render } of pages) await replaceFile(path, Buffer.from(await render(complete)), ownership);
  await replaceFile(json, Buffer.from(renderJson(complete)), ownership);
  return complete;
}
