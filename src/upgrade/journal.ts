import { readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { Failure } from '../contract/failure.js';
import { parseJson } from '../contract/parse-json.js';
import { isAbsence, removeFile, syncFolder, writeFileDurably } from './files.js';
import { journalPath } from './location.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

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
  /** files that the new model no longer uses */
  readonly obsolete: readonly string[];
}

export const original = 'original';

const json: v.GenericSchema<unknown, Json> = v.lazy(() =>
  v.union([v.null(), v.boolean(), v.number(), v.string(), v.array(json), v.record(v.string(), json)]),
);

const fileState: v.GenericSchema<unknown, FileState> = v.object({
  path: v.string(),
  sha256: v.string(),
  bytes: v.number(),
  mode: v.number(),
});

const changeSchema: v.GenericSchema<unknown, Change> = v.object({
  // it names a folder that recovery may remove: nothing that leads elsewhere is let through
  id: v.pipe(v.string(), v.regex(/^[0-9A-Za-z-]+$/)),
  kind: v.picklist(['upgrade', 'rollback']),
  entry: v.string(),
  when: v.string(),
  state: v.picklist(['preparing', 'prepared', 'committed', 'complete', 'abandoned']),
  from: v.string(),
  to: v.string(),
  run: v.nullable(v.object({ runId: v.string(), toolVersion: v.string(), summary: json })),
  before: v.array(fileState),
  after: v.array(fileState),
  writes: v.array(v.string()),
  created: v.array(v.string()),
  createdFolders: v.array(v.string()),
  obsolete: v.array(v.string()),
});

const journalSchema = v.object({ version: v.literal(1), changes: v.array(changeSchema) });

/**
 * The changes of all models of a folder, oldest first; none where there is no journal.
 * @throws Failure('locked') when the file is not a journal
 */
export async function readJournal(folder: string): Promise<readonly Change[]> {
  const path = journalPath(folder);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
  try {
    return parseJson(text, journalSchema).changes;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const what =
      `The journal ${path} is not readable (${cause.message}): it was edited or cut short, or a newer version of this tool wrote it. ` +
      'The old bytes of the models are beside it in backups/.';
    const cure = 'Restore it, use the newer version, or move it away to begin a new history.';
    throw new Failure('locked', { what, cure }, { cause });
  }
}

/** Replaces the journal atomically and durably. */
export async function writeJournal(folder: string, changes: readonly Change[]): Promise<void> {
  const path = journalPath(folder);
  const draft = `${path}.tmp`;
  // A draft is only ever left behind by a crash; the lock says that nobody else is writing it.
  await removeFile(draft);
  await writeFileDurably(draft, new TextEncoder().encode(`${JSON.stringify({ version: 1, changes }, null, 2)}\n`));
  await rename(draft, path);
  await syncFolder(dirname(path));
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
  const line: Change[] = [];
  for (let at = version; at !== original; ) {
    const upgrade = changes.find((each) => each.id === at && each.kind === 'upgrade');
    if (upgrade === undefined) break;
    line.push(upgrade);
    at = upgrade.from;
  }
  return line;
}

export function sha256Of(files: readonly FileState[], path: string): string | null {
  return files.find((each) => each.path === path)?.sha256 ?? null;
}
