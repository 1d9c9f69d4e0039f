import type { SiteResult } from '../../contract/result.js';
import { type Block, code, plain, type Rich, type Section } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { type Context, named, nameSome, note, numeric, paragraph, siteParameter } from './context.js';

const tableRows = 60;
const chartedSites = 8;
const reasonRows = 40;

/** What was learned at each site, what its inputs look like, and what was skipped and why. */
export function sites(context: Context): Section {
  const { result, text, numbers } = context;
  const words = text.sites;
  const { summary } = result.plan;
  const indexed = result.sites.map((site, i) => ({ site, path: `sites.${i}` }));
  // all of a small model in its own order, the strongest of a large one
  const shown =
    indexed.length <= tableRows
      ? indexed
      : [...indexed].sort((a, b) => magnitude(b.site) - magnitude(a.site)).slice(0, tableRows);
  return {
    id: 'sites',
    title: words.title,
    blocks: [
      paragraph(
        words.lead(
          numbers.count(summary.migrate, 'plan.summary.migrate'),
          numbers.count(summary.relu, 'plan.summary.relu'),
          numbers.count(summary.skip, 'plan.summary.skip'),
        ),
      ),
      paragraph(
        words.parity(
          numbers.real(result.parity.maxAbsDiff, 'parity.maxAbsDiff'),
          numbers.count(result.parity.samples, 'parity.samples'),
        ),
      ),
      ...startBlocks(context),
      ...tfjsBlocks(context),
      ...(shown.length === 0 ? [note(words.noneMigrated)] : [siteTable(context, shown)]),
      ...(shown.length < indexed.length
        ? [paragraph(words.omitted(numbers.count(shown.length, null), numbers.count(indexed.length, null)))]
        : []),
      ...inputCharts(context),
      ...skippedTable(context),
    ],
  };
}

/** What offsets left changed that began elsewhere than at 0; nothing where they began there. */
function startBlocks({ result, text, numbers }: Context) {
  const { start } = result;
  if (start === null) return [];
  const { whole, borders, rest } = start.sites;
  const { startWhole, startBorders, startRest } = text.sites;
  const kinds = [
    { count: whole, field: 'start.sites.whole', words: startWhole },
    { count: borders, field: 'start.sites.borders', words: startBorders },
    { count: rest, field: 'start.sites.rest', words: startRest },
  ].filter(({ count }) => count > 0);
  const sites = kinds.map(({ count, field, words }) => words(numbers.count(count, field), count === 1));
  const { name, before, after } = start.metric;
  return [
    paragraph(
      text.sites.start({
        init: numbers.real(start.init, 'start.init'),
        sites: sites.flatMap((each, i) => (i === 0 ? each : [text.listGap, ...each])),
        mean: numbers.real(start.meanAbsDiff, 'start.meanAbsDiff'),
        most: numbers.real(start.maxAbsDiff, 'start.maxAbsDiff'),
        metric: metricWord(text.metrics, name),
        before: numbers.metric(name, before, 'start.metric.before'),
        after: numbers.metric(name, after, 'start.metric.after'),
      }),
    ),
  ];
}

/** How the files agree with TensorFlow.js, and what quantised weights cost; nothing for a model that is not TensorFlow.js's. */
function tfjsBlocks({ result, text, numbers }: Context) {
  const { tfjs, model } = result;
  const words = text.sites;
  if (model.format === 'onnx') return [];
  if (tfjs === null) return [paragraph(words.tfjsUnverified)];
  const agreement = paragraph(
    words.tfjs(
      code(tfjs.backend),
      numbers.real(tfjs.before, 'tfjs.before'),
      numbers.real(tfjs.after, 'tfjs.after'),
      numbers.count(tfjs.samples, 'tfjs.samples'),
    ),
  );
  if (tfjs.requantized === null) return [agreement];
  const { weights, maxAbsDiff, exact, stored } = tfjs.requantized;
  const { metric } = result.delta.vsBefore;
  const cost = words.requantized(
    numbers.count(weights, 'tfjs.requantized.weights'),
    numbers.real(maxAbsDiff, 'tfjs.requantized.maxAbsDiff'),
    numbers.metric(metric, exact, 'tfjs.requantized.exact'),
    numbers.metric(metric, stored, 'tfjs.requantized.stored'),
  );
  return [agreement, paragraph(cost)];
}

