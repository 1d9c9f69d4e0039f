import type { AblatedValidation, AblationResult, MigrateResult } from '../contract/result.js';

/** Sites by what the arm loses without them, the most first; each with its place in the result. */
export function byWhatTheyBring(
  { settings, delta }: Pick<MigrateResult, 'settings' | 'delta'>,
  rows: readonly AblationResult[],
): readonly { readonly row: AblationResult; readonly index: number }[] {
  const { higherIsBetter } = delta.vsBefore;
  const worth = ({ validationLoss, validationMetric }: AblatedValidation): number => {
    if (settings.epochKeptBy === 'validation loss') return -(validationLoss ?? Number.POSITIVE_INFINITY);
    const value = validationMetric ?? Number.NaN;
    return higherIsBetter ? value : -value;
  };
  const brought = ({ kept, without }: AblationResult): number => worth(kept) - worth(without);
  return rows
    .map((row, index) => ({ row, index }))
    .toSorted((a, b) => brought(b.row) - brought(a.row) || a.index - b.index);
}
