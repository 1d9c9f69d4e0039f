import type { BeforeAfter } from '../../contract/result.js';
import type { Inline, Rich, Section } from '../document.js';
import type { Numbers } from '../numbers.js';
import { type Context, named, numeric, paragraph } from './context.js';

type Format = (value: number | null, field: string | null) => Inline;

/** Time, memory, size and operations, before and after. */
export function costs({ result, text, numbers }: Context): Section {
  const words = text.costs;
  const rows: readonly (readonly [title: string, path: string, value: BeforeAfter | null, format: Format])[] = [
    [text.summary.latency, 'latency', result.latency, numbers.milliseconds],
    [text.summary.memory, 'memory', result.memory, numbers.bytes],
    [text.summary.size, 'size', result.size, numbers.bytes],
    [text.summary.operations, 'operations', result.operations, numbers.count],
    [words.elementwise, 'elementwise', result.elementwise, numbers.count],
  ];
  return {
    id: 'costs',
    title: words.title,
    blocks: [
      {
        kind: 'table',
        caption: words.table,
        columns: [named(words.what), numeric(words.before), numeric(words.after), numeric(words.change)],
        rows: rows.map(([title, path, value, format]) => [
          [title],
          ...(value === null
            ? [[text.notMeasured], [text.notMeasured], ['–']]
            : [
                [format(value.before, `${path}.before`)],
                [format(value.after, `${path}.after`)],
                change(numbers, value),
              ]),
        ]),
      },
      ...(result.memory === null ? [] : [paragraph(words.memoryNote)]),
    ],
  };
}

function change(numbers: Numbers, { before, after }: BeforeAfter): Rich {
  return [before === 0 ? '–' : numbers.ratio(after / before, null)];
}