function siteTable(context: Context, shown: readonly { readonly site: SiteResult; readonly path: string }[]): Block {
  const { text, numbers } = context;
  const words = text.sites;
  const floored = (site: SiteResult, path: string, when: 'before' | 'after'): Rich => [
    site[when] === null ? words.none : numbers.share(site[when].floored, `${path}.${when}.floored`),
  ];
  return {
    kind: 'table',
    caption: words.table,
    columns: [
      named(words.site),
      named(words.form),
      numeric(words.shift),
      numeric(words.offset),
      numeric(words.flooredBefore),
      numeric(words.flooredAfter),
    ],
    rows: shown.map(({ site, path }) => [
      [{ kind: 'code', text: site.id }],
      [site.form],
      siteParameter(context, site.shift, `${path}.shift`),
      siteParameter(context, site.offset, `${path}.offset`),
      floored(site, path, 'before'),
      floored(site, path, 'after'),
    ]),
  };
}

function inputCharts({ result, text, numbers }: Context): Block[] {
  const words = text.sites;
  const measured = result.sites.filter((site) => site.before !== null || site.after !== null);
  if (measured.length === 0) return result.sites.length === 0 ? [] : [note(words.notMeasured)];
  const others = result.sites.filter((site) => !measured.includes(site)).map(({ id }) => id);
  const shareText = (value: number | undefined) =>
    value === undefined ? text.notMeasured : plain([numbers.share(value, null)]);
  return [
    ...spreadOver(measured, chartedSites).map((site): Block => {
      const series = (
        [
          ['before', 'before'],
          ['after', 'frelu'],
        ] as const
      ).flatMap(([when, tone]) => {
        const activations = site[when];
        if (activations === null) return [];
        const { edges, counts } = activations.inputs;
        const total = counts.reduce((sum, count) => sum + count, 0);
        return [
          {
            name: text.arms[tone],
            tone,
            edges,
            shares: counts.map((c) => (total > 0 ? c / total : 0)),
            threshold: when === 'after' ? floorEdge(site) : 0,
          },
        ];
      });
      return {
        kind: 'chart',
        caption: words.chart(site.id),
        alt: words.chartAlt(site.id, shareText(site.before?.floored), shareText(site.after?.floored)),
        chart: { kind: 'histograms', x: words.axis, y: words.share, series },
      };
    }),
    paragraph(words.chartNote),
    ...(others.length === 0 ? [] : [note(words.unobserved(nameSome(text, others)))]),
  ];
}

/** Where the floor of the written activation begins in its inputs; per channel there is no one place, but 0 is close to all. */
function floorEdge({ form, offset }: SiteResult): number {
  return form === 'fused' && typeof offset === 'number' ? offset : 0;
}

function skippedTable({ result, text, numbers }: Context): Block[] {
  const words = text.sites;
  const byReason = new Map<string, string[]>();
  for (const site of result.plan.sites) {
    if (site.status !== 'skip') continue;
    const reason = site.reason ?? words.noReason;
    byReason.set(reason, [...(byReason.get(reason) ?? []), site.id]);
  }
  if (byReason.size === 0) return [];
  return [
    {
      kind: 'table',
      caption: words.skipped,
      columns: [named(words.reason), numeric(words.sites), named(words.site)],
      rows: [...byReason].slice(0, reasonRows).map(([reason, ids]) => {
        return [[reason], [numbers.count(ids.length, null)], [nameSome(text, ids)]];
      }),
    },
  ];
}

function magnitude({ offset }: SiteResult): number {
  return typeof offset === 'number'
    ? Math.abs(offset)
    : offset.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/** At most `count` of `items`, evenly from first to last: early layers and late ones differ. */
function spreadOver<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return items.filter(
    (_, i) => Math.floor((i * count) / items.length) !== Math.floor(((i - 1) * count) / items.length),
  );
}
