import { Chalk } from 'chalk';
import stringWidth from 'string-width';
import { briefMetricNames, isTableMetric, namesIn } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { AblationResult, Delta, MigrateResult, VerdictName } from '../contract/result.js';
import { sliceName } from '../evaluation/guards.js';
import { improvement } from '../evaluation/improvement.js';
import { printable } from '../printable.js';
import { alignColumns } from './columns.js';
import { plain } from './document.js';
import { headline } from './headline.js';
import { texts } from './languages.js';
import { numbersIn } from './numbers.js';
import { budgetSentences } from './sections/arms.js';
import { type Context, nameSome } from './sections/context.js';
import { convergenceSentence } from './sections/convergence.js';
import { losses, untold } from './sections/risks.js';
import { byWhatTheyBring } from './site-ranking.js';
import { metricWord } from './text/metrics.js';

const verdictColors = { adopt: 'green', reject: 'red', inconclusive: 'yellow' } as const satisfies Record<
  VerdictName,
  string
>;

export interface TerminalOptions {
  readonly color?: boolean;
  /** in characters; left out where the output is no terminal */
  readonly width?: number | undefined;
}

/** The table for people: arms, differences with intervals, verdict, files, undo. Ends with a line feed. */
export function renderTerminal(
  result: MigrateResult,
  { color = false, width = Number.POSITIVE_INFINITY }: TerminalOptions = {},
): string {
  const chalk = new Chalk({ level: color ? 1 : 0 });
  const text = texts.en;
  const numbers = numbersIn('en', text);
  const context: Context = { result, text, numbers };
  const { vsBefore, vsControl } = result.delta;
  const { metric } = vsBefore;

  const names = (['before', 'control', 'frelu'] as const).flatMap((name) => {
    const arm = result.arms[name];
    return arm === null ? [] : [{ name, arm }];
  });
  const metricNames = [
    ...new Set([
      metric,
      ...briefMetricNames,
      ...namesIn(result.arms.before.test).filter((name) => !isTableMetric(name)),
    ]),
  ].filter((name) => result.arms.before.test[name] !== undefined);
  const arms = [
    ['', ...metricNames.map((name) => metricWord(text.metrics, name)), text.terminal.epochs, text.terminal.time],
    ...names.map(({ name, arm }) => [
      text.arms[name],
      ...metricNames.map((m) => plain([numbers.metric(m, arm.test[m]?.value ?? null, null)])),
      arm.bestEpoch === null ? '–' : text.terminal.best(arm.epochs, arm.bestEpoch),
      arm.bestEpoch === null ? '–' : plain([numbers.duration(arm.seconds, null)]),
    ]),
  ];
  const deltaLine = (label: string, delta: Delta): string[] => {
    const { metric } = delta;
    const change = (value: number | null) => plain([numbers.metricChange(metric, value, null)]);
    return [
      label,
      change(delta.value),
      delta.ci95 === null
        ? text.terminal.noInterval
        : `${text.terminal.interval} ${plain(numbers.metricRange(metric, delta.ci95, null))}`,
      delta.pValue === null ? '' : plain([numbers.pStatement(delta.pValue, null)]),
      delta.fixed === null || delta.broken === null ? '' : text.terminal.changes(delta.fixed, delta.broken),
    ];
  };
  const deltas = [
    deltaLine(text.comparisons.vsBefore, vsBefore),
    ...(vsControl === null ? [] : [deltaLine(text.comparisons.vsControl, vsControl)]),
  ];
  const others = result.outputs
    .slice(1)
    .flatMap(({ name, delta }) => [
      deltaLine(
        `${name}, ${metricWord(text.metrics, delta.vsBefore.metric)}: ${text.comparisons.vsBefore}`,
        delta.vsBefore,
      ),
      ...(delta.vsControl === null
        ? []
        : [
            deltaLine(
              `${name}, ${metricWord(text.metrics, delta.vsBefore.metric)}: ${text.comparisons.vsControl}`,
              delta.vsControl,
            ),
          ]),
    ]);
  const [lost] = result.slices.toSorted((a, b) => (improvement(a.delta) ?? 0) - (improvement(b.delta) ?? 0));
  const worstSlice =
    lost === undefined ? [] : [deltaLine(text.terminal.worstSlice(sliceName(lost), lost.delta.count), lost.delta)];
  const seeds = result.spread.map(({ seed, written, control, frelu }) => [
    text.terminal.seed(seed, written),
    ...(control === null ? [] : [`${text.arms.control} ${plain([numbers.metric(metric, control, null)])}`]),
    `${text.arms.frelu} ${plain([numbers.metric(metric, frelu, null)])}`,
  ]);
  const { search } = result;
  const recipes = (['control', 'frelu'] as const).flatMap((name) => {
    const recipe = search?.chosen[name] ?? null;
    return search === null || recipe === null
      ? []
      : [`${text.arms[name]} ${text.terminal.recipe(recipe, search.tried.length)}`];
  });
  const ablations = (['control', 'frelu'] as const).flatMap((name) => {
    const ranked = byWhatTheyBring(result, result.arms[name]?.ablation ?? []).map(({ row }) => row);
    const [most] = ranked;
    if (most === undefined) return [];
    const idsOf = (sites: readonly AblationResult[]) => sites.flatMap((each) => each.sites.map(({ id }) => id));
    const reverted = nameSome(text, idsOf(ranked.filter((each) => each.reverted)));
    return [
      `${text.arms[name]} ${text.terminal.ablation(reverted, idsOf(ranked).length, nameSome(text, idsOf([most])))}`,
    ];
  });
  const converged = convergenceSentence(context);
  const rows: (readonly [label: string, value: string])[] = [
    ...(result.files.length === 0
      ? []
      : [[text.terminal.files, result.files.map(({ path }) => printable(path)).join('\n')] as const]),
    ...(result.report.length === 0 ? [] : [[text.terminal.report, result.report.map(printable).join('\n')] as const]),
    ...(result.budget === null
      ? []
      : [[text.terminal.budget, budgetSentences(context).map(plain).join('\n')] as const]),
    ...(converged === null ? [] : [[text.terminal.convergence, plain(converged)] as const]),
    ...(result.rollback === null ? [] : [[text.terminal.rollback, printable(result.rollback)] as const]),
  ];
  const [heading, ...body] = fitting(arms, width);
  return [
    chalk.dim(present(heading, 'the heading of the table of arms')),
    ...body,
    '',
    ...(seeds.length === 0 ? [] : [...aligned(seeds), '']),
    ...(recipes.length === 0 ? [] : [...recipes.map(printable), '']),
    ...(ablations.length === 0 ? [] : [...ablations.map(printable), '']),
    ...stackedWhere([...deltas, ...others, ...worstSlice], width),
    result.spread.length > 1 ? text.terminal.overSeeds(result.spread.length) : text.terminal.oneSeed,
    '',
    `${chalk.bold[verdictColors[result.verdict]](inCapitals(printable(headline(result, text)), text.verdicts[result.verdict]))}  (${printable(text.terminal.accepted(result.acceptance.rule, result.acceptance.met))})`,
    printable(result.why),
    ...[...losses(context), ...untold(context)].map((risk) => `  ${printable(plain(risk))}`),
    ...(result.written ? [] : [plain(text.summary.notWritten)]),
    ...(rows.length === 0 ? [] : ['', ...alignColumns(rows.flatMap(labelled), '   ', () => false, stringWidth)]),
    '',
  ].join('\n');
}

