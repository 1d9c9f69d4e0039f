import { join } from 'node:path';
import type { Command } from 'commander';
import type { FleetResult } from '../../../contract/fleet.js';
import type { Language } from '../../../contract/settings.js';
import { printable } from '../../../printable.js';
import { type Context, printJson, type Run } from '../../context.js';
import { cacheFolder, cacheOption, openFleet, planArgument } from '../../fleet/options.js';
import { reportWords } from '../../metric-rows.js';
import { languagesOption, yesOption } from '../../options/run.js';
import { table } from '../../table.js';

export function declareFleetCollect(command: Command): Run {
  const plan = planArgument(command);
  const languages = languagesOption(command);
  const cache = cacheOption(command);
  yesOption(command);
  return async (context) => {
    const { collect } = await import('../../../fleet/collect.js');
    const { plan: opened, store } = await openFleet(plan(), cacheFolder(cache(), context.io));
    const { result } = await collect(opened, store);
    context.writes.sentence = 'The files of the report may have been written in part; no model is touched.';
    const written = await writeReports(result, languages(), context.io.command);
    if (context.json) printJson(context, written);
    else await show(context, written);
    return 0;
  };
}

async function writeReports(
  result: FleetResult,
  languages: readonly Language[],
  command: string,
): Promise<FleetResult> {
  const [{ renderFleetHtml, renderFleetMarkdown }, { renderJson }, { replaceFile }] = await Promise.all([
    import('../../../report/fleet.js'),
    import('../../../report/render.js'),
    import('../../../upgrade/replace.js'),
  ]);
  const pages = languages.flatMap((language) => {
    const name = language === 'en' ? 'fleet' : `fleet.${language}`;
    return [
      { path: join(result.plan, `${name}.html`), render: () => renderFleetHtml(result, language, { command }) },
      {
        path: join(result.plan, `${name}.md`),
        render: async () => renderFleetMarkdown(result, language, { command }),
      },
    ];
  });
  const json = join(result.plan, 'fleet.json');
  const complete = { ...result, report: [...pages.map(({ path }) => path), json] };
  for (const { path, render } of pages) await replaceFile(path, Buffer.from(await render()));
  await replaceFile(json, Buffer.from(renderJson(complete)));
  return complete;
}

async function show({ io }: Context, result: FleetResult): Promise<void> {
  const [{ text, word, numbers, plain }, { fleetTexts }] = await Promise.all([
    reportWords(),
    import('../../../report/text/fleet.js'),
  ]);
  const words = fleetTexts.en;
  const rows = result.models.map(({ name, metric, delta, pHolm, verdict, reason }) => {
    if (metric === null || delta === null) return [name, '', '', '', '', '', '', words.reasons[reason]];
    const { baseline, candidate, value } = delta.vsBefore;
    return [
      name,
      word(metric),
      plain([numbers.metric(metric, baseline, null)]),
      plain([numbers.metric(metric, candidate, null)]),
      plain([numbers.metricChange(metric, value, null)]),
      plain([numbers.pValue(pHolm, null)]),
      verdict === null ? '' : text.verdicts[verdict],
      words.reasons[reason],
    ];
  });
  const titles = ['model', 'metric', 'before', 'FReLU', 'change', 'p (Holm)', 'verdict', 'decision'];
  const right = ['before', 'FReLU', 'change', 'p (Holm)'];
  const upgrades = result.models.filter(({ upgrade }) => upgrade).length;
  const cost = plain([numbers.duration(result.cost.seconds, null)]);
  io.stdout.write(
    `${await table(titles, rows, { right, width: io.stdout.columns })}\n\n` +
      `${words.headline(upgrades, result.models.length)}; ${cost} of computing.\n` +
      `${result.report.map(printable).join('\n')}\n`,
  );
}
