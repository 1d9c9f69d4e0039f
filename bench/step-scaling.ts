import { inTurn } from './measure.js';
import { residualNetwork } from './networks.js';
import { milliseconds, type Row, ratio, section } from './print.js';
import { openStep, stepOperations } from './training.js';

interface Point {
  readonly batch: number;
  readonly width: number;
  readonly blocks: number;
}

const base: Point = { batch: 32, width: 16, blocks: 3 };

const series: readonly { readonly title: string; readonly points: readonly Point[] }[] = [
  { title: 'batch size', points: [16, 32, 64, 128].map((batch) => ({ ...base, batch })) },
  { title: 'width', points: [16, 32, 64].map((width) => ({ ...base, width })) },
  { title: 'depth', points: [1, 3, 5, 9].map((blocks) => ({ ...base, blocks })) },
];

/** How a step's time grows with the work in it: time per work, over the smallest point's; 1 or less is no worse than linear. */
export async function run(): Promise<void> {
  for (const { title, points } of series) {
    const measured: { readonly point: Point; readonly seconds: number; readonly operations: number }[] = [];
    for (const point of points) {
      const model = residualNetwork({ ...point, size: 32 });
      const step = await openStep(model, { batch: point.batch, batchNorm: 'batch', scope: 'all' }, true);
      const [seconds = Number.NaN] = await inTurn([step]);
      await step.release();
      measured.push({ point, seconds, operations: await stepOperations(model, point.batch, 'all') });
    }
    const [first] = measured;
    if (first === undefined) continue;
    const rows = measured.map(({ point: { batch, width, blocks }, seconds, operations }): Row => {
      const work = operations / first.operations;
      const time = seconds / first.seconds;
      return [
        `batch ${batch}, ${width} channels, ${3 * blocks} blocks`,
        milliseconds(seconds),
        `${ratio(work)} the work`,
        `${ratio(time)} the time`,
        `${ratio(time / work)} the time per work`,
      ];
    });
    await section(`P10  step time against ${title}: residual network, 3x32x32`, rows);
  }
}
