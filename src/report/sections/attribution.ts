import type { AttributionAgreement } from '../../contract/result.js';
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
      {
        kind: 'table',
        caption: words.table,
        columns: [
          named(words.method),
          numeric(words.samples),
          numeric(`${words.spearman} (${words.range})`),
          numeric(`${words.overlap} (${words.range})`),
        ],
        rows: methods.map((agreement, i) => agreementRow(context, agreement, `attribution.${i}`)),
      },
      ...methods.flatMap((agreement) => maps(context, agreement)),
    ],
  };
}

function agreementRow(
  { text, numbers }: Context,
  { method, samples, spearman, topK }: AttributionAgreement,
  path: string,
): readonly Rich[] {
  const words = text.attribution;
  return [
    [words.methods[method]],
    [numbers.count(samples, `${path}.samples`)],
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

function maps({ text, numbers }: Context, { method, examples }: AttributionAgreement): Block[] {
  const words = text.attribution;
  const some = examples.slice(0, shownExamples);
  const images = some.flatMap((example) => {
    const pictures = (['input', 'before', 'frelu'] as const).flatMap((what) => {
      const source = example[what];
      return source === null
        ? []
        : [{ source, alt: words.picture(words[what], example.index, example.actual), caption: words[what] }];
    });
    return pictures.length === 0
      ? []
      : [{ pictures, text: words.example(example.actual, numbers.real(example.spearman, null)) }];
  });
  const rows = some.flatMap(({ index, row }) =>
    [...(row ?? [])]
      .sort((a, b) => Math.abs(b.before) - Math.abs(a.before))
      .slice(0, shownFeatures)
      .map(({ name, before, frelu }) => [
        [`#${index} ${name}`],
        [numbers.signedReal(before, null)],
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
            columns: [named(words.feature), numeric(text.arms.before), numeric(text.arms.frelu)],
            rows,
          } as const,
        ]),
  ];
}
