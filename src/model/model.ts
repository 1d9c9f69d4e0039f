import type { Graph } from './graph.js';
import type { FormatLimits } from './limits.js';

export type ModelFormat = 'onnx' | 'tfjs-layers' | 'tfjs-graph';

/** One file that a model consists of, as it was read. */
export interface ModelFile {
  /** relative to the model's folder, with forward slashes */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A model file that a migration writes. */
export interface WrittenFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** One that may be large: in pieces, from the first one each time they are asked for, so that it is nowhere in memory as a whole. */
export interface StreamedFile {
  readonly path: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** A trained network in memory, with the files it came from. */
export interface Model {
  readonly format: ModelFormat;
  /** the entry file: the .onnx file or model.json, an absolute path */
  readonly path: string;
  /** the entry file first */
  readonly files: readonly ModelFile[];
  readonly graph: Graph;
  /** what its format's files cannot say; where it is left out, they can say all that a graph can */
  readonly limits?: FormatLimits;
}
