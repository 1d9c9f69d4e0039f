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

/** The same for several outputs, each row with the name of its output before it. */
export async function rowsByOutput<Output extends { readonly name: string }>(
  outputs: readonly Output[],
  metricsOf: (output: Output) => readonly Metrics[],
): Promise<string[][]> {
  const rows: string[][] = [];
  for (const output of outputs) {
    for (const row of await metricRows(metricsOf(output))) rows.push([output.name, ...row]);
  }
  return rows;
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
