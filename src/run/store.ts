import type { Artifact } from './artifact.js';

/** Where a run keeps what it has computed, so that whoever goes on with it need not compute it again. */
export interface Store {
  /**
   * Null where it was not kept.
   * @throws Failure('input') naming what is damaged, cannot be read, or is refused by the artifact: it is never taken for "none"
   */
  get<T>(artifact: Artifact<T>): Promise<T | null>;
  /** Keeps a value whole or not at all, in place of an earlier one. Values are plain data, maps and typed arrays. */
  put<T>(artifact: Artifact<T>, value: T): Promise<void>;
  remove(artifact: Artifact<unknown>): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
}