/** The verdict itself is what has to be seen from afar. */
function inCapitals(headline: string, verdict: string): string {
  return headline.replace(verdict, verdict.toUpperCase());
}

/** Columns padded to their widest cell; the first is flush left, the others flush right. Names of outputs, metrics and slices come from files. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map((row) => row.map(printable));
  return alignColumns(shown, '   ', (column) => column > 0, stringWidth);
}

/** The same; where it is too wide for the terminal, rows and columns change places. */
function fitting(rows: readonly (readonly string[])[], width: number): string[] {
  const lines = aligned(rows);
  const [first = []] = rows;
  if (lines.every((line) => stringWidth(line) <= width)) return lines;
  return aligned(first.map((_, column) => rows.map((row) => row[column] ?? '')));
}

/** The same; where it is too wide, what follows the first cell of a row stands below it. */
function stackedWhere(rows: readonly (readonly string[])[], width: number): string[] {
  const lines = aligned(rows);
  if (lines.every((line) => stringWidth(line) <= width)) return lines;
  return rows.flatMap(([label = '', ...cells]) => [
    printable(label),
    printable(`   ${cells.filter((cell) => cell !== '').join('   ')}`),
  ]);
}

/** A row per line of the value, the label beside the first. */
function labelled([label, value]: readonly [label: string, value: string]): string[][] {
  return value.split('\n').map((line, i) => [i === 0 ? label : '', line]);
}
