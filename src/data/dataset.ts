import type { MaskReading } from '../contract/reading.js';

/** How one stored sample is laid out. `values` is a row, or an array whose axes have no known spatial meaning. */
export type SampleLayout = 'HW' | 'HWC' | 'CHW' | 'values';

/** Which part of a data set that comes in parts (train and test files, folders, arrays) is meant. */
export type Part = 'train' | 'validation' | 'test';

export type Targets =
  /**
   * `labels[i]` is in [0, names.length). `numbered`: the labels are whole numbers as the file has them (truths are 0 and 1, one-hot rows the place of the 1), and nothing but
   * the model tells whether they are classes or amounts (`asValues` has them as amounts).
   */
  | {
      readonly kind: 'class';
      readonly labels: Int32Array;
      readonly names: readonly string[];
      readonly numbered?: true;
    }
  /** `values` is [count, width], row-major: regression targets or multi-label 0/1. `shape` is that of one sample, where the file has more than one axis for it */
  | {
      readonly kind: 'values';
      readonly values: Float32Array;
      readonly width: number;
      readonly shape?: readonly number[];
    }
  | MaskTargets
  | { readonly kind: 'none' };

/** A class for each pixel of each sample. */
export interface MaskTargets {
  readonly kind: 'mask';
  /** null: which class a pixel is of is not known, nor asked */
  readonly store: MaskStore | null;
  /** how a model's maps are held against them; null before that is known */
  readonly map: MapReading | null;
}

/** How the maps of a model are held against masks, and what its numbers are. */
export interface MapReading extends MaskReading {
  readonly scores: 'logits' | 'probabilities';
}

/** Masks side by side, [count, height, width], as their files have the values. */
export interface Masks {
  readonly values: Uint8Array | Uint16Array;
  readonly height: number;
  readonly width: number;
}

/** The masks of a data set, decoded as they are used. */
export interface MaskStore {
  readonly count: number;
  /** every value that occurs, ascending */
  readonly values: readonly number[];
  /** [height, width] of all of them; null where they differ */
  readonly shape: readonly [height: number, width: number] | null;
  /** what names one mask in a message */
  name(index: number): string;
  /**
   * The masks of `indices`, brought to the size of their images by the same geometry, each pixel the nearest one's value.
   * @param size null: as they are stored
   * @throws Failure('input') when one cannot be read; Failure('usage') where they differ in size and none was given
   */
  gather(indices: ArrayLike<number>, size: PixelSize | null): Promise<Masks>;
  /** what the file of one mask holds, for digests */
  bytes(index: number): Promise<Uint8Array>;
}

/** The size that pixels are brought to while they are read: first resized, then cropped about the centre. */
export interface PixelSize {
  /** what comes out */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** what is resized to before the crop; equal to height and width where nothing is cropped */
  readonly resized: { readonly height: number; readonly width: number };
  /** `stretch` changes the aspect ratio; `cover` keeps it and cuts the excess off evenly */
  readonly fit: 'stretch' | 'cover';
  readonly interpolation: 'nearest' | 'linear' | 'cubic' | 'lanczos3';
}

/** What one column of a table became numbers by. */
export type ColumnRule =
  /** `mean` stands in for what is missing; null where the training part has no value to take the mean of */
  | { readonly kind: 'number'; readonly column: string; readonly mean: number | null }
  /** an input for each category, sorted as strings; null, the last, is a missing value, where the training part had any */
  | { readonly kind: 'one-hot'; readonly column: string; readonly categories: readonly (string | null)[] };

export interface LearnedEncoding {
  readonly from: 'training part' | 'data at hand';
  readonly rules: readonly ColumnRule[];
  /** 8-bit pixels, one a column */
  readonly pixels: boolean;
}

/**
 * How the words and gaps of a table become numbers. It is learned from some rows, those of the training part, and
 * applied to all: gaps get the mean (scikit-learn's SimpleImputer), words an input for each category (its OneHotEncoder, which
 * gives zeros for a category that it has not seen). A table as it was opened has learned from all of its own rows.
 */
export interface Encoding {
  readonly learned: LearnedEncoding;
  /** which column is the target where only its place says so, and what was done to gaps and words, a sentence each */
  readonly sentences: readonly string[];
  /** The same table, encoded by what the rows of `indices` teach. @throws Failure('input') naming a column that teaches nothing */
  fit(indices: Int32Array): Dataset;
  /** The same table, encoded by what another has learned. @throws Failure('input') where it has other columns */
  apply(learned: LearnedEncoding): Dataset;
}

/**
 * Samples with their targets, whatever file format they came from. Readers deliver raw stored values
 * (8-bit pixels stay 0..255); scaling and shaping to a model's input is preprocessing's work.
 */
export interface Dataset {
  readonly path: string;
  readonly format:
    | 'idx'
    | 'cifar10'
    | 'cifar100'
    | 'folder'
    | 'masks'
    | 'npz'
    | 'npy'
    | 'csv'
    | 'tsv'
    | 'jsonl'
    | 'json'
    | 'parquet';
  /** the part that was read, where `path` holds several; absent where it holds one */
  readonly part?: Part;
  readonly count: number;
  readonly sample: {
    /** the shape of one sample, e.g. [28, 28] or [3, 32, 32]; null where it differs from file to file (image folders) */
    readonly shape: readonly number[] | null;
    readonly layout: SampleLayout;
    readonly dtype: 'uint8' | 'float32';
    /** of the features of a row, where the file names them */
    readonly names?: readonly string[];
    /** a whole number of the file that float32 cannot hold, where there is one: what is read of it is not what the file says */
    readonly rounded?: number;
  };
  readonly targets: Targets;
  /** of a table: how its words and gaps became numbers */
  readonly encoding?: Encoding;
  /**
   * Reads the samples of `indices`, one after another, raw values as float32, into `into`, in the stored layout.
   * With `size`, 8-bit pixels are brought to it and delivered as HWC; image files need one, arrays of
   * one fixed shape do not, and anything else than 8-bit pixels ignores it.
   * @throws Failure('input') when a sample cannot be read
   */
  read(indices: ArrayLike<number>, into: Float32Array, size?: PixelSize): Promise<void>;
  /**
   * Of 8-bit samples: those of `indices`, one after another, as they are stored.
   * @param size images, which are decoded by threads, need one, and are delivered as HWC; others are asked without
   * @returns [indices.length, ...of one], not held elsewhere
   * @throws Failure('input') when one cannot be read
   */
  pixels?(indices: ArrayLike<number>, size: PixelSize | null): Promise<Uint8Array>;
  /** `pixels` are computed by threads beside the one that asks */
  readonly onThreads?: true;
  /** of those: whether pixels of a size are kept once they were asked for repeatedly; else they are computed every time */
  isKept?(size: PixelSize): boolean;
  /** of samples that are files: the path of one from the folder of the data on */
  file?(index: number): string;
  /**
   * The bytes of one sample as the file holds them (pixels, a row, an encoded image): what digests and the search for
   * duplicates look at. Where a data set does not offer it, its float32 values stand in.
   */
  bytes?(index: number): Promise<Uint8Array>;
}
