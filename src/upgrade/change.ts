/** What a run may have remembered. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One file of a model at one moment. */
export interface FileState {
  /** relative to the model's folder, '/' between its parts */
  readonly path: string;
  /** lower-case hexadecimal */
  readonly sha256: string;
  readonly bytes: number;
  /** permission bits */
  readonly mode: number;
}

/** What caused an upgrade: the run, the tool's version and whatever the run wants remembered (its metrics, its verdict). */
export interface RunRecord {
  readonly runId: string;
  readonly toolVersion: string;
  readonly summary: Json;
}

/**
 * How far a change has come. Up to and including `prepared` the old model may stand, from `committed` on the new one does.
 *
 *     preparing   backups, new side files and the new entry file are being written; nothing refers to them yet
 *     prepared    all of that is durable; the entry file is renamed next
 *     committed   the entry file is the new one; files that the model no longer uses are being removed
 *     complete    nothing remains to be done
 *     abandoned   after a crash the entry file was neither the old nor the new one: somebody else had replaced it
 */
type ChangeState = 'preparing' | 'prepared' | 'committed' | 'complete' | 'abandoned';

/** One upgrade or rollback of one model. */
export interface Change {
  readonly id: string;
  readonly kind: 'upgrade' | 'rollback';
  /** the model's entry file: a folder may hold several models */
  readonly entry: string;
  /** ISO 8601, UTC */
  readonly when: string;
  readonly state: ChangeState;
  /** the versions before and after: 'original' or the id of the upgrade that made it */
  readonly from: string;
  readonly to: string;
  readonly run: RunRecord | null;
  /** all files of the model before and after (`after` is empty while preparing) */
  readonly before: readonly FileState[];
  readonly after: readonly FileState[];
  /** files that the change writes; a crash may leave drafts of them */
  readonly writes: readonly string[];
  /** files and folders (outermost first) that did not exist before; a change that is given up removes them */
  readonly created: readonly string[];
  readonly createdFolders: readonly string[];
  /** files that the new model no longer uses and nobody else does; the change removes them */
  readonly obsolete: readonly string[];
  /** whether the backup of the files before it was given up, to free its space */
  readonly pruned: boolean;
}

export const original = 'original';

/** Whether something remains to be done, or undone, of a change. */
export function isPending({ state }: Change): boolean {
  return state === 'preparing' || state === 'prepared' || state === 'committed';
}

/** The changes of one model that took effect, oldest first. */
export function effective(changes: readonly Change[], entry: string): readonly Change[] {
  return changes.filter((each) => each.entry === entry && (each.state === 'committed' || each.state === 'complete'));
}

/** The version that the last change left. */
export function currentVersion(changes: readonly Change[]): string {
  return changes.at(-1)?.to ?? original;
}

/** The upgrades that lead from the original to `version`, the newest first: [] for the original. */
export function lineage(changes: readonly Change[], version: string): readonly Change[] {
  const upgrades = new Map(changes.filter(({ kind }) => kind === 'upgrade').map((each) => [each.id, each]));
  const line: Change[] = [];
  for (let at = upgrades.get(version); at !== undefined; at = upgrades.get(at.from)) line.push(at);
  return line;
}

export function sha256Of(files: readonly FileState[], path: string): string | null {
  return files.find((each) => each.path === path)?.sha256 ?? null;
}
