import type { Delta, MigrateResult } from '../contract/result.js';

/** A difference, and where in the result it stands. */
interface PlacedDelta {
  readonly delta: Delta;
  readonly path: string;
}

/** What the model that is written brings by itself: with several seeds that of its own, else the one that there is. */
export function writtenDelta({ spread, delta }: Pick<MigrateResult, 'spread' | 'delta'>): PlacedDelta {
  const at = spread.findIndex(({ written }) => written);
  const own = spread[at]?.vsBefore ?? null;
  return own === null
    ? { delta: delta.vsBefore, path: 'delta.vsBefore' }
    : { delta: own, path: `spread.${at}.vsBefore` };
}
