import { allMetricNames } from '../contract/metrics.js';
import type { Metrics } from '../contract/result.js';

/** A row per metric, its name and its value for each of several models, written as in the reports. */
export async function metricRows(models: readonly Metrics[]): Promise<string[][]> {
  const { text, numbers, plain } = await reportWords();
  return allMetricNames
    .filter((name) => models.some((metrics) => metrics[name] !== undefined))
    .map((name) => [
      text.metrics[name],
      ...models.map((metrics) => plain([numbers.metric(name, metrics[name]?.value ?? null, null)])),
    ]);
}

/** The English words and numbers of the reports, loaded when there is something to say with them. */
export async function reportWords() {
  const [{ texts }, { numbersIn }, { plain }] = await Promise.all([
    import('../report/languages.js'),
    import('../report/numbers.js'),
    import('../report/document.js'),
  ]);
  return { text: texts.en, numbers: numbersIn('en', texts.en), plain };
}
