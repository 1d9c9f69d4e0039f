import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { Failure } from '../contract/failure.js';
import { parseJson } from '../contract/parse-json.js';
import { type Change, type FileState, type Json, original } from './change.js';
import { removeFile, syncFolder, writeFileDurably } from './files.js';
import { whatIsWrong } from './journal-check.js';
import { journalPath } from './location.js';
import { checkOwnEntries, readJournalFile } from './own-files.js';

const json: v.GenericSchema<unknown, Json> = v.lazy(() =>
  v.union([v.null(), v.boolean(), v.number(), v.string(), v.array(json), v.record(v.string(), json)]),
);

/** As `changeId` makes them. They name folders and drafts that recovery removes, so nothing else is let through. */
const id = v.pipe(v.string(), v.regex(/^\d{8}T\d{6}Z-[0-9a-f]{6}$/));
const version = v.union([v.literal(original), id]);
const when = v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));

const fileState: v.GenericSchema<unknown, FileState> = v.object({
  path: v.string(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  mode: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)),
});

const changeSchema: v.GenericSchema<unknown, Change> = v.object({
  id,
  kind: v.picklist(['upgrade', 'rollback']),
  entry: v.string(),
  when,
  state: v.picklist(['preparing', 'prepared', 'committed', 'complete', 'abandoned']),
  from: version,
  to: version,
  run: v.nullable(v.object({ runId: v.string(), toolVersion: v.string(), summary: json })),
  before: v.array(fileState),
  after: v.array(fileState),
  writes: v.array(v.string()),
  created: v.array(v.string()),
  createdFolders: v.array(v.string()),
  obsolete: v.array(v.string()),
  // journals of earlier versions of this program do not have it
  pruned: v.optional(v.boolean(), false),
});

const journalSchema = v.object({ version: v.literal(1), changes: v.array(changeSchema) });

/** A new change's id: its time to the second, UTC, and what tells it from others of that second. */
export function changeId(time: Date, random: string): string {
  return `${time.toISOString().replace(/[-:]|\.\d+/g, '')}-${random}`;
}

/**
 * The changes of all models of a folder, oldest first; none where there is no journal.
 * @throws Failure('locked') when the file is not a journal, or one that this program would not write
 */
export async function readJournal(folder: string): Promise<readonly Change[]> {
  await checkOwnEntries(folder);
  const text = await readJournalFile(folder);
  if (text === null) return [];
  let changes: readonly Change[];
  try {
    changes = parseJson(text, journalSchema).changes;
  } catch (cause) {
    // a summary nested without end exhausts the stack
    if (!(cause instanceof SyntaxError || cause instanceof RangeError)) throw cause;
    const what =
      `The journal ${journalPath(folder)} is not readable (${cause.message}): it was edited or cut short, or a newer version of ` +
      'this tool wrote it. The old bytes of the models are beside it in backups/.';
    throw new Failure('locked', { what, cure: cureOfJournal, written: 'model-untouched' }, { cause });
  }
  const wrong = whatIsWrong(changes);
  if (wrong === null) return changes;
  const what = `The journal ${journalPath(folder)} is not one that this program wrote (${wrong}): nothing is done by it.`;
  throw new Failure('locked', { what, cure: cureOfJournal, written: 'model-untouched' });
}

const cureOfJournal = 'Restore it, use the newer version, or move it away to begin a new history.';

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
