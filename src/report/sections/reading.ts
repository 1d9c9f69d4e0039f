import type { InputReading, OutputReading } from '../../contract/reading.js';
import { type Block, type Rich, rich, type Section } from '../document.js';
import { type Context, list, named, note, numeric, paragraph } from './context.js';

/** How the model was read: what it eats, what it says, which class is which column, and whether that fits labelled samples. */
export function reading(context: Context): Section {
  const { result, text, numbers } = context;
  const words = text.reading;
  const { classes, sanity, untrained, data, runtime, trusted, choice } = result.reading;
  return {
    id: 'reading',
    title: words.title,
    blocks: [
      ...(sanity?.status === 'suspect'
        ? [note(rich`${text.said(sanity.sentence)}${text.sentenceGap}${trusted ? words.trusted : ''}`)]
        : [paragraph(sanity === null ? words.noSanity : words.fine(text.said(sanity.sentence)))]),
      ...result.reading.outputs.flatMap(({ name, sanity: own }) =>
        own?.status === 'suspect'
          ? [note(rich`${name}: ${text.said(own.sentence)}${text.sentenceGap}${trusted ? words.trusted : ''}`)]
          : [],
      ),
      ...(runtime === null ? [] : [note([text.said(runtime.sentence)])]),
      inputTable(context),
      outputTable(context),
      list(
        [text.said(choice)],
        ...(classes === null
          ? []
          : [words.classes(classes.names.slice(0, 20).join(text.listGap), classes.names.length > 20, classes.origin)]),
        ...(untrained === null || untrained.length === 0
          ? []
          : [
              words.untrained(
                numbers.count(untrained.length, null),
                untrained
                  .slice(0, 10)
                  .map(({ name }) => name)
                  .join(text.listGap),
                untrained.length > 10,
              ),
            ]),
        ...data.map((sentence): Rich => [text.said(sentence)]),
      ),
    ],
  };
}

function inputTable({ result, text, numbers }: Context): Block {
  const words = text.reading;
  const row = ({ name, dtype, shape, preprocessing, range, source }: InputReading, i: number): Rich[] => [
    [{ kind: 'code', text: name }],
    [`${dtype} [${shape.join(', ')}]`],
    range === null
      ? ['–']
      : text.range(
          numbers.real(range[0], `reading.inputs.${i}.range.0`),
          numbers.real(range[1], `reading.inputs.${i}.range.1`),
        ),
    [text.said(preprocessing)],
    [words.sources[source]],
  ];
  return {
    kind: 'table',
    caption: words.inputs,
    columns: [
      named(words.name),
      named(words.type),
      numeric(words.range),
      named(words.preprocessing),
      named(words.source),
    ],
    rows: result.reading.inputs.map(row),
  };
}

function outputTable({ result, text, numbers }: Context): Block {
  const words = text.reading;
  const row = ({ name, dtype, width, meaning, evidence, lossAt }: OutputReading, i: number): Rich[] => [
    [{ kind: 'code', text: name }],
    [dtype],
    width === null ? ['–'] : [numbers.count(width, `reading.outputs.${i}.width`)],
    // what is trained beside the one that is judged is not set aside
    [lossAt === null ? words.aside : words.meanings[meaning]],
    [text.said(evidence)],
  ];
  return {
    kind: 'table',
    caption: words.outputs,
    columns: [named(words.name), named(words.type), numeric(words.width), named(words.meaning), named(words.evidence)],
    rows: result.reading.outputs.map(row),
  };
}
