import type { Form } from './settings.js';

export type ModelFormat = 'onnx' | 'tfjs-layers' | 'tfjs-graph';

export interface ValueDescription {
  readonly name: string;
  /** ONNX's name of the element type in lower case: 'float', 'int64' ...; null where the file does not say */
  readonly dtype: string | null;
  /** a number, the name of a dimension that is free, or null for one that is not named; null as a whole for an unknown rank */
  readonly shape: readonly (number | string | null)[] | null;
}

/** What a model is, but for what its files hold byte for byte. */
export interface OutlineDescription {
  readonly path: string;
  readonly format: ModelFormat;
  readonly opset: number;
  readonly inputs: readonly ValueDescription[];
  readonly outputs: readonly ValueDescription[];
  /** the number of elements of all floating-point initializers */
  readonly parameters: number;
  /** the size of all files of the model */
  readonly bytes: number;
}

/** The `model` part of the JSON results. */
export interface ModelDescription extends OutlineDescription {
  /** of the entry file */
  readonly sha256: string;
}

/**
 * What a shift or an offset can add where it stands: `borders`: what reads it pads with zeros, which an offset tells from the inside; `bias`: a bias where
 * there is none; `level`: the level at which a product, a gate or another function that is not linear reads it.
 */
export type SiteGain = 'borders' | 'bias' | 'level';

/** The plan as `inspect` prints it. */
export interface PlanDescription {
  readonly sites: readonly {
    readonly id: string;
    readonly op: string;
    readonly kind: 'relu' | 'relu6';
    readonly status: 'migrate' | 'skip';
    readonly reason: string | null;
    readonly shift: { readonly into: string; readonly rule: string } | null;
    readonly form: Form | null;
    readonly consumers: readonly string[];
    /** what FReLU can say there that no bias of the network could; empty where it says the same in another way, and for a site that is skipped */
    readonly adds: readonly SiteGain[];
  }[];
  readonly summary: { readonly relu: number; readonly migrate: number; readonly skip: number };
}
