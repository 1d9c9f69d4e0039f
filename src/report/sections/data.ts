import type { Section } from '../document.js';
import { type Context, named, note, numeric, paragraph } from './context.js';

/** Where the data came from, and whether the splits are apart. */
export function data({ result, text, numbers }: Context): Section {
  const words = text.data;
  const { duplicates } = result.data;
  return {
    id: 'data',
    title: words.title,
    blocks: [
      {
        kind: 'table',
        caption: words.table,
        columns: [
          named(words.split),
          numeric(words.count),
          numeric(words.classes),
          named(words.path),
          named(words.hash),
        ],
        rows: (['train', 'validation', 'test'] as const).map((name) => {
          const split = result.data[name];
          return [
            [words.names[name]],
            [numbers.count(split.count, `data.${name}.count`)],
            split.classes === null ? ['–'] : [numbers.count(split.classes, `data.${name}.classes`)],
            [{ kind: 'code', text: split.path }, ` (${split.format})`],
            split.sha256 === null ? [text.notMeasured] : [{ kind: 'code', text: split.sha256 }],
          ];
        }),
      },
      duplicates === null
        ? note(words.noDuplicates)
        : paragraph(
            words.duplicates(
              duplicates,
              numbers.count(duplicates.withinTest, 'data.duplicates.withinTest'),
              numbers.count(duplicates.testInTraining, 'data.duplicates.testInTraining'),
            ),
          ),
    ],
  };
}
