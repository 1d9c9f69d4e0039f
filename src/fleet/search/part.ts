import { canonicalJson } from '../../contract/canonical-json.js';
import type { TrialName } from '../../run/search/spread.js';
import { sha256Of } from '../digest.js';

/** What a worker computes of a search at a time. */
export type SearchPart = Opening | TrialPart;

/** What all trials begin with. */
interface Opening {
  readonly kind: 'opening';
  /** the unit whose search it is of */
  readonly of: string;
}

/** One trial in one rung. */
export interface TrialPart extends TrialName {
  readonly kind: 'trial';
  readonly of: string;
  /** the recipe's */
  readonly name: string;
  /** of how many */
  readonly rungs: number;
  readonly opening: string;
  /** the part that it goes on from: the trial in the rung before, the opening, or where a combination starts */
  readonly from: string;
}

/**
 * The SHA-256 that names a part. The unit's id is that of all that determines the search, and what the part goes on from has such an id itself, so that
 * parts of one id have one result.
 */
export const partId = (part: SearchPart): string => sha256Of(canonicalJson(part));
