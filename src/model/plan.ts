import type { SiteGain } from '../contract/model.js';
import type { Form, Granularity, PlanOptions } from '../contract/settings.js';

/**
 * Which channels of a constant, or of the value that a reader with weights sees, a site's parameter falls on: channels
 * `from` ... `from + count - 1` of the site, each `repeat` times, from `start` on, of `total`; the others get nothing. A
 * parameter that is one number counts as `count` equal ones. Null: one number for every element, or the site's channels one to one.
 */
export type ChannelMap = {
  readonly from: number;
  readonly count: number;
  readonly start: number;
  readonly repeat: number;
  readonly total: number;
} | null;

/** One constant that takes up a shift or an offset: `factor` times the parameter is added to what the node reads there. */
export interface FoldTarget {
  /** the bias of Conv, ConvTranspose or Gemm; BatchNormalization's beta or running mean; the constant operand of an Add or Sub */
  readonly kind: 'bias' | 'beta' | 'mean' | 'constant';
  /** the node that reads the constant, by the name of its first output value, and the position of that input */
  readonly node: string;
  readonly input: number;
  /** the value that the node reads there now; null where it has none and gets a new one that starts at 0 */
  readonly initializer: string | null;
  readonly factor: number;
  readonly channels: ChannelMap;
  /** the number of axes of the constant after its channel axis: a per-channel parameter gets the shape [C, 1, ...] */
  readonly trailingAxes: number;
  /** the reader (Conv, ConvTranspose, Gemm, MatMul; its first output value) whose weights the parameter is summed over, if any */
  readonly weights: string | null;
}

/**
 * A reader whose zeros (of its padding) shall stand for the offset, where the offset stays in the tensor. With y the input
 * and b the offset, reader_floor(y) = reader_zero(y - b) + reader(b), exactly, since the reader is linear: `factor` times b is
 * taken from its input, and comes back through its bias (`restore`), or onto its output where it has none (AveragePool, Pad).
 */
export interface Recentre {
  /** the reader, by the name of its first output value; its input 0 is meant */
  readonly node: string;
  readonly factor: number;
  readonly channels: ChannelMap;
  readonly trailingAxes: number;
  readonly restore: FoldTarget | null;
}

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
  /** the body or local function that it stands in, by its path (`Scope`), which the id begins with; left out: the main graph */
  readonly scope?: string;
  /**
   * the id of the first site of a layer that is called several times: its shift and its offset are this one's too, so that the
   * layer still computes one function; left out: the site has its own
   */
  readonly tied?: string;
  /** the operator as it stands: Relu, Clip, Max, Min ... */
  readonly op: string;
  readonly kind: 'relu' | 'relu6';
  readonly status: 'migrate' | 'skip';
  /** why it is skipped, or why it has no shift; null where there is nothing to say */
  readonly reason: string | null;
  readonly shift: ShiftFold | null;
  readonly form: Form | null;
  /** what FReLU can say there that no bias of the network could */
  readonly adds: readonly SiteGain[];
  /** ids of the nodes that read the site's output */
  readonly consumers: readonly string[];
  /** the graph value that the site computes and the one it reads */
  readonly output: string;
  readonly input: string;
  /** the number of channels (axis 1, or the last for a matrix), where the graph tells; per-channel parameters need it */
  readonly channels: number | null;
  /** the number of axes after the channel axis: per-channel values at the site have the shape [C, 1, ...] */
  readonly trailingAxes: number;
  readonly granularity: Granularity;
  /** what takes the offset: the readers in the folded form, the producer in the fused one, nothing in the explicit one */
  readonly offset: readonly FoldTarget[];
  /** with padding 'floor': the zero-padded readers of an offset that stays in the tensor (fused, explicit) */
  readonly recentre: readonly Recentre[];
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
