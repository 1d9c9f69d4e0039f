import { readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../contract/failure.js';
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
    const value: unknown = JSON.parse(text);
    const journal = record(value, 'journal');
    if (journal.version !== 1) throw new SyntaxError(`version ${String(journal.version)} is not known`);
    return list(journal.changes, 'changes', parseChange);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(
      'locked',
      `The journal ${path} is not readable (${error.message}): it was edited, or a newer version of this tool wrote it. ` +
        'Restore it, use the newer version, or move it away to begin a new history; ' +
        'the old bytes of the models stay beside it in backups/. Nothing was written.',
      { cause: error },
    );
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

function parseChange(value: unknown): Change {
  const change = record(value, 'change');
  return {
    id: safeId(change.id),
    kind: oneOf(change.kind, ['upgrade', 'rollback']),
    entry: text(change.entry, 'entry'),
    when: text(change.when, 'when'),
    state: oneOf(change.state, ['preparing', 'prepared', 'committed', 'complete', 'abandoned']),
    from: text(change.from, 'from'),
    to: text(change.to, 'to'),
    run: change.run === null ? null : parseRun(change.run),
    before: list(change.before, 'before', parseFile),
    after: list(change.after, 'after', parseFile),
    writes: list(change.writes, 'writes', (each) => text(each, 'writes')),
    created: list(change.created, 'created', (each) => text(each, 'created')),
    createdFolders: list(change.createdFolders, 'createdFolders', (each) => text(each, 'createdFolders')),
    obsolete: list(change.obsolete, 'obsolete', (each) => text(each, 'obsolete')),
  };
}

function parseRun(value: unknown): RunRecord {
  const run = record(value, 'run');
  return {
    runId: text(run.runId, 'runId'),
    toolVersion: text(run.toolVersion, 'toolVersion'),
    summary: json(run.summary),
  };
}

function parseFile(value: unknown): FileState {
  const file = record(value, 'file');
  return {
    path: text(file.path, 'path'),
    sha256: text(file.sha256, 'sha256'),
    bytes: number(file.bytes, 'bytes'),
    mode: number(file.mode, 'mode'),
  };
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyntaxError(`${name} is not an object`);
  }
  return Object.fromEntries(Object.entries(value));
}

function list<T>(value: unknown, name: string, parse: (each: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new SyntaxError(`${name} is not a list`);
  return value.map((each: unknown) => parse(each));
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new SyntaxError(`${name} is not a text`);
  return value;
}

function number(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new SyntaxError(`${name} is not a number`);
  return value;
}

/** The id names a folder that recovery may remove, so nothing but what `newId` makes is let through. */
function safeId(value: unknown): string {
  const id = text(value, 'id');
  if (!/^[0-9A-Za-z-]+$/.test(id)) throw new SyntaxError(`the id ${JSON.stringify(id)} is not one`);
  return id;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new SyntaxError(`${JSON.stringify(value)} is not one of ${allowed.join(', ')}`);
  return found;
}

function json(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') {
    return value;
  }
  if (Array.isArray(value)) return value.map(json);
  if (typeof value !== 'object') throw new SyntaxError('summary is not JSON');
  return Object.fromEntries(Object.entries(value).map(([key, each]): [string, Json] => [key, json(each)]));
}
