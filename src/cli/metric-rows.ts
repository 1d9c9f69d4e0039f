import { type MetricName, namesIn } from '../contract/metrics.js';
import type { Metrics } from '../contract/result.js';

/** A row per metric, its name and its value for each of several models, written as in the reports. */
export async function metricRows(models: readonly Metrics[]): Promise<string[][]> {
  const { word, numbers, plain } = await reportWords();
  return namesIn(Object.assign({}, ...models)).map((name) => [
    word(name),
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
  const [{ texts }, { numbersIn }, { plain }, { metricWord }] = await Promise.all([
    import('../report/languages.js'),
    import('../report/numbers.js'),
    import('../report/document.js'),
    import('../report/text/metrics.js'),
  ]);
  const word = (name: MetricName): string => metricWord(texts.en.metrics, name);
  return { text: texts.en, word, numbers: numbersIn('en', texts.en), plain };
}
