import type { CalibrationBin } from '../../contract/result.js';
import { plain, type Section } from '../document.js';
import { type Context, note, numeric, paragraph } from './context.js';

/** Whether the confidence of the answers is deserved, before and after. */
export function calibration({ result, text, numbers }: Context): Section | null {
  const words = text.calibration;
  if (result.task !== 'classification') return null;
  if (result.calibration === null) return { id: 'calibration', title: words.title, blocks: [note(words.notMeasured)] };
  const { before, frelu } = result.calibration;
  const error = (arm: 'before' | 'frelu') =>
    numbers.metric('ece', result.arms[arm].test.ece?.value ?? null, `arms.${arm}.test.ece.value`);
  const points = (bins: readonly CalibrationBin[]) =>
    bins.flatMap(({ confidence, accuracy }) =>
      confidence === null || accuracy === null ? [] : [[confidence, accuracy] as const],
    );
  const rows = before.flatMap((bin, i) => {
    const after = frelu[i];
    return after === undefined || bin.count + after.count === 0
      ? []
      : [
          [
            text.range(numbers.real(bin.lower, null), numbers.real(bin.upper, null)),
            [numbers.count(bin.count, `calibration.before.${i}.count`)],
            [numbers.share(bin.accuracy, `calibration.before.${i}.accuracy`)],
            [numbers.count(after.count, `calibration.frelu.${i}.count`)],
            [numbers.share(after.accuracy, `calibration.frelu.${i}.accuracy`)],
          ],
        ];
  });
  return {
    id: 'calibration',
    title: words.title,
    blocks: [
      paragraph(words.lead),
      paragraph(words.error(error('before'), error('frelu'))),
      {
        kind: 'chart',
        caption: words.chart,
        alt: words.alt(plain([error('before')]), plain([error('frelu')])),
        chart: {
          kind: 'lines',
          x: words.x,
          y: words.y,
          series: [
            { name: text.arms.before, tone: 'before', points: points(before) },
            { name: text.arms.frelu, tone: 'frelu', points: points(frelu) },
          ],
          diagonal: words.ideal,
        },
      },
      {
        kind: 'details',
        summary: words.table,
        blocks: [
          {
            kind: 'table',
            caption: words.table,
            columns: [
              numeric(words.bin),
              numeric(`${words.count}, ${text.arms.before}`),
              numeric(`${words.accuracy}, ${text.arms.before}`),
              numeric(`${words.count}, ${text.arms.frelu}`),
              numeric(`${words.accuracy}, ${text.arms.frelu}`),
            ],
            rows,
          },
        ],
      },
    ],
  };
}
