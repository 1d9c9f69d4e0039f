import type { MetricName, Metrics } from '../contract/result.js';

/** A row per metric, its name and its value for each of several models, written as in the reports. */
export async function metricRows(models: readonly Metrics[]): Promise<string[][]> {
  const { numbers, names, plain } = await reportWords();
  return [...names]
    .filter(([name]) => models.some((metrics) => metrics[name] !== undefined))
    .map(([name, words]) => [
      words,
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
  const names: ReadonlyMap<MetricName, string> = new Map(
    (['accuracy', 'top5', 'macroF1', 'logLoss', 'ece', 'auroc', 'mae', 'rmse', 'r2'] as const).map((name) => [
      name,
      texts.en.metrics[name],
    ]),
  );
  return { text: texts.en, numbers: numbersIn('en', texts.en), names, plain };
}
