import type { SliceDelta } from '../../contract/result.js';
import { improvement } from '../../evaluation/improvement.js';
import type { Block, Rich, Section } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { type Context, ends, named, numeric, paragraph } from './context.js';

const tableRows = { head: 40, tail: 10 };

/** The judged metric over each slice that was asked for, the one that lost most first; null where none was. */
export function slices(context: Context): Section | null {
  const { result, text, numbers } = context;
  if (result.slices.length === 0) return null;
  const words = text.slices;
  const { metric } = result.delta.vsBefore;
  const sorted = result.slices
    .map((slice, i) => ({ slice, path: `slices.${i}` }))
    .sort((a, b) => gain(a.slice) - gain(b.slice));
  const shown = ends(sorted, tableRows.head, tableRows.tail);
  const established = sorted.filter(({ slice }) => isEstablished(slice)).length;
  return {
    id: 'slices',
    title: words.title,
    blocks: [
      paragraph(words.lead(metricWord(text.metrics, metric))),
      paragraph(words.significant(numbers.count(established, null), numbers.count(sorted.length, null))),
      ...(shown.length < sorted.length
        ? [paragraph(words.omitted(numbers.count(shown.length, null), numbers.count(sorted.length, null)))]
        : []),
      sliceTable(context, shown),
    ],
  };
}

/** A slice of which a loss is established, however many were looked at; the one that lost most first. */
export function worseSlices({ result }: Pick<Context, 'result'>): readonly { slice: SliceDelta; path: string }[] {
  return result.slices
    .map((slice, i) => ({ slice, path: `slices.${i}` }))
    .filter(({ slice }) => isEstablished(slice) && gain(slice) < 0)
    .sort((a, b) => gain(a.slice) - gain(b.slice));
}

const isEstablished = ({ pHolm }: SliceDelta): boolean => pHolm !== null && pHolm < 0.05;

/** What has no value stands between what got worse and what got better. */
const gain = ({ delta }: SliceDelta): number => improvement(delta) ?? 0;

function sliceTable(
  { result, text, numbers }: Context,
  rows: readonly { readonly slice: SliceDelta; readonly path: string }[],
): Block {
  const words = text.slices;
  const { metric } = result.delta.vsBefore;
  const hasControl = result.arms.control !== null;
  const range = (interval: SliceDelta['freluCi95'], field: string, of: 'metric' | 'change'): Rich => {
    if (interval === null) return [text.noValue];
    if (of === 'change') return numbers.metricRange(metric, interval, field);
    const [low, high] = interval;
    return text.range(numbers.metric(metric, low, `${field}.0`), numbers.metric(metric, high, `${field}.1`));
  };
  return {
    kind: 'table',
    caption: words.table,
    columns: [
      named(words.name),
      numeric(words.count),
      numeric(text.arms.before),
      ...(hasControl ? [numeric(text.arms.control)] : []),
      numeric(text.arms.frelu),
      numeric(words.interval),
      numeric(words.change),
      numeric(words.changeInterval),
      numeric(words.p),
    ],
    rows: rows.map(({ slice, path }): Rich[] => [
      [`${slice.column}: ${slice.value}`],
      [numbers.count(slice.delta.count, `${path}.delta.count`)],
      [numbers.metric(metric, slice.before, `${path}.before`)],
      ...(hasControl ? [[numbers.metric(metric, slice.control, `${path}.control`)]] : []),
      [numbers.metric(metric, slice.frelu, `${path}.frelu`)],
      range(slice.freluCi95, `${path}.freluCi95`, 'metric'),
      [numbers.metricChange(metric, slice.delta.value, `${path}.delta.value`)],
      range(slice.delta.ci95, `${path}.delta.ci95`, 'change'),
      [numbers.pValue(slice.pHolm, `${path}.pHolm`)],
    ]),
  };
}
