import type { MetricOf } from '../../contract/metrics.js';
import type { Scores, Truth } from './scores.js';
import { meanOf, type Statistic } from './statistic.js';

interface ScoredValues {
  /** values per sample */
  readonly width: number;
  /** the value wanted at position j, and output - wanted there */
  readonly wanted: (j: number) => number;
  readonly error: (j: number) => number;
  /** the mean of `of` over the values of each sample */
  readonly perSample: (of: (j: number) => number) => Float64Array;
}

const statistics: Readonly<Record<MetricOf<'values'>, (given: ScoredValues) => Statistic>> = {
  rmse: ({ error, perSample }) => {
    const meanSquare = meanOf(perSample((j) => error(j) ** 2));
    return (indices) => Math.sqrt(meanSquare(indices));
  },
  mae: ({ error, perSample }) => meanOf(perSample((j) => Math.abs(error(j)))),
  r2:
    ({ width, wanted, error }) =>
    (indices) => {
      let sum = 0;
      for (let c = 0; c < width; c++) {
        let mean = 0;
        for (const i of indices) mean += wanted(i * width + c) / indices.length;
        let residual = 0;
        let total = 0;
        for (const i of indices) {
          residual += error(i * width + c) ** 2;
          total += (wanted(i * width + c) - mean) ** 2;
        }
        sum += total > 0 ? 1 - residual / total : Number.NaN;
      }
      return sum / width;
    },
};

/** Prepares what the metrics of real values share. */
export function regressionMetrics(
  { values: outputs }: Scores,
  { values, width }: Extract<Truth, { kind: 'values' }>,
): (name: MetricOf<'values'>) => Statistic {
  const wanted = (j: number) => values[j] ?? Number.NaN;
  const given: ScoredValues = {
    width,
    wanted,
    error: (j) => (outputs[j] ?? Number.NaN) - wanted(j),
    perSample: (of) =>
      Float64Array.from({ length: values.length / width }, (_, i) => {
        let sum = 0;
        for (let j = i * width; j < (i + 1) * width; j++) sum += of(j);
        return sum / width;
      }),
  };
  return (name) => statistics[name](given);
}
