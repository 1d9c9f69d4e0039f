import { isPercent } from '../../contract/metrics.js';
import { present } from '../../contract/present.js';
import { type Block, plain, type Section } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { type Context, note } from './context.js';
import { convergenceBlocks } from './convergence.js';

type Quantity = 'validationLoss' | 'trainLoss' | 'validationMetric';

/** Learning curves of both trained arms, and how soon they reached the same loss. */
export function curves(context: Context): Section {
  const { text } = context;
  const charts = (['validationLoss', 'validationMetric', 'trainLoss'] as const).flatMap((quantity) =>
    curveChart(context, quantity),
  );
  return {
    id: 'curves',
    title: text.curves.title,
    blocks: charts.length === 0 ? [note(text.curves.none)] : [...charts, ...convergenceBlocks(context)],
  };
}

function curveChart(context: Context, quantity: Quantity): Block[] {
  const { result, text, numbers } = context;
  const { metric } = result.delta.vsBefore;
  const percent = quantity === 'validationMetric' && isPercent(metric);
  const what =
    quantity === 'validationMetric'
      ? metricWord(text.metrics, metric)
      : quantity === 'trainLoss'
        ? text.curves.trainLoss
        : text.curves.loss;
  const series = (['control', 'frelu'] as const).flatMap((name) => {
    const points = (result.arms[name]?.curve ?? []).flatMap((point) => {
      const y = point[quantity];
      return y === null || !Number.isFinite(y) ? [] : [[point.samples, percent ? 100 * y : y] as const];
    });
    return points.length === 0 ? [] : [{ name: text.arms[name], tone: name, points }];
  });
  if (series.length === 0) return [];
  const unit = percent ? 0.01 : 1;
  const shown = (value: number) => plain([percent ? numbers.share(value * unit, null) : numbers.real(value, null)]);
  return [
    {
      kind: 'chart',
      caption: text.curves.caption(what),
      alt: text.curves.alt(
        what,
        series.map(({ name, points }) =>
          text.curves.end(
            name,
            shown(present(points[0], `a point of ${name}`)[1]),
            shown(present(points.at(-1), `a point of ${name}`)[1]),
          ),
        ),
      ),
      chart: { kind: 'lines', x: text.curves.samples, y: percent ? `${what} (%)` : what, series, diagonal: null },
    },
  ];
}
