import type { ConfusionCell } from '../../contract/result.js';
import { predictedClasses, type Scores } from './scores.js';

/** `confusion[actual][predicted]`; samples without a prediction (NaN) are in no cell. */
export function confusionMatrix(scores: Scores, labels: Int32Array, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const predicted = predictedClasses(scores);
  labels.forEach((label, i) => {
    const row = matrix[label];
    const column = predicted[i] ?? -1;
    if (row !== undefined && column >= 0) row[column] = (row[column] ?? 0) + 1;
  });
  return matrix;
}

/** The non-empty cells, row by row: what is worth keeping of a matrix over a thousand classes. */
export function confusionCells(matrix: readonly (readonly number[])[]): ConfusionCell[] {
  return matrix.flatMap((row, actual) =>
    row.flatMap((count, predicted) => (count > 0 ? [{ actual, predicted, count }] : [])),
  );
}
