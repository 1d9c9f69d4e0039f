import type { FleetModelResult, FleetResult } from '../contract/fleet.js';
import { isPercent } from '../contract/metrics.js';
import type { Language } from '../contract/settings.js';
import { improvement, improvementInterval } from '../evaluation/improvement.js';
import { comparisonCells, comparisonColumns } from './comparison.js';
import { type Block, code, plain, type ReportDocument, type Rich, rich, type Section, type Table } from './document.js';
import { documentHtml } from './html.js';
import { texts } from './languages.js';
import { documentMarkdown } from './markdown.js';
import { type Numbers, numbersIn } from './numbers.js';
import { list, named, numeric, paragraph } from './sections/context.js';
import type { Texts } from './text/en.js';
import { type FleetText, fleetTexts } from './text/fleet.js';

/** How this program is called, for the commands that the report tells. */
export interface FleetReportOptions {
  readonly command: string;
}

interface Writing extends FleetReportOptions {
  readonly result: FleetResult;
  readonly text: Texts;
  readonly words: FleetText;
  readonly numbers: Numbers;
}

/** What a fleet has come to: what to upgrade, every model with its verdict, what it cost, and what failed. */
function fleetReport(result: FleetResult, language: Language, options: FleetReportOptions): ReportDocument {
  const text = texts[language];
  const words = fleetTexts[language];
  const writing: Writing = { result, text, words, numbers: numbersIn(language, text), ...options };
  const { models, counts } = result;
  const upgrades = models.filter(({ upgrade }) => upgrade);
  const open = counts.waiting + counts.running;
  return {
    language,
    title: words.title,
    subtitle: words.subtitle(models.length, counts.done + counts.failed + open),
    verdict: {
      tone: open > 0 || upgrades.length === 0 ? 'inconclusive' : 'adopt',
      headline: words.headline(upgrades.length, models.length),
      text: [open > 0 ? words.open(open) : words.closed],
    },
    summary: [...summaryFacts(writing), ...next(writing, upgrades)],
    sections: [modelsSection(writing), seedsSection(writing), costSection(writing), failedSection(writing)].filter(
      ({ blocks }) => blocks.length > 0,
    ),
    contentsLabel: text.contents,
    footer: text.footer,
  };
}

export function renderFleetHtml(result: FleetResult, language: Language, options: FleetReportOptions): Promise<string> {
  return documentHtml(fleetReport(result, language, options));
}

export function renderFleetMarkdown(result: FleetResult, language: Language, options: FleetReportOptions): string {
  return documentMarkdown(fleetReport(result, language, options));
}

function summaryFacts({ result, words, numbers }: Writing): Block[] {
  const { counts, cost } = result;
  const open = counts.waiting + counts.running;
  return [
    {
      kind: 'facts',
      items: [
        { label: words.done, value: [numbers.count(counts.done, 'counts.done')], note: null },
        ...(open === 0 ? [] : [{ label: words.open_, value: [numbers.count(open, null)], note: null }]),
        { label: words.failed, value: [numbers.count(counts.failed, 'counts.failed')], note: null },
        {
          label: words.computing,
          value: [numbers.duration(cost.seconds, 'cost.seconds')],
          note: cost.price === null ? null : [priceText(cost.price, cost.currency)],
        },
      ],
    },
  ];
}

const priceText = (price: number, currency: string | null): string => `${price.toFixed(2)} ${currency ?? ''}`.trim();

function next({ result, words, command }: Writing, upgrades: readonly FleetModelResult[]): Block[] {
  if (upgrades.length === 0) return [paragraph([words.nothing])];
  return [
    paragraph([words.upgrade]),
    list(...upgrades.map(({ name }): Rich => [name])),
    { kind: 'command', label: words.commit, text: `${command} fleet commit ${result.plan}` },
    { kind: 'command', label: words.rollback, text: `${command} fleet rollback ${result.plan}` },
  ];
}

function modelsSection(writing: Writing): Section {
  const { result, text, words } = writing;
  const row = (cells: readonly Rich[][]): readonly (readonly Rich[])[] =>
    cells.map((own, i) => [[result.models[i]?.name ?? ''], ...own]);
  const decisions: Table = {
    kind: 'table',
    caption: words.decisions,
    columns: [
      named(text.history.model),
      named(words.verdict),
      numeric(words.p),
      numeric(words.pHolm),
      named(words.decision),
    ],
    rows: row(result.models.map((model, i) => decisionCells(model, i, writing))),
  };
  const changes: Table = {
    kind: 'table',
    caption: words.table,
    columns: [named(text.history.model), ...comparisonColumns(text)],
    rows: row(result.models.map((model, i) => changeCells(model, i, writing))),
  };
  const candidates = new Set(result.models.flatMap((model) => model.candidates.map(({ name }) => name)));
  return {
    id: 'models',
    title: words.models,
    blocks: [
      paragraph([words.method]),
      decisions,
      changes,
      ...changeChart(writing),
      ...(candidates.size > 1 ? [candidateTable(writing, [...candidates])] : []),
      { kind: 'details', summary: words.addresses, blocks: [addressList(writing)] },
    ],
  };
}

function decisionCells({ delta, pHolm, verdict, reason }: FleetModelResult, i: number, writing: Writing): Rich[] {
  const { text, words, numbers } = writing;
  const at = `models.${i}`;
  const pValues: Rich[] =
    delta === null
      ? [['–'], ['–']]
      : [
          [numbers.pValue(delta.vsBefore.pValue, `${at}.delta.vsBefore.pValue`)],
          [numbers.pValue(pHolm, `${at}.pHolm`)],
        ];
  return [[verdict === null ? '–' : text.verdicts[verdict]], ...pValues, [words.reasons[reason]]];
}

