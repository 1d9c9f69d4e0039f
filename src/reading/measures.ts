import type { OwnGraph } from './own-graphs.js';

/** What is measured of each sample beside the model's output. */
export type Measure =
  | {
      readonly kind: 'graph';
      readonly name: string;
      readonly graph: OwnGraph;
      /** whether it is asked for one sample after another: a loss gives one number for all that it is fed with */
      readonly eachAlone: boolean;
    }
  /** the mean square of output - input, both as the model has them */
  | { readonly kind: 'reconstruction'; readonly name: string };
