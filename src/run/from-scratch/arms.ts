import type { NetworkName } from '../arms.js';
import type { MigrateOptions } from '../spec.js';

/** One way of training the fresh network. */
export interface ScratchArm {
  readonly network: NetworkName;
  /** that every b starts from; null of ReLU */
  readonly init: number | null;
  /** by which its artifacts are told from those of other arms, and people tell it */
  readonly name: string;
}

/** Where FReLU's authors look for a start: 0, -0.398 (which makes the mean of the output of a standard normal input 0), -1 (arXiv 1706.08098). */
const starts = [0, -0.398, -1] as const;

/** FReLU that computes what ReLU computes. */
export const withoutShift: ScratchArm = { network: 'frelu', init: 0, name: 'frelu b=0' };

/** ReLU, and FReLU from each of the starts, and from that of the user's where it is another. */
export function scratchArms({ training: { initialOffset } }: Pick<MigrateOptions, 'training'>): readonly ScratchArm[] {
  return [
    { network: 'relu', init: null, name: 'relu' },
    ...[...new Set([...starts, initialOffset])].map(
      (init): ScratchArm => ({ network: 'frelu', init, name: `frelu b=${init}` }),
    ),
  ];
}
