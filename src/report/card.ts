import { basename, dirname } from 'node:path';
import { stringify } from 'yaml';
import { namesIn, type TableMetric } from '../contract/metrics.js';
import type { MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { printableLines } from '../printable.js';
import { type Block, code, type Rich } from './document.js';
import { headline } from './headline.js';
import { texts } from './languages.js';
import { blockMarkdown, escapeMarkdown } from './markdown.js';
import { numbersIn } from './numbers.js';
import { verdictText } from './report.js';
import { arms } from './sections/arms.js';
import { type Context, list, note, paragraph } from './sections/context.js';
import { limits } from './sections/limits.js';
import { sites } from './sections/sites.js';
import { slices } from './sections/slices.js';
import { metricWord } from './text/metrics.js';

/**
 * A model card, the README.md of a model on the Hugging Face hub: YAML that the hub reads, then what the model is, what changed, its figures
 * with their intervals, their limits and the way back. What a run does not know (the licence; the hub's name of the original, unless it lies in
 * the hub's cache) is left out.
 */
export function renderCard(result: MigrateResult, language: Language): string {
  const text = texts[language];
  const context: Context = { result, text, numbers: numbersIn(language, text) };
  const front = stringify(metadata(context), { lineWidth: 0 });
  const name = basename(result.model.path);
  const parts = [
    `# ${escapeMarkdown(text.title(name))}`,
    ...described(context).map(blockMarkdown),
    `> **${escapeMarkdown(headline(result, text))}**`,
    blockMarkdown(paragraph(verdictText(context))),
    ...section(text.card.changed, tablesOf(sites(context).blocks)),
    ...section(text.card.evaluation, [...tablesOf(arms(context).blocks), ...(slices(context)?.blocks ?? [])]),
    ...section(limits(context).title, limits(context).blocks),
    ...section(text.card.undo, [
      result.rollback === null
        ? paragraph(text.card.undoElsewhere)
        : { kind: 'command', label: text.summary.rollback, text: result.rollback },
    ]),
    '---',
    blockMarkdown(paragraph(text.footer)),
  ];
  return printableLines(`---\n${front}---\n\n${parts.join('\n\n')}\n`);
}

function described({ result, text, numbers }: Context): readonly Block[] {
  const { model, plan, written } = result;
  const words = text.card;
  return [
    paragraph(
      words.what(
        basename(model.path),
        numbers.count(plan.summary.relu, 'plan.summary.relu'),
        numbers.count(plan.summary.migrate, 'plan.summary.migrate'),
      ),
    ),
    list(words.original(model.sha256), ...files(result)),
    ...(written ? [] : [note(words.notWritten)]),
  ];
}

const files = ({ files: written }: MigrateResult): readonly Rich[] =>
  written.map(({ path, sha256 }) => [`${basename(path)}: `, code(sha256)]);

function section(title: string, blocks: readonly Block[]): readonly string[] {
  return blocks.length === 0 ? [] : [`## ${escapeMarkdown(title)}`, ...blocks.map(blockMarkdown)];
}

/** Charts, and what is said of them, are of no use where they are words. */
const tablesOf = (blocks: readonly Block[]): readonly Block[] =>
  blocks.filter(({ kind }, i) => kind === 'table' || (kind === 'paragraph' && i < blocks.findIndex(isTable)));

const isTable = ({ kind }: Block): boolean => kind === 'table';

/** What the hub reads. */
function metadata(context: Context): Readonly<Record<string, unknown>> {
  const { result } = context;
  const library = result.model.format === 'onnx' ? 'onnx' : 'tfjs';
  const base = hubName(result.model.path);
  return {
    ...(base !== null && { base_model: base }),
    library_name: library,
    tags: [library, 'frelu', 'flexible-relu', 'frelu-migrate'],
    'model-index': [{ name: modelName(result), results: [evaluated(context)] }],
  };
}

/** A file in the hub's cache lies in models--OWNER--NAME/snapshots/... */
function hubName(path: string): string | null {
  const [, owner, name] = /(?:^|[\\/])models--([\w.-]+?)--([\w.-]+)[\\/]snapshots[\\/]/.exec(path) ?? [];
  return owner === undefined || name === undefined ? null : `${owner}/${name}`;
}

function modelName({ model: { path } }: MigrateResult): string {
  const file = basename(path).replace(/\.[^.]*$/, '');
  return file === 'model' ? basename(dirname(path)) || file : file;
}

/** The names of the hub's metrics where it has one. */
const hubMetrics: Partial<Readonly<Record<TableMetric, string>>> = {
  macroF1: 'f1',
  auroc: 'roc_auc',
  miou: 'mean_iou',
  r2: 'r_squared',
};

function evaluated({ result, text }: Context) {
  const { path } = result.data.test;
  const name = basename(path) || path;
  const { test } = result.arms.frelu;
  return {
    task: { type: hubTask(result) },
    dataset: { name, type: name.toLowerCase().replace(/[^\w.-]+/g, '-'), split: result.data.test.part ?? 'test' },
    metrics: namesIn(test).flatMap((metric) => {
      const value = test[metric]?.value ?? null;
      const type = Object.entries(hubMetrics).find(([ours]) => ours === metric)?.[1] ?? metric;
      return value === null ? [] : [{ type, value, name: metricWord(text.metrics, metric) }];
    }),
  };
}

/** By the shape of what the model takes: images, rows of a table, or what only its makers know. */
function hubTask({ task, model }: MigrateResult): string {
  const rank = model.inputs[0]?.shape?.length ?? 0;
  const of = rank === 4 ? 'image' : rank === 2 ? 'tabular' : null;
  switch (task) {
    case 'classification':
    case 'multilabel':
      return of === null ? 'other' : `${of}-classification`;
    case 'regression':
      return of === 'tabular' ? 'tabular-regression' : 'other';
    case 'segmentation':
      return 'image-segmentation';
    default:
      return 'other';
  }
}
