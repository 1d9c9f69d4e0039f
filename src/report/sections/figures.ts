import type { MetricName } from '../../contract/metrics.js';
import type { Delta } from '../../contract/result.js';
import type { Rich } from '../document.js';
import { metricWord } from '../text/metrics.js';
import type { Context } from './context.js';

/** What a row of a metric is called, with a word where lower is better. */
export function metricTitle({ text }: Pick<Context, 'text'>, name: MetricName, higherIsBetter: boolean): string {
  const word = metricWord(text.metrics, name);
  return higherIsBetter ? word : text.armsSection.lowerIsBetter(word);
}

/** A paired difference, its interval and its p-value. @param path of the delta in the JSON */
export function differenceCells(
  { text, numbers }: Omit<Context, 'result'>,
  delta: Delta,
  path: string,
): readonly Rich[] {
  return [
    [numbers.metricChange(delta.metric, delta.value, `${path}.value`)],
    delta.ci95 === null ? [text.noValue] : numbers.metricRange(delta.metric, delta.ci95, `${path}.ci95`),
    [numbers.pValue(delta.pValue, `${path}.pValue`)],
  ];
}