function changeCells({ metric, delta }: FleetModelResult, i: number, { text, numbers }: Writing): Rich[] {
  if (metric !== null && delta !== null) {
    return [...comparisonCells(text, numbers, metric, delta, `models.${i}.delta`)];
  }
  return comparisonColumns(text).map((): Rich => ['–']);
}

/** Of models whose metric is a share: changes in other units stand on no common axis. */
function changeChart({ result, words, numbers }: Writing): Block[] {
  const rows = result.models.flatMap(({ name, delta }) => {
    const [value, interval] = [improvement(delta?.vsBefore ?? null), improvementInterval(delta?.vsBefore ?? null)];
    if (delta === null || value === null || interval === null || !isPercent(delta.vsBefore.metric)) return [];
    return [{ label: name, value: 100 * value, low: 100 * interval[0], high: 100 * interval[1] }];
  });
  if (rows.length === 0) return [];
  const alt = rows.map(({ label, value }) => `${label}: ${plain([numbers.points(value / 100, null)])}`).join(', ');
  return [{ kind: 'chart', chart: { kind: 'intervals', x: words.points, rows }, caption: words.changes, alt }];
}

function candidateTable({ result, words, numbers, text }: Writing, candidates: readonly string[]): Table {
  return {
    kind: 'table',
    caption: words.candidates,
    columns: [named(text.history.model), ...candidates.map(numeric), named(words.chosen)],
    rows: result.models.map(({ name, candidates: own, metric, chosen }) => [
      [name],
      ...candidates.map((candidate): Rich => {
        const value = own.find((each) => each.name === candidate)?.validation ?? null;
        return [metric === null ? text.noValue : numbers.metric(metric, value, null)];
      }),
      [chosen?.candidate ?? '–'],
    ]),
  };
}

function addressList({ result, text, words }: Writing): Table {
  return {
    kind: 'table',
    caption: words.addresses,
    columns: [named(text.history.model), named(words.address), named(words.unit)],
    rows: result.models.map(({ name, model, chosen }) => [
      [name],
      [code(model)],
      chosen === null ? ['–'] : [code(chosen.unit)],
    ]),
  };
}

function seedsSection({ result, text, words, numbers }: Writing): Section {
  const several = result.models.filter(({ seeds }) => seeds.length > 1);
  const rows = several.map(({ name, seeds, metric, chosen }): readonly Rich[] => {
    const values = seeds.map(({ value }) => value).filter((value) => value !== null);
    const of = (value: number | null): Rich =>
      metric === null ? [text.noValue] : [numbers.metricChange(metric, value, null)];
    return [
      [name],
      [numbers.count(seeds.length, null)],
      [numbers.count(seeds.filter(({ verdict }) => verdict === 'adopt').length, null)],
      of(values.length === 0 ? null : Math.min(...values)),
      of(values.length === 0 ? null : Math.max(...values)),
      [String(chosen?.seed ?? '–')],
    ];
  });
  const table: Table = {
    kind: 'table',
    caption: words.seedsTable,
    columns: [
      named(text.history.model),
      ...[words.seeds, words.adopting, words.least, words.most, words.judgedSeed].map(numeric),
    ],
    rows,
  };
  const blocks: Block[] = rows.length === 0 ? [] : [paragraph([words.seedsNote]), table];
  return { id: 'seeds', title: words.seeds, blocks };
}

function costSection({ result, text, words, numbers }: Writing): Section {
  const { cost, models } = result;
  const rows = models.map(({ name, units, seconds }, i): readonly Rich[] => [
    [name],
    [numbers.count(units.done, `models.${i}.units.done`)],
    [numbers.duration(seconds, `models.${i}.seconds`)],
  ]);
  const hosts = cost.hosts.map(({ host, units, seconds }, i): readonly Rich[] => [
    [host],
    [numbers.count(units, `cost.hosts.${i}.units`)],
    [numbers.duration(seconds, `cost.hosts.${i}.seconds`)],
  ]);
  const columns = (title: string) => [named(title), numeric(words.done), numeric(words.computing)];
  const unfinished = numbers.duration(cost.unfinishedSeconds, 'cost.unfinishedSeconds');
  const processors = numbers.duration(cost.cpuSeconds, 'cost.cpuSeconds');
  return {
    id: 'cost',
    title: words.cost,
    blocks: [
      paragraph(words.costNote(numbers.duration(cost.seconds, 'cost.seconds'), processors)),
      ...(cost.unfinishedSeconds === 0 ? [] : [paragraph(words.unfinishedNote(unfinished))]),
      ...(cost.price === null ? [] : [paragraph(rich`${words.price}: ${priceText(cost.price, cost.currency)}`)]),
      { kind: 'table', caption: words.costByModel, columns: columns(text.history.model), rows },
      { kind: 'table', caption: words.costByHost, columns: columns(words.host), rows: hosts },
    ],
  };
}

function failedSection({ result, words, numbers }: Writing): Section {
  const rows = result.failed.map(({ model, candidate, seed, attempts }): readonly Rich[] => [
    [`${model}, ${candidate}, ${words.seed} ${seed}`],
    [numbers.count(attempts.length, null)],
    [attempts.at(-1)?.why ?? '–'],
  ]);
  const table: Table = {
    kind: 'table',
    caption: words.failed,
    columns: [named(words.unit), numeric(words.attempts), named(words.why)],
    rows,
  };
  return { id: 'failed', title: words.failed, blocks: rows.length === 0 ? [] : [table] };
}
