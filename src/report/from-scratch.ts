import { basename } from 'node:path';
import type { FromScratchArm, FromScratchResult } from '../contract/from-scratch.js';
import type { Language } from '../contract/settings.js';
import { improvementInterval } from '../evaluation/improvement.js';
import { median } from '../math/summary.js';
import {
  type Block,
  code,
  plain,
  type ReportDocument,
  type Rich,
  type Section,
  type Table,
  type Tone,
} from './document.js';
import { documentHtml } from './html.js';
import { formatDate, texts } from './languages.js';
import { documentMarkdown } from './markdown.js';
import { type Numbers, numbersIn } from './numbers.js';
import { named, note, numeric, paragraph } from './sections/context.js';
import type { Texts } from './text/en.js';
import { type ScratchText, scratchTexts } from './text/from-scratch.js';
import { metricWord } from './text/metrics.js';

/** What the report of a training from scratch is made from. */
export interface ScratchContext {
  readonly result: FromScratchResult;
  readonly text: Texts;
  readonly words: ScratchText;
  readonly numbers: Numbers;
}

export function scratchContext(result: FromScratchResult, language: Language): ScratchContext {
  const text = texts[language];
  return { result, text, words: scratchTexts[language], numbers: numbersIn(language, text) };
}

/** One self-contained page. */
export function renderScratchHtml(result: FromScratchResult, language: Language): Promise<string> {
  return documentHtml(scratchReport(result, language));
}

export function renderScratchMarkdown(result: FromScratchResult, language: Language): string {
  return documentMarkdown(scratchReport(result, language));
}

function scratchReport(result: FromScratchResult, language: Language): ReportDocument {
  const context = scratchContext(result, language);
  const { text, words, numbers } = context;
  const { better, worse } = differing(result);
  const metric = metricWord(text.metrics, result.settings.metric);
  return {
    language,
    title: words.title(basename(result.model.path)),
    subtitle: text.subtitle(formatDate(result.run.started, language), result.run.id),
    verdict: {
      // one seed says nothing of how much seeds differ
      tone: isOneSeed(result) || better === worse ? 'inconclusive' : better > worse ? 'adopt' : 'reject',
      headline: scratchHeadline(context),
      text: isOneSeed(result)
        ? [...words.verdictOfOne(metric), text.sentenceGap, ...words.oneSeed]
        : words.verdict(metric, numbers.count(result.settings.seeds, 'settings.seeds')),
    },
    summary: [facts(context)],
    sections: [armsSection(context), curvesSection(context), weightsSection(context), settingsSection(context)],
    contentsLabel: text.contents,
    footer: text.footer,
  };
}

/** Whether nothing was measured of the chance of training. */
export const isOneSeed = ({ settings }: Pick<FromScratchResult, 'settings'>): boolean => settings.seeds === 1;

/** Arms of which one seed alone has been left to compare: their intervals hold the chance of the test samples alone. */
const comparesOne = ({ convergence }: FromScratchArm): boolean => convergence.length === 1;

/**
 * How many starts of FReLU are better than ReLU by more than chance, and how many worse: that of training and of the test samples, which
 * establishes it, where several seeds were trained; of one seed that of the test samples alone.
 */
function differing(result: FromScratchResult): { readonly better: number; readonly worse: number } {
  const compared = result.arms.filter((arm) => isOneSeed(result) || !comparesOne(arm));
  const intervals = compared.map(({ vsRelu }) => improvementInterval(vsRelu));
  return {
    better: intervals.filter((interval) => interval !== null && interval[0] > 0).length,
    worse: intervals.filter((interval) => interval !== null && interval[1] < 0).length,
  };
}

export function scratchHeadline({ result, words }: ScratchContext): string {
  const { better, worse } = differing(result);
  const headline = isOneSeed(result) ? words.headlineOfOne : words.headline;
  return headline(better, worse, result.arms.length - 1);
}

/** What an arm is called. */
function armName({ words, numbers }: ScratchContext, { init }: FromScratchArm, at: string | null): Rich {
  return init === null ? [words.relu] : words.frelu(numbers.real(init, at && `${at}.init`));
}

