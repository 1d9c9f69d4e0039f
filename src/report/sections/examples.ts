import type { Example, MaskExample } from '../../contract/result.js';
import { type Block, plain, type Section } from '../document.js';
import { writtenDelta } from '../written.js';
import { type Context, named, note, numeric, paragraph } from './context.js';

const shownExamples = 12;

/** Samples whose answer became right, or wrong. */
export function examples(context: Context): Section | null {
  const { result, text, numbers } = context;
  const { delta, path } = writtenDelta(result);
  const { fixed, broken } = delta;
  const { masks } = result.examples;
  if (masks !== undefined) return maskExamples(context, masks);
  if (fixed === null || broken === null) return null;
  const words = text.examples;
  const blocks: Block[] = [
    paragraph(words.fixed(numbers.count(fixed, `${path}.fixed`))),
    ...shown(context, result.examples.fixed),
    paragraph(words.broken(numbers.count(broken, `${path}.broken`))),
    ...shown(context, result.examples.broken),
  ];
  const kept = result.examples.fixed.length + result.examples.broken.length;
  return {
    id: 'examples',
    title: words.title,
    blocks: fixed + broken === 0 ? [note(words.none)] : kept === 0 ? [...blocks, note(words.notKept)] : blocks,
  };
}

function shown({ text, numbers }: Context, all: readonly Example[]): Block[] {
  const words = text.examples;
  const some = all.slice(0, shownExamples);
  const answer = ({ predicted, confidence }: Example['before']) =>
    confidence === null ? predicted : words.withConfidence(predicted, plain([numbers.share(confidence, null)]));
  const images = some.flatMap((example) =>
    example.thumbnail === null
      ? []
      : [
          {
            label: `#${example.index}`,
            pictures: [
              {
                source: example.thumbnail,
                alt: words.picture(example.index, example.actual),
                caption: `#${example.index}`,
              },
            ],
            text: words.text(example.actual, answer(example.before), answer(example.frelu)),
          },
        ],
  );
  const rows = some.filter((example) => example.thumbnail === null);
  return [
    ...(images.length > 0 ? [{ kind: 'gallery', items: images } as const] : []),
    ...(rows.length > 0
      ? [
          {
            kind: 'table',
            caption: words.table,
            columns: [
              numeric(words.index),
              named(words.actual),
              named(words.before),
              named(words.frelu),
              named(words.row),
            ],
            rows: rows.map((example) => [
              [String(example.index)],
              [example.actual],
              [answer(example.before)],
              [answer(example.frelu)],
              [(example.row ?? []).map(({ name, value }) => `${name} = ${value}`).join(text.listGap) || '–'],
            ]),
          } as const,
        ]
      : []),
  ];
}

/** Images with their masks, and what both models say. */
function maskExamples({ text, numbers }: Context, masks: readonly MaskExample[]): Section {
  const words = text.segmentation.examples;
  const items = masks.map((example, i) => {
    const pictures = [
      ...(example.image === null ? [] : [[words.image, example.image] as const]),
      [words.actual, example.masks.actual] as const,
      [words.before, example.masks.before] as const,
      [words.frelu, example.masks.frelu] as const,
    ];
    return {
      label: null,
      pictures: pictures.map(([caption, source]) => ({
        source,
        alt: words.picture(caption, example.index),
        caption,
      })),
      text: words.text(
        example.index,
        numbers.share(example.before, `examples.masks.${i}.before`),
        numbers.share(example.frelu, `examples.masks.${i}.frelu`),
      ),
    };
  });
  return {
    id: 'examples',
    title: words.title,
    blocks: items.length === 0 ? [note(words.none)] : [paragraph(words.lead), { kind: 'gallery', items }],
  };
}
