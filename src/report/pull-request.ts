import { basename } from 'node:path';
import { briefMetricNames, isTableMetric, namesIn } from '../contract/metrics.js';
import type { Delta, MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { printableLines } from '../printable.js';
import type { Block, Rich } from './document.js';
import { headline } from './headline.js';
import { texts } from './languages.js';
import { blockMarkdown, escapeMarkdown, shellMarkdown } from './markdown.js';
import { numbersIn } from './numbers.js';
import { verdictText } from './report.js';
import { reproduceCommand } from './reproduce.js';
import { type Context, named, note, numeric, paragraph } from './sections/context.js';
import { differenceCells } from './sections/figures.js';
import { goalTable } from './sections/goals.js';
import { lookedBefore } from './sections/limits.js';
import { untold } from './sections/risks.js';
import { worseSlices } from './sections/slices.js';
import { metricWord } from './text/metrics.js';

/**
 * The verdict as a comment on a pull request, or a summary of a job: what was measured, which goals were missed, how to repeat it and how
 * to undo it, in the Markdown of GitHub and GitLab. Names from files call nobody: of `@name`, `#12` and addresses no link is made.
 */
export function renderPullRequest(result: MigrateResult, language: Language): string {
  const text = texts[language];
  const context: Context = { result, text, numbers: numbersIn(language, text) };
  const words = text.pullRequest;
  const blocks: readonly Block[] = [
    paragraph(verdictText(context)),
    ...[...lookedBefore(context), ...untold(context)].map(note),
    ...trustedReading(context),
    armTable(context),
    deltaTable(context),
    ...lostSlices(context),
    ...unmetGoals(context),
  ];
  return printableLines(
    `${[
      `### ${escapeMarkdown(`${words.title(basename(result.model.path))}: ${headline(result, text)}`)}`,
      ...blocks.map(blockMarkdown),
      ...allGoals(context),
      ...undo(context).map(blockMarkdown),
      folded(words.repeat, [
        shellMarkdown(reproduceCommand(result)),
        blockMarkdown(paragraph(words.repeatNote(result.environment.version))),
      ]),
    ].join('\n\n')}\n`,
  );
}

function trustedReading({ result, text }: Context): readonly Block[] {
  const { sanity } = result.reading;
  return sanity?.status === 'suspect'
    ? [note([`${text.said(sanity.sentence)}${text.sentenceGap}${text.reading.trusted}`])]
    : [];
}

/** The judged metric first, then those shown where there is little room. */
function armTable({ result, text, numbers }: Context): Block {
  const { before } = result.arms;
  const judged = result.delta.vsBefore.metric;
  const names = [
    ...new Set([judged, ...briefMetricNames, ...namesIn(before.test).filter((name) => !isTableMetric(name))]),
  ].filter((name) => before.test[name] !== undefined);
  const arms = (['before', 'control', 'frelu'] as const).flatMap((name) => {
    const arm = result.arms[name];
    return arm === null ? [] : [{ name, arm }];
  });
  return {
    kind: 'table',
    caption: text.pullRequest.table,
    columns: [named(text.pullRequest.metric), ...arms.map(({ name }) => numeric(text.arms[name]))],
    rows: names.map((name) => [
      [metricWord(text.metrics, name)],
      ...arms.map(
        ({ name: of, arm }): Rich => [
          numbers.metric(name, arm.test[name]?.value ?? null, `arms.${of}.test.${name}.value`),
        ],
      ),
    ]),
  };
}

function deltaTable(context: Context): Block {
  const { result, text } = context;
  const { vsBefore, vsControl } = result.delta;
  const words = text.armsSection;
  const row = (label: string, delta: Delta, path: string): Rich[] => [
    [label],
    ...differenceCells(context, delta, path),
  ];
  return {
    kind: 'table',
    caption: `${words.deltas}: ${metricWord(text.metrics, vsBefore.metric)}`,
    columns: [named(words.comparison), numeric(words.difference), numeric(words.interval), numeric(words.p)],
    rows: [
      row(text.comparisons.vsBefore, vsBefore, 'delta.vsBefore'),
      ...(vsControl === null ? [] : [row(text.comparisons.vsControl, vsControl, 'delta.vsControl')]),
    ],
  };
}

/** as many as are read beside a change of code */
const most = 10;

function lostSlices(context: Context): readonly Block[] {
  const { text, numbers } = context;
  const worse = worseSlices(context);
  if (worse.length === 0) return [];
  const words = text.slices;
  return [
    {
      kind: 'table',
      caption: text.pullRequest.lost,
      columns: [
        named(words.name),
        numeric(words.count),
        numeric(words.change),
        numeric(words.changeInterval),
        numeric(words.p),
      ],
      rows: worse.slice(0, most).map(({ slice, path }) => {
        const [change = [], interval = []] = differenceCells(context, slice.delta, `${path}.delta`);
        return [
          [`${slice.column}: ${slice.value}`],
          [numbers.count(slice.delta.count, `${path}.delta.count`)],
          change,
          interval,
          [numbers.pValue(slice.pHolm, `${path}.pHolm`)],
        ];
      }),
    },
    ...(worse.length > most
      ? [paragraph(words.omitted(numbers.count(most, null), numbers.count(worse.length, null)))]
      : []),
  ];
}

function unmetGoals(context: Context): readonly Block[] {
  const unmet = goalTable(context, ({ met }) => !met);
  return unmet.rows.length === 0 ? [] : [{ ...unmet, caption: context.text.pullRequest.unmet }];
}

function allGoals(context: Context): readonly string[] {
  const all = goalTable(context, () => true);
  return all.rows.length === 0 ? [] : [folded(context.text.pullRequest.details, [blockMarkdown(all)])];
}

function undo({ result, text }: Context): readonly Block[] {
  const words = text.pullRequest;
  return result.rollback === null
    ? [paragraph(words.notInPlace)]
    : [{ kind: 'command', label: words.undo, text: result.rollback }];
}

/** What is read by those who want to; the empty lines let Markdown be Markdown within. */
function folded(summary: string, parts: readonly string[]): string {
  return `<details><summary>${summary}</summary>\n\n${parts.join('\n\n')}\n\n</details>`;
}
