import { basename } from 'node:path';
import type { MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { type ReportDocument, type Rich, rich } from './document.js';
import { headline } from './headline.js';
import { formatDate, texts } from './languages.js';
import { numbersIn } from './numbers.js';
import { ablation } from './sections/ablation.js';
import { arms } from './sections/arms.js';
import { attribution } from './sections/attribution.js';
import { calibration } from './sections/calibration.js';
import { classes } from './sections/classes.js';
import { confusion } from './sections/confusion.js';
import type { Context } from './sections/context.js';
import { costs } from './sections/costs.js';
import { curves } from './sections/curves.js';
import { data } from './sections/data.js';
import { diagram } from './sections/diagram.js';
import { examples } from './sections/examples.js';
import { goals } from './sections/goals.js';
import { limits } from './sections/limits.js';
import { outputs } from './sections/outputs.js';
import { reading } from './sections/reading.js';
import { runbook } from './sections/runbook.js';
import { search } from './sections/search.js';
import { settings } from './sections/settings.js';
import { sites } from './sections/sites.js';
import { slices } from './sections/slices.js';
import { summary } from './sections/summary.js';

/** In the order of the page. A section that does not apply to the task is null. */
const sections = [
  arms,
  goals,
  outputs,
  search,
  curves,
  classes,
  slices,
  confusion,
  calibration,
  examples,
  diagram,
  sites,
  ablation,
  attribution,
  costs,
  runbook,
  limits,
  reading,
  data,
  settings,
];

/** The decision report on one run, in a language, before any format. */
export function migrationReport(result: MigrateResult, language: Language): ReportDocument {
  const text = texts[language];
  const context: Context = { result, text, numbers: numbersIn(language, text) };
  return {
    language,
    title: text.title(basename(result.model.path)),
    subtitle: text.subtitle(formatDate(result.run.started, language), result.run.id),
    verdict: {
      tone: result.verdict,
      headline: headline(result, text),
      text: verdictText(context),
    },
    summary: summary(context),
    sections: sections.flatMap((section) => section(context) ?? []),
    contentsLabel: text.contents,
    footer: text.footer,
  };
}

/** Why, by which rule, and what was written. */
export function verdictText({ result, text }: Context): Rich {
  // the sentence on the rule itself follows
  const reasons = result.reasons
    .flatMap(({ code }) => (code === 'rule-not-met' ? [] : [text.reasons[code]]))
    .join(text.sentenceGap);
  return rich`${reasons}${text.sentenceGap}${text.summary.rule(
    result.acceptance.rule,
    result.acceptance.met,
  )}${text.sentenceGap}${result.written ? text.summary.written : text.summary.notWritten}`;
}
