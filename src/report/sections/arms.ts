import { isPercent, type MetricName, namesIn } from '../../contract/metrics.js';
import type { ArmResult, BudgetPlan, Delta, Metrics, SpreadPoint } from '../../contract/result.js';
import { momentsOf } from '../../math/summary.js';
import { type Block, plain, type Rich, type Section } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { type Context, named, numeric, paragraph } from './context.js';
import { differenceCells, metricTitle } from './figures.js';

/** The three arms side by side, and their paired differences. */
export function arms(context: Context): Section {
  const { text } = context;
  return {
    id: 'arms',
    title: text.armsSection.title,
    blocks: [
      paragraph(context.result.search === null ? text.armsSection.lead : text.armsSection.leadSearched),
      armTable(context),
      ...intervalChart(context),
      ...retreats(context),
      ...budgetParagraphs(context),
      deltaTable(context),
      chanceHeld(context),
      ...spreadTable(context),
    ],
  };
}

/** An arm that diverged on its way was trained at another rate than the settings say. */
function retreats({ result, text, numbers }: Context): readonly Block[] {
  const words = text.armsSection;
  return (['control', 'frelu'] as const).flatMap((name) => {
    const taken = result.arms[name]?.retreats ?? [];
    const last = taken.at(-1);
    if (last === undefined) return [];
    const at = `arms.${name}.retreats.${taken.length - 1}.learningRate`;
    return [
      paragraph(
        words.retreats(text.arms[name], numbers.count(taken.length, null), numbers.real(last.learningRate, at)),
      ),
    ];
  });
}

/** How a budget was divided, what fitted into it and what did not. */
export function budgetSentences(context: Context): readonly Rich[] {
  const { result, text, numbers } = context;
  const { budget, run } = result;
  if (budget === null) return [];
  const words = text.armsSection;
  return [
    words.budget({
      budget: numbers.duration(budget.seconds, 'budget.seconds'),
      evaluation: numbers.duration(budget.evaluationSeconds, 'budget.evaluationSeconds'),
      arms: numbers.count(budget.arms, 'budget.arms'),
      arm: numbers.duration(budget.armSeconds, 'budget.armSeconds'),
      steps: numbers.count(budget.steps, 'budget.steps'),
      taken: numbers.duration(run.seconds, 'run.seconds'),
    }),
    fitting(budget, context),
  ];
}

function fitting({ epochs, epochsAsked }: BudgetPlan, { text, numbers }: Context): Rich {
  const words = text.armsSection;
  const fitted = numbers.real(Number(epochs.toPrecision(2)), null);
  if (epochsAsked === null) return words.budgetOpen(fitted);
  const asked = numbers.count(epochsAsked, 'budget.epochsAsked');
  return epochs >= epochsAsked ? words.budgetFits(asked) : words.budgetCuts(fitted, asked);
}

const budgetParagraphs = (context: Context): readonly Block[] =>
  budgetSentences(context).map((each) => paragraph(each));

function armTable(context: Context): Block {
  const { result, text, numbers } = context;
  const words = text.armsSection;
  const columns = (['before', 'control', 'frelu'] as const).map((name) => ({ name, arm: result.arms[name] }));
  const row = (title: string, cell: (arm: ArmResult, path: string) => Rich): readonly Rich[] => [
    [title],
    ...columns.map(({ name, arm }) => (arm === null ? [words.noArm] : cell(arm, `arms.${name}`))),
  ];
  return {
    kind: 'table',
    caption: words.table,
    columns: [named(words.metric), ...columns.map(({ name }) => numeric(text.arms[name]))],
    rows: [
      ...metricNamesOf(result.arms.before.test).map(({ name, higherIsBetter }) =>
        row(metricTitle(context, name, higherIsBetter), (arm, path) => {
          const test = numbers.metric(name, arm.test[name]?.value ?? null, `${path}.test.${name}.value`);
          const validation = arm.validation[name];
          return validation === undefined
            ? [test]
            : words.withValidation(test, numbers.metric(name, validation.value, `${path}.validation.${name}.value`));
        }),
      ),
      row(words.epochs, (arm, path) =>
        arm.bestEpoch === null
          ? ['–']
          : words.epochsKept(
              numbers.count(arm.epochs, `${path}.epochs`),
              numbers.count(arm.bestEpoch, `${path}.bestEpoch`),
            ),
      ),
      row(words.seconds, (arm, path) => [
        arm.bestEpoch === null ? '–' : numbers.duration(arm.seconds, `${path}.seconds`),
      ]),
    ],
  };
}

function metricNamesOf(metrics: Metrics): { name: MetricName; higherIsBetter: boolean }[] {
  return namesIn(metrics).flatMap((name) => {
    const metric = metrics[name];
    return metric === undefined ? [] : [{ name, higherIsBetter: metric.higherIsBetter }];
  });
}

function comparisons({ result, text }: Context): { path: string; label: string; delta: Delta }[] {
  const { vsBefore, vsControl } = result.delta;
  return [
    { path: 'delta.vsBefore', label: text.comparisons.vsBefore, delta: vsBefore },
    ...(vsControl === null ? [] : [{ path: 'delta.vsControl', label: text.comparisons.vsControl, delta: vsControl }]),
  ];
}

