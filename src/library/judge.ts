import { Failure } from '../contract/failure.js';
import type { CompareResult, EvaluateResult, MigrateResult, MonitorResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { type OptionsOf, readOptions, withData } from './options.js';

/** The options of `frelu-migrate evaluate`; all but `data` have defaults. */
export interface EvaluateOptions extends Omit<OptionsOf<'evaluate'>, 'data'> {
  /** a file or a folder: whatever `--data` takes; its test part, where it has one */
  readonly data: string;
}

/** The options of `frelu-migrate compare`; all but `data` have defaults. */
export interface CompareOptions extends Omit<OptionsOf<'compare'>, 'data'> {
  /** a file or a folder: whatever `--data` takes; its test part, where it has one */
  readonly data: string;
}

/** The options of `frelu-migrate monitor`; all but `data` have defaults. */
export interface MonitorOptions extends Omit<OptionsOf<'monitor'>, 'data' | 'format'> {
  /** new data; labels are not needed */
  readonly data: string;
  /** the migrated model; left out: where the run wrote it */
  readonly model?: string;
}

/**
 * The metrics of one model on data.
 * @throws Failure('usage') for options that are none, Failure('input') for a model or data that cannot be used, or do not fit each other
 */
export async function evaluate(model: string, options: EvaluateOptions): Promise<EvaluateResult> {
  const [{ evaluationOptions }, { evaluateModel }] = await Promise.all([
    import('../cli/options/evaluation.js'),
    import('../run/evaluate.js'),
  ]);
  const asked = await readOptions('evaluate', options, evaluationOptions);
  return evaluateModel({ ...asked, model, data: withData('evaluate', asked.data) });
}

/**
 * Two models on the same samples, b - a: difference, interval, paired test, latency.
 * @throws Failure('usage') for options that are none, Failure('input') where they do not answer the same question
 */
export async function compare(a: string, b: string, options: CompareOptions): Promise<CompareResult> {
  const [{ evaluationOptions }, { seedOption }, { compareModels }] = await Promise.all([
    import('../cli/options/evaluation.js'),
    import('../cli/options/run.js'),
    import('../run/compare.js'),
  ]);
  const asked = await readOptions('compare', options, (command) => {
    const [evaluation, seed] = [evaluationOptions(command), seedOption(command, 'of the bootstrap')];
    return () => ({ ...evaluation(), seed: seed() });
  });
  return compareModels({ ...asked, a, b, data: withData('compare', asked.data) });
}

/**
 * New data against the baseline that a run took from its test split. `level` is 'alarm' where something drifted that far; nothing is
 * thrown for it.
 * @param run the result of `migrate`, or where it lies: a report.json, a run's folder, the id of a run below the working directory
 * @throws Failure('usage') for options that are none, Failure('input') for a run without a baseline, a model or data that cannot be used
 */
export async function monitor(run: string | MigrateResult, options: MonitorOptions): Promise<MonitorResult> {
  const { model = null, ...said } = options;
  const [{ evaluationData }, { deviceOption }, { thresholdOptions }, { monitor: watch }] = await Promise.all([
    import('../cli/options/data.js'),
    import('../cli/options/task.js'),
    import('../cli/options/thresholds.js'),
    import('../run/monitor.js'),
  ]);
  const asked = await readOptions('monitor', said, (command) => {
    const data = evaluationData(command);
    const thresholds = thresholdOptions(command);
    const device = deviceOption(command);
    return () => ({ data: data(), thresholds: thresholds(), device: device() });
  });
  return usingRun(run, (result) => watch({ ...asked, run: result, model, data: withData('monitor', asked.data) }));
}

type ReportFormat = 'html' | 'md' | 'json' | 'pdf' | 'junit' | 'pr' | 'card';
type Render = (of: MigrateResult) => string | Uint8Array | Promise<string | Uint8Array>;

export interface ReportOptions {
  /** html (if left out) and md: the decision report; json: the result; junit and pr for CI; card: a model card; pdf needs a Chromium-based browser */
  readonly format?: ReportFormat;
  /** English if left out */
  readonly lang?: Language;
}

/**
 * A run's report as text (UTF-8), of a PDF the bytes. Nothing is written.
 * @param run as `monitor` takes it
 * @throws Failure('input') where there is no such run, Failure('usage') for a PDF where no Chromium-based browser is installed
 */
export function report(
  run: string | MigrateResult,
  options: ReportOptions & { readonly format: 'pdf' },
): Promise<Uint8Array>;
export function report(
  run: string | MigrateResult,
  options?: ReportOptions & { readonly format?: Exclude<ReportFormat, 'pdf'> },
): Promise<string>;
export async function report(
  run: string | MigrateResult,
  { format = 'html', lang = 'en' }: ReportOptions = {},
): Promise<string | Uint8Array> {
  const render = await import('../report/render.js');
  const renderers: Readonly<Record<ReportFormat, Render>> = {
    html: (of) => render.renderHtml(of, lang),
    md: (of) => render.renderMarkdown(of, lang),
    json: (of) => render.renderJson(of),
    pdf: (of) => render.renderPdf(of, lang),
    junit: (of) => render.renderJunit(of, lang),
    pr: (of) => render.renderPullRequest(of, lang),
    card: (of) => render.renderCard(of, lang),
  };
  if (!Object.hasOwn(renderers, format)) {
    const what = `report: There is no format "${format}".`;
    const cure = `Choose one of ${Object.keys(renderers).join(', ')}.`;
    throw new Failure('usage', { what, cure, settings: ['reportFormat'], written: 'nothing' });
  }
  return usingRun(run, async (result) => renderers[format](result));
}

async function usingRun<Result>(
  run: string | MigrateResult,
  use: (result: MigrateResult) => Promise<Result>,
): Promise<Result> {
  if (typeof run !== 'string') return use(run);
  const { findRun, usingStored } = await import('../cli/run-folders.js');
  const { path, result } = await findRun(run, process.cwd());
  return usingStored(path, () => use(result));
}
