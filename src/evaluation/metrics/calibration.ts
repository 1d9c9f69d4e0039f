import type { CalibrationBin } from '../../contract/result.js';
import { classProbabilities, rightClasses, type Scores, topConfidence } from './scores.js';
import type { Statistic } from './statistic.js';

/** The number of equal-width confidence bins of `calibrationBins` and of the calibration error. */
const calibrationBinCount = 15;

/**
 * The reliability diagram of Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), eq. 1-3:
 * predictions in 15 equal-width bins (lower, upper] of their confidence, with mean confidence and accuracy.
 */
export function calibrationBins(scores: Scores, labels: Int32Array): CalibrationBin[] {
  const probabilities = classProbabilities(scores);
  const confidence = topConfidence(probabilities);
  const right = rightClasses(scores, labels);
  return binned(confidence, right).map(({ count, confidence, accuracy }, bin) => ({
    lower: bin / calibrationBinCount,
    upper: (bin + 1) / calibrationBinCount,
    count,
    confidence: count > 0 ? confidence / count : null,
    accuracy: count > 0 ? accuracy / count : null,
  }));
}

/** The expected calibration error (eq. 3): the gap between confidence and accuracy, averaged over the bins by their samples. */
export function calibrationError(confidence: Float64Array, right: Uint8Array): Statistic {
  const bins = new Int8Array(confidence.length);
  const gaps = new Float64Array(confidence.length);
  for (let i = 0; i < confidence.length; i++) {
    const value = confidence[i] ?? Number.NaN;
    bins[i] = binOf(value);
    gaps[i] = (right[i] ?? Number.NaN) - value;
  }
  return (indices) => {
    const sums = new Float64Array(calibrationBinCount);
    for (let k = 0; k < indices.length; k++) {
      const i = indices[k] ?? Number.NaN;
      const bin = bins[i] ?? 0;
      sums[bin] = (sums[bin] ?? 0) + (gaps[i] ?? Number.NaN);
    }
    return sums.reduce((sum, gap) => sum + Math.abs(gap), 0) / indices.length;
  };
}

/** The bin (lower, upper] of a confidence. */
const binOf = (confidence: number): number =>
  Math.min(Math.max(Math.ceil(confidence * calibrationBinCount) - 1, 0), calibrationBinCount - 1);

/** Sums (not means) of confidence and right predictions per bin. */
function binned(confidence: Float64Array, right: Uint8Array) {
  const bins = Array.from({ length: calibrationBinCount }, () => ({ count: 0, confidence: 0, accuracy: 0 }));
  for (const [i, value] of confidence.entries()) {
    const bin = bins[binOf(value)];
    if (bin === undefined) continue;
    bin.count++;
    bin.confidence += value;
    bin.accuracy += right[i] ?? Number.NaN;
  }
  return bins;
}
