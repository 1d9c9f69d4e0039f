import type { ModelFormat } from '../contract/model.js';
import type { Graph } from './graph.js';
import type { FormatLimits } from './limits.js';

/** One file that a model consists of. */
export interface OutlinedFile {
  /** relative to the model's folder, with forward slashes */
  readonly path: string;
  readonly bytes: number;
  /** when it was last written to, in nanoseconds, where it was not read as a whole and may be read again */
  readonly modifiedNs?: bigint;
}

/** One that was read as a whole. */
export interface ModelFile extends OutlinedFile {
  readonly sha256: string;
}

/** A model file that a migration writes. */
export interface WrittenFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * One that may be large: in pieces, from the first one each time they are asked for, so that it is nowhere in memory as a whole. A piece
 * holds what it holds until the next one is asked for.
 */
export interface StreamedFile {
  readonly path: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** A trained network whose large weights may lie in its files still: enough to plan with, and to write it again. */
export interface ModelOutline {
  readonly format: ModelFormat;
  /** the entry file: the .onnx file or model.json, an absolute path */
  readonly path: string;
  /** the entry file first */
  readonly files: readonly OutlinedFile[];
  readonly graph: Graph;
  /** what its format's files cannot say; where it is left out, they can say all that a graph can */
  readonly limits?: FormatLimits;
  /** what its reader has no operators for, in words: the graph holds nodes in their place that nothing can run; none where left out */
  readonly unread?: readonly string[];
}

/** A trained network in memory, with the files it came from. */
export interface Model extends ModelOutline {
  readonly files: readonly ModelFile[];
}
