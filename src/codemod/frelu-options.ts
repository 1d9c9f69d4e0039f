import type { Granularity } from '../contract/settings.js';

/** What every FReLU of a run is created with. */
export interface FreluOptions {
  /** one offset per layer, or one per channel */
  readonly granularity: Granularity;
  /** the initial offset; with 0 the model computes what it did */
  readonly init: number;
}
