import type { AttributionAgreement, MapAgreement } from '../../contract/result.js';
import { type Block, type Rich, type Section, strong } from '../document.js';
import { type Context, named, note, numeric, paragraph } from './context.js';

const shownExamples = 6;
const shownFeatures = 10;

/** Whether explanations by attribution maps moved, with maps of the same inputs side by side. */
export function attribution(context: Context): Section {
  const { result, text, numbers } = context;
  const words = text.attribution;
  const methods = result.attribution;
  if (methods === null || methods.length === 0) {
    const why = result.task === 'segmentation' ? text.segmentation.noAttribution : words.notMeasured;
    return { id: 'attribution', title: words.title, blocks: [paragraph(words.lead), note(why)] };
  }
  const medians = methods.flatMap(({ spearman }) => (spearman === null ? [] : [spearman.median]));
  const least = medians.length === 0 ? null : Math.min(...medians);
  return {
    id: 'attribution',
    title: words.title,
    blocks: [
      paragraph(words.lead),
      paragraph(words.howMeasured(numbers.count(methods[0]?.samples ?? null, null))),
      ...(least === null ? [] : [paragraph(least >= 0.9 ? words.high : least >= 0.6 ? words.middle : words.low)]),
      ...besideControl(context, methods),
      {
        kind: 'table',
        caption: words.table,
        columns: [
          named(words.method),
          named(words.model),
          numeric(words.samples),
          numeric(`${words.spearman} (${words.range})`),
          numeric(`${words.overlap} (${words.range})`),
        ],
        rows: methods.flatMap((agreement, i) => agreementRows(context, agreement, `attribution.${i}`)),
      },
      ...methods.flatMap((agreement) => maps(context, agreement)),
    ],
  };
}

/** A row of each arm that was trained. */
function agreementRows(context: Context, { method, samples, ...frelu }: AttributionAgreement, path: string): Rich[][] {
  const { text, numbers } = context;
  const row = (arm: string, agreement: MapAgreement, field: string) => [
    [text.attribution.methods[method]],
    [arm],
    [numbers.count(samples, `${path}.samples`)],
    ...agreementCells(context, agreement, field),
  ];
  return [
    ...(frelu.control === null ? [] : [row(text.arms.control, frelu.control, `${path}.control`)]),
    row(text.arms.frelu, frelu, path),
  ];
}

function agreementCells({ text, numbers }: Context, { spearman, topK }: MapAgreement, path: string): Rich[] {
  const words = text.attribution;
  return [
    spearman === null
      ? [text.noValue]
      : words.withRange(
          numbers.real(spearman.median, `${path}.spearman.median`),
          numbers.real(spearman.p05, `${path}.spearman.p05`),
          numbers.real(spearman.p95, `${path}.spearman.p95`),
        ),
    topK === null
      ? [text.noValue]
      : words.withRange(
          words.overlapOf(
            numbers.share(topK.overlap.median, `${path}.topK.overlap.median`),
            numbers.count(topK.k, `${path}.topK.k`),
          ),
          numbers.share(topK.overlap.p05, `${path}.topK.overlap.p05`),
          numbers.share(topK.overlap.p95, `${path}.topK.overlap.p95`),
        ),
  ];
}

/** What of it further training alone does: explanations move with that too. */
function besideControl({ text, numbers }: Context, methods: readonly AttributionAgreement[]): Block[] {
  const words = text.attribution;
  if (methods.every(({ control }) => control === null)) return [note(words.noControl)];
  return methods.flatMap(({ method, samples, control }, i) => {
    const path = `attribution.${i}.control.difference`;
    const difference = control?.difference ?? null;
    if (difference === null) return [];
    const { mean, ci95 } = difference;
    const name = strong(words.methods[method]);
    const shown = numbers.signedReal(mean, `${path}.mean`);
    if (ci95 === null) return [paragraph(words.tooFew(name, shown, numbers.count(samples, null)))];
    const [low, high] = ci95;
    const range = text.range(numbers.signedReal(low, `${path}.ci95.0`), numbers.signedReal(high, `${path}.ci95.1`));
    const moved = high < 0 ? words.movedMore : low > 0 ? words.movedLess : words.movedAlike;
    return [paragraph(moved(name, shown, range))];
  });
}

function maps({ text, numbers }: Context, { method, control: ofControl, examples }: AttributionAgreement): Block[] {
  const hasControl = ofControl !== null;
  const words = text.attribution;
  const some = examples.slice(0, shownExamples);
  const images = some.flatMap((example) => {
    const pictures = (['input', 'before', 'control', 'frelu'] as const).flatMap((what) => {
      const source = example[what];
      // earlier versions drew no control arm
      return source === null || source === undefined
        ? []
        : [{ source, alt: words.picture(words[what], example.index, example.actual), caption: words[what] }];
    });
    return pictures.length === 0
      ? []
      : [
          {
            label: `#${example.index}`,
            pictures,
            text: words.example(example.actual, numbers.real(example.spearman, null)),
          },
        ];
  });
  const rows = some.flatMap(({ index, row }) =>
    [...(row ?? [])]
      .sort((a, b) => Math.abs(b.before) - Math.abs(a.before))
      .slice(0, shownFeatures)
      .map(({ name, before, control, frelu }) => [
        [`#${index} ${name}`],
        [numbers.signedReal(before, null)],
        ...(hasControl ? [[numbers.signedReal(control, null)]] : []),
        [numbers.signedReal(frelu, null)],
      ]),
  );
  const title = words.methods[method];
  return [
    ...(images.length === 0
      ? []
      : [paragraph([strong(title), words.colours]), { kind: 'gallery', items: images } as const]),
    ...(rows.length === 0
      ? []
      : [
          {
            kind: 'table',
            caption: `${words.rows}: ${title}`,
            columns: [
              named(words.feature),
              numeric(text.arms.before),
              ...(hasControl ? [numeric(text.arms.control)] : []),
              numeric(text.arms.frelu),
            ],
            rows,
          } as const,
        ]),
  ];
}