function intervalChart(context: Context): Block[] {
  const { result, text, numbers } = context;
  const words = text.armsSection;
  const { metric } = result.delta.vsBefore;
  // the axis is in the unit of the figures beside it
  const unit = isPercent(metric) ? 100 : 1;
  const rows = comparisons(context).flatMap(({ label, delta: { value, ci95 } }) =>
    value === null || ci95 === null ? [] : [{ label, value, low: ci95[0], high: ci95[1] }],
  );
  if (rows.length === 0) return [];
  const shown = (value: number) => plain([numbers.metricChange(metric, value, null)]);
  return [
    {
      kind: 'chart',
      caption: words.chart,
      alt: words.chartAlt(
        rows.map(({ label, value, low, high }) => words.chartRow(label, shown(value), shown(low), shown(high))),
      ),
      chart: {
        kind: 'intervals',
        x: `${words.axis(metricWord(text.metrics, metric))}${isPercent(metric) ? ` (${text.points.trim()})` : ''}`,
        rows: rows.map(({ label, value, low, high }) => ({
          label,
          value: value * unit,
          low: low * unit,
          high: high * unit,
        })),
      },
    },
  ];
}

function deltaTable(context: Context): Block {
  const { text, numbers } = context;
  const words = text.armsSection;
  return {
    kind: 'table',
    caption: words.deltas,
    columns: [
      named(words.comparison),
      numeric(words.difference),
      numeric(words.interval),
      numeric(words.p),
      numeric(words.changes),
      named(words.test),
    ],
    rows: comparisons(context).map(({ path, label, delta }) => [
      [label],
      ...differenceCells(context, delta, path),
      delta.fixed === null || delta.broken === null
        ? ['–']
        : words.pair(numbers.count(delta.fixed, `${path}.fixed`), numbers.count(delta.broken, `${path}.broken`)),
      [words.tests[delta.test]],
    ]),
  };
}

/** What the intervals of the differences hold. */
function chanceHeld({ result, text, numbers }: Context): Block {
  const words = text.armsSection;
  const at = result.spread.findIndex(({ written }) => written);
  const written = result.spread[at];
  if (written === undefined) return paragraph(words.oneSeed);
  return paragraph(
    words.overSeeds(numbers.count(result.spread.length, null), numbers.count(written.seed, `spread.${at}.seed`)),
  );
}

function spreadTable(context: Context): Block[] {
  const { result, text, numbers } = context;
  if (result.spread.length === 0) return [];
  const { metric } = result.delta.vsBefore;
  const words = text.armsSection;
  const { comparisons } = text;
  const difference = (delta: Delta | null, path: string): Rich => {
    if (delta === null) return ['–'];
    const change = numbers.metricChange(delta.metric, delta.value, `${path}.value`);
    return delta.ci95 === null
      ? [change]
      : [change, ' (', ...numbers.metricRange(metric, delta.ci95, `${path}.ci95`), ')'];
  };
  const seedRows = result.spread.map((point, i): readonly Rich[] => {
    const seed = numbers.count(point.seed, `spread.${i}.seed`);
    return [
      point.written ? words.seedWritten(seed) : [seed],
      [numbers.metric(metric, point.control, `spread.${i}.control`)],
      [numbers.metric(metric, point.frelu, `spread.${i}.frelu`)],
      difference(point.vsBefore, `spread.${i}.vsBefore`),
      difference(point.vsControl, `spread.${i}.vsControl`),
    ];
  });
  return [
    {
      kind: 'table',
      caption: words.spread,
      columns: [
        named(words.seed),
        numeric(text.arms.control),
        numeric(text.arms.frelu),
        numeric(comparisons.vsBefore),
        numeric(comparisons.vsControl),
      ],
      rows: [...seedRows, ...summaryRows(context)],
    },
  ];
}

/** The mean and the standard deviation of each column over the seeds. */
function summaryRows({ result, text, numbers }: Context): readonly (readonly Rich[])[] {
  const { metric } = result.delta.vsBefore;
  const words = text.armsSection;
  const columns = [
    { of: (point: SpreadPoint) => point.control, isChange: false },
    { of: (point: SpreadPoint) => point.frelu, isChange: false },
    { of: (point: SpreadPoint) => point.vsBefore?.value ?? null, isChange: true },
    { of: (point: SpreadPoint) => point.vsControl?.value ?? null, isChange: true },
  ];
  const told = columns.map(({ of, isChange }) => {
    const values = result.spread.flatMap((point) => of(point) ?? []);
    const moments = values.length < result.spread.length ? null : momentsOf(values);
    const shown = isChange ? numbers.metricChange : numbers.metric;
    return (
      moments && { mean: shown(metric, moments.mean, null), deviation: numbers.metric(metric, moments.deviation, null) }
    );
  });
  return [
    [[words.mean], ...told.map((each): Rich => [each?.mean ?? '–'])],
    [[words.deviation], ...told.map((each): Rich => [each?.deviation ?? '–'])],
  ];
}
