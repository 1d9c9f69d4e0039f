import * as addOffset from '../add-offset.js';
import * as foldOffset from '../fold-offset.js';
import * as foldShift from '../fold-shift.js';
import * as fuseOffset from '../fuse-offset.js';
import * as padWithFloor from '../pad-with-floor.js';
import type { Rewrite } from './rewrite.js';

/** One step of the rewrite; what it changes depends on the plan alone, and it leaves a graph that computes. */
export interface Transform {
  readonly name: string;
  readonly description: string;
  readonly fn: <Value>(rewrite: Rewrite<Value>) => void;
}

/** The whole rewrite. Constants take sums, so that the order does not matter to what is computed. */
export const transforms: readonly Transform[] = [foldShift, foldOffset, fuseOffset, addOffset, padWithFloor];