function facts({ result, text, words, numbers }: ScratchContext): Block {
  const { metric, learningRateFound, epochs } = result.settings;
  const [first] = result.arms;
  const tried = (first?.rates ?? []).map(({ learningRate }) => plain([numbers.real(learningRate, null)]));
  const before = result.before[metric]?.value ?? null;
  return {
    kind: 'facts',
    items: [
      { label: words.before, value: [numbers.metric(metric, before, `before.${metric}.value`)], note: null },
      {
        label: words.rate,
        value: learningRateFound
          ? [words.found(tried.join(text.listGap))]
          : [numbers.real(first?.learningRate ?? null, 'arms.0.learningRate')],
        note: null,
      },
      { label: words.epochs, value: [numbers.count(epochs, 'settings.epochs')], note: null },
    ],
  };
}

function armsSection(context: ScratchContext): Section {
  const { words } = context;
  return {
    id: 'arms',
    title: words.arms,
    blocks: [
      paragraph([words.method]),
      scratchTable(context),
      note([words.samplesNote]),
      seedTable(context),
      ...troubles(context).map(note),
    ],
  };
}

/** Which trainings failed, and which went on at a lower rate than the others; which arms that leaves too little of to compare. */
export function troubles(context: ScratchContext): readonly Rich[] {
  const { result, words, numbers } = context;
  return result.arms.flatMap((arm, i) => {
    const name = plain(armName(context, arm, null));
    const left = !isOneSeed(result) && comparesOne(arm) ? [words.oneLeft(name)] : [];
    const ofSeeds = arm.seeds.flatMap(({ seed, failed, retreats }, k): readonly Rich[] => {
      const at = `arms.${i}.seeds.${k}`;
      if (failed !== null) return [words.why(name, numbers.count(seed, `${at}.seed`), failed)];
      const last = retreats.at(-1);
      if (last === undefined) return [];
      const rate = numbers.real(last.learningRate, `${at}.retreats.${retreats.length - 1}.learningRate`);
      return [words.retreated(name, numbers.count(seed, `${at}.seed`), rate)];
    });
    return [...ofSeeds, ...left];
  });
}

/** A row per arm: what it came to, how that differs from ReLU, how soon, and which b it learned. */
export function scratchTable(context: ScratchContext): Table {
  const { result, text, words, numbers } = context;
  const { metric } = result.settings;
  const row = (arm: FromScratchArm, i: number): readonly Rich[] => {
    const at = `arms.${i}`;
    const { vsRelu } = arm;
    return [
      armName(context, arm, at),
      [numbers.real(arm.learningRate, `${at}.learningRate`)],
      [numbers.metric(metric, arm.mean, `${at}.mean`)],
      [arm.deviation === null ? '–' : numbers.metric(metric, arm.deviation, `${at}.deviation`)],
      [vsRelu === null ? '–' : numbers.metricChange(metric, vsRelu.value, `${at}.vsRelu.value`)],
      vsRelu === null || vsRelu.ci95 === null ? ['–'] : numbers.metricRange(metric, vsRelu.ci95, `${at}.vsRelu.ci95`),
      speed(context, arm),
      offsets(context, arm),
    ];
  };
  return {
    kind: 'table',
    caption: (isOneSeed(result) ? words.tableOfOne : words.table)(metricWord(text.metrics, metric)),
    columns: [
      named(words.arm),
      numeric(words.rate),
      numeric(words.mean),
      numeric(words.deviation),
      numeric(words.vsRelu),
      numeric(words.interval),
      numeric(words.samples),
      numeric(words.offsets),
    ],
    rows: result.arms.map(row),
  };
}

function speed({ text, words, numbers }: ScratchContext, { convergence }: FromScratchArm): Rich {
  if (convergence.length === 0) return ['–'];
  const ratios = convergence.flatMap(({ ratio }) => ratio ?? []);
  if (ratios.length === 0) return [text.curves.neverCell];
  const count = (value: number) => numbers.count(value, null);
  const [reached, seeds] = [count(ratios.length), count(convergence.length)];
  const ratio = median(ratios);
  return ratio === 0
    ? words.reachedUntrained(reached, seeds)
    : words.reached(numbers.real(ratio, null), reached, seeds);
}

