/** How one stored sample is laid out. `values` is a row without spatial meaning (a table, a flat vector). */
export type SampleLayout = 'HW' | 'HWC' | 'CHW' | 'values';

export type Targets =
  /** `labels[i]` is in [0, names.length) */
  | { readonly kind: 'class'; readonly labels: Int32Array; readonly names: readonly string[] }
  /** `values` is [count, width], row-major: regression targets or multi-label 0/1 */
  | { readonly kind: 'values'; readonly values: Float32Array; readonly width: number }
  | { readonly kind: 'none' };

/**
 * Samples with their targets, whatever file format they came from. Readers deliver raw stored values
 * (8-bit pixels stay 0..255); scaling and shaping to a model's input is preprocessing's work.
 */
export interface Dataset {
  readonly path: string;
  readonly format: 'idx' | 'cifar10' | 'cifar100' | 'folder' | 'npz' | 'csv' | 'tsv' | 'parquet';
  readonly count: number;
  readonly sample: {
    /** the shape of one sample, e.g. [28, 28] or [3, 32, 32]; null where it differs from file to file (image folders) */
    readonly shape: readonly number[] | null;
    readonly layout: SampleLayout;
    readonly dtype: 'uint8' | 'float32';
  };
  readonly targets: Targets;
  /**
   * Reads the samples of `indices`, one after another, raw values as float32, into `into`.
   * `size` ([height, width, channels]) resizes image files while they are decoded; formats of one fixed shape ignore it.
   * @throws Failure('input') when a sample cannot be read
   */
  read(indices: ArrayLike<number>, into: Float32Array, size?: readonly [number, number, number]): Promise<void>;
}
