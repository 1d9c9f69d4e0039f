/** How FReLU stands in the written file; docs/architecture.md has the table of when each is exact. */
export type Form = 'folded' | 'fused' | 'explicit';
export type Padding = 'zero' | 'floor';
export type Granularity = 'layer' | 'channel';

export interface PlanOptions {
  readonly form: Form | 'auto';
  readonly padding: Padding;
  readonly granularity: Granularity;
  /** globs over site ids; a site is migrated when it matches `include` (or there is none) and no `exclude` */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export const defaultPlanOptions: PlanOptions = {
  form: 'auto',
  padding: 'zero',
  granularity: 'layer',
  include: [],
  exclude: [],
};

/** One place where a constant takes up a shift or an offset. Every target names a node of the graph and its input. */
export type FoldTarget =
  /** the bias of Conv, ConvTranspose or Gemm (input 2; made where there is none); Gemm divides by its beta */
  | { readonly kind: 'bias'; readonly node: string; readonly initializer: string | null }
  /** BatchNormalization's beta (input 2), which takes a shift */
  | { readonly kind: 'beta'; readonly node: string; readonly initializer: string }
  /** the constant operand of an Add or Sub: the value is added (Add) or subtracted (Sub) */
  | { readonly kind: 'constant'; readonly node: string; readonly input: number; readonly initializer: string }
  /** an offset's way into a reader with weights: its bias grows by offset * sum of the weights it meets */
  | { readonly kind: 'weightSum'; readonly node: string; readonly bias: FoldTarget; readonly channels: ChannelMap }
  /** an offset into BatchNormalization's running mean, which is lowered by it */
  | { readonly kind: 'mean'; readonly node: string; readonly initializer: string; readonly channels: ChannelMap };

/**
 * Where a site's channels lie among those of the value a reader sees, after Concat and Flatten:
 * channel c of the site is channels start + c * repeat ... + repeat - 1 of `total`. Null: a scalar offset on every element.
 */
export type ChannelMap = { readonly start: number; readonly repeat: number; readonly total: number } | null;

export interface ShiftFold {
  /** the first initializer or node that takes the shift, for people */
  readonly into: string;
  /** which row of the fold table, for people: 'Conv bias', 'BatchNormalization beta', 'new bias' ... */
  readonly rule: string;
  readonly targets: readonly FoldTarget[];
}

/** Every ReLU found, with what becomes of it or why it is left alone. */
export interface Site {
  /** the ONNX node's name, or its first output's; for tfjs the layer's or node's name */
  readonly id: string;
  /** the operator as it stands: Relu, Clip, Max, Min ... */
  readonly op: string;
  readonly kind: 'relu' | 'relu6';
  readonly status: 'migrate' | 'skip';
  /** why it is skipped, or why it has no shift; null where there is nothing to say */
  readonly reason: string | null;
  readonly shift: ShiftFold | null;
  readonly form: Form | null;
  /** ids of the nodes that read the site's output */
  readonly consumers: readonly string[];
  /** the graph value that the site computes and the one it reads */
  readonly output: string;
  readonly input: string;
  /** the number of channels (axis 1, or the last for a matrix), where the graph tells; per-channel parameters need it */
  readonly channels: number | null;
  readonly granularity: Granularity;
  /** what takes the offset: the readers in the folded form, the producer in the fused one, nothing in the explicit one */
  readonly offset: readonly FoldTarget[];
}

/** The hinge: transforms make it from a graph, autodiff trains what it names, each format's writer applies it to its own files. */
export interface MigrationPlan {
  readonly sites: readonly Site[];
  readonly options: PlanOptions;
  readonly summary: { readonly relu: number; readonly migrate: number; readonly skip: number };
}

/** Values of a site's parameters: one number, or one per channel. `shift` is empty where it cannot be folded. */
export interface SiteParameters {
  readonly id: string;
  readonly shift: Float32Array;
  readonly offset: Float32Array;
}