/** The mean over the seeds of the mean b, and the ends over all. */
function offsets({ words, numbers }: ScratchContext, { seeds }: FromScratchArm): Rich {
  const learned = seeds.flatMap(({ offsets }) => offsets ?? []);
  if (learned.length === 0) return ['–'];
  const mean = learned.reduce((sum, each) => sum + each.mean, 0) / learned.length;
  const lowest = Math.min(...learned.map((each) => each.lowest));
  const highest = Math.max(...learned.map((each) => each.highest));
  // + 0: what is rounded to -0 is shown without a sign
  const rounded = (value: number) => numbers.real(Number(value.toFixed(3)) + 0, null);
  return words.offsetsCell(rounded(mean), rounded(lowest), rounded(highest));
}

function seedTable(context: ScratchContext): Table {
  const { result, words, numbers } = context;
  const { metric } = result.settings;
  const [first] = result.arms;
  return {
    kind: 'table',
    caption: words.seedTable,
    columns: [
      named(words.arm),
      ...(first?.seeds ?? []).map(({ seed }) => numeric(plain(words.seed(numbers.count(seed, null))))),
    ],
    rows: result.arms.map((arm, i) => [
      armName(context, arm, `arms.${i}`),
      ...arm.seeds.map(({ test }, k): Rich => {
        if (test === null) return [words.failed];
        return [numbers.metric(metric, test[metric]?.value ?? null, `arms.${i}.seeds.${k}.test.${metric}.value`)];
      }),
    ]),
  };
}

/** Of lines: ReLU as the control arm elsewhere, the starts of FReLU in their order. */
const tones: readonly Tone[] = ['control', 'frelu', 'neutral', 'before', 'better'];

function curvesSection(context: ScratchContext): Section {
  const { result, words, numbers } = context;
  const series = result.arms.flatMap((arm, i) => {
    const points = meanCurve(arm);
    const name = plain(armName(context, arm, null));
    return points.length === 0 ? [] : [{ name, tone: tones[i % tones.length] ?? 'neutral', points }];
  });
  const shown = (point: readonly [number, number] | undefined): string =>
    plain([numbers.real(point?.[1] ?? null, null)]);
  const ends = series.map(({ name, points }) => words.end(name, shown(points[0]), shown(points.at(-1))));
  const loss = isOneSeed(result) ? words.lossOfOne : words.loss;
  const chart: Block = {
    kind: 'chart',
    caption: loss,
    alt: words.lossAlt(ends),
    chart: { kind: 'lines', x: words.trained, y: loss, series, diagonal: null },
  };
  return { id: 'curves', title: words.curves, blocks: series.length === 0 ? [] : [chart] };
}

/** The validation loss over the samples seen, mean over the seeds that came as far. */
function meanCurve({ seeds }: FromScratchArm): readonly (readonly [samples: number, loss: number])[] {
  const longest = Math.max(0, ...seeds.map(({ curve }) => curve.length));
  return Array.from({ length: longest }, (_, epoch) => epoch).flatMap((epoch) => {
    const points = seeds.flatMap(({ curve }) => curve[epoch] ?? []);
    const losses = points.flatMap(({ validationLoss }) => validationLoss ?? []);
    const [point] = points;
    if (point === undefined || losses.length === 0) return [];
    return [[point.samples, losses.reduce((sum, loss) => sum + loss, 0) / losses.length] as const];
  });
}

function weightsSection({ result, text, words, numbers }: ScratchContext): Section {
  const { framework, rules, kept, normalizations } = result.weights;
  return {
    id: 'weights',
    title: words.weights,
    blocks: [
      paragraph([words.frameworks[framework]]),
      {
        kind: 'table',
        caption: words.weights,
        columns: [named(words.rule), numeric(words.tensors), numeric(words.elements)],
        rows: rules.map(({ name, tensors, elements }, i) => [
          [words.rules[name] ?? name],
          [numbers.count(tensors, `weights.rules.${i}.tensors`)],
          [numbers.count(elements, `weights.rules.${i}.elements`)],
        ]),
      },
      ...(kept.length === 0 ? [] : [note(words.kept(kept.join(text.listGap)))]),
      ...(normalizations > 0 ? [] : [note([words.unnormalized])]),
    ],
  };
}

/** Every setting by the name that the JSON has it under. */
function settingsSection({ result, words }: ScratchContext): Section {
  const shown = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value ?? '–')) || '–';
  return {
    id: 'settings',
    title: words.settings,
    blocks: [
      {
        kind: 'table',
        caption: words.settings,
        columns: [named(words.setting), named(words.value)],
        rows: Object.entries(result.settings).map(([name, value]) => [[code(name)], [code(shown(value))]]),
      },
    ],
  };
}
