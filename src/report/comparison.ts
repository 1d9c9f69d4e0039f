import type { MetricName } from '../contract/metrics.js';
import type { MigrateResult } from '../contract/result.js';
import type { Column, Rich } from './document.js';
import type { Numbers } from './numbers.js';
import { named, numeric } from './sections/context.js';
import type { Texts } from './text/en.js';
import { metricWord } from './text/metrics.js';

/** What a row says of one of many models: its metric before and with FReLU, and what changed. */
export function comparisonColumns({ history: words }: Texts): readonly Column[] {
  return [
    named(words.metric),
    numeric(words.before),
    numeric(words.after),
    numeric(words.difference),
    numeric(words.interval),
    numeric(words.control),
  ];
}

/** @param path of the deltas in the JSON; null where it is not there */
export function comparisonCells(
  text: Texts,
  numbers: Numbers,
  metric: MetricName,
  { vsBefore, vsControl }: Pick<MigrateResult['delta'], 'vsBefore' | 'vsControl'>,
  path: string | null,
): readonly Rich[] {
  const at = (field: string): string | null => (path === null ? null : `${path}.${field}`);
  return [
    [metricWord(text.metrics, metric)],
    [numbers.metric(metric, vsBefore.baseline, at('vsBefore.baseline'))],
    [numbers.metric(metric, vsBefore.candidate, at('vsBefore.candidate'))],
    [numbers.metricChange(metric, vsBefore.value, at('vsBefore.value'))],
    vsBefore.ci95 === null ? [text.noValue] : numbers.metricRange(metric, vsBefore.ci95, at('vsBefore.ci95')),
    vsControl === null ? ['–'] : [numbers.metricChange(metric, vsControl.value, at('vsControl.value'))],
  ];
}
