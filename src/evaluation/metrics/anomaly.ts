import type { MetricOf } from '../../contract/metrics.js';
import type { Scores, Truth } from './scores.js';
import { areaUnderRoc, noValue, type Statistic } from './statistic.js';

/**
 * Prepares the metrics of anomaly detection from a score per sample, here the error of its reconstruction. AUROC is that of the score
 * against the labels. The reconstruction error is the mean over the normal samples: that anomalies are reconstructed badly is what is wanted.
 */
export function anomalyMetrics(
  { values }: Scores,
  { labels }: Extract<Truth, { kind: 'anomaly' }>,
): (name: MetricOf<'anomaly'>) => Statistic {
  const isAnomaly = (i: number): boolean => labels?.[i] === 1;
  const statistics: Readonly<Record<MetricOf<'anomaly'>, () => Statistic>> = {
    auroc: () => (labels === null ? noValue : areaUnderRoc(values, isAnomaly)),
    reconstructionError: () => (indices) => {
      let sum = 0;
      let count = 0;
      for (const i of indices) {
        if (isAnomaly(i)) continue;
        sum += values[i] ?? Number.NaN;
        count++;
      }
      return sum / count;
    },
  };
  return (name) => statistics[name]();
}
