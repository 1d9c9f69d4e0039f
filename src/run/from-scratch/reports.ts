import { join } from 'node:path';
import type { FromScratchResult } from '../../contract/from-scratch.js';
import type { Language } from '../../contract/settings.js';
import { renderScratchHtml, renderScratchMarkdown } from '../../report/from-scratch.js';
import { renderJson } from '../../report/render.js';
import { replaceFile } from '../../upgrade/replace.js';
import { scratchResultName } from '../file-names.js';
import type { RunPlace } from '../place.js';

/** Writes the page and the Markdown in every language asked for into the run's folder, and the JSON last. */
export async function writeScratchReports(
  result: FromScratchResult,
  { folder, ownership }: RunPlace,
  languages: readonly Language[],
): Promise<FromScratchResult> {
  const pages = languages.flatMap((language) => {
    const path = join(folder, `from-scratch${language === 'en' ? '' : `.${language}`}`);
    return [
      { path: `${path}.html`, render: (of: FromScratchResult) => renderScratchHtml(of, language) },
      { path: `${path}.md`, render: async (of: FromScratchResult) => renderScratchMarkdown(of, language) },
    ];
  });
  const json = join(folder, scratchResultName);
  const complete = { ...result, report: [...pages.map(({ path }) => path), json] };
  for (const { path, render } of pages) await replaceFile(path, Buffer.from(await render(complete)), ownership);
  await replaceFile(json, Buffer.from(renderJson(complete)), ownership);
  return complete;
}
