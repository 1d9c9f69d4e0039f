import { join } from 'node:path';
import { type Change, effective, isPending, original, type RunRecord, sha256Of } from './change.js';
import { fingerprint } from './files.js';
import { readJournal } from './journal.js';
import { locateModel } from './location.js';
import { isLocked } from './lock.js';

type HistoryState =
  /** an upgrade: the model is what it made */
  | 'current'
  /** an upgrade on which the current one builds */
  | 'superseded'
  /** an upgrade that a rollback undid; its files are kept and can be restored */
  | 'rolled back'
  /** an upgrade whose model was then replaced by other means than this tool */
  | 'replaced'
  /** a rollback that took effect */
  | 'done'
  /** another run is at work on it right now */
  | 'in progress'
  /** cut short by a crash before it took effect: the next change of the model clears it away */
  | 'interrupted'
  /** cut short by a crash, and replaced by other means before it could be recovered */
  | 'abandoned';

export interface HistoryEntry {
  /** for an upgrade also the name of the version that it made */
  readonly id: string;
  readonly kind: 'upgrade' | 'rollback';
  /** ISO 8601, UTC */
  readonly when: string;
  readonly state: HistoryState;
  /** the versions before and after: 'original' or the id of an upgrade */
  readonly from: string;
  readonly to: string;
  /** null for a rollback */
  readonly run: RunRecord | null;
  /** whether the backup that it made was freed: the version before it can be restored only where another backup holds its files */
  readonly pruned: boolean;
  /** SHA-256 of every file of the model before and after; null where it did not exist, or is not known yet */
  readonly files: readonly { readonly path: string; readonly before: string | null; readonly after: string | null }[];
}

/**
 * What was done to a model, oldest first. Reads, and writes nothing: what a crash left half done is told as it stands, and cleared up
 * by the next change of the model.
 * @throws Failure('input') when there is no such model
 * @throws Failure('locked') when the journal is not readable, or not one that this program wrote
 */
export async function history(modelPath: string): Promise<readonly HistoryEntry[]> {
  const { folder, entry } = await locateModel(modelPath);
  const journal = (await readJournal(folder)).filter((each) => each.entry === entry);
  const locked = journal.some(isPending) && (await isLocked(folder));
  const changes = locked ? journal : await Promise.all(journal.map((each) => asItStands(folder, each)));
  const states = statesOf(effective(changes, entry));
  return changes.map((change) => ({
    id: change.id,
    kind: change.kind,
    when: change.when,
    state: states.get(change.id) ?? unfinished(change, locked),
    from: change.from,
    to: change.to,
    run: change.run,
    pruned: change.pruned,
    files: filesOf(change),
  }));
}

/** The entry file decides whether a change took effect, also where a crash came before the journal could say so. */
async function asItStands(folder: string, change: Change): Promise<Change> {
  if (change.state !== 'prepared') return change;
  const stands = (await fingerprint(join(folder, change.entry)))?.sha256;
  return stands === sha256Of(change.after, change.entry) ? { ...change, state: 'committed' } : change;
}

function unfinished(change: Change, locked: boolean): HistoryState {
  if (!isPending(change)) return 'abandoned';
  return locked ? 'in progress' : 'interrupted';
}

/**
 * Follows the changes in their order; each may alter what its predecessors are called: those that it leaves, from the present version
 * up to where the line of its own begins, and those of that line. The rest of the line stays what it was.
 */
function statesOf(changes: readonly Change[]): ReadonlyMap<string, HistoryState> {
  const states = new Map<string, HistoryState>();
  const above = new Map<string, string>();
  /** the upgrades that lead to the present version */
  const line = new Set<string>();
  let current = original;
  for (const { id, kind, from, to } of changes) {
    if (kind === 'upgrade') above.set(id, from);
    const entered: string[] = [];
    let meeting: string | undefined = to;
    for (; meeting !== undefined && !line.has(meeting); meeting = above.get(meeting)) entered.push(meeting);
    const left = from === current ? 'rolled back' : 'replaced';
    for (let at: string | undefined = current; at !== undefined && at !== meeting; at = above.get(at)) {
      line.delete(at);
      states.set(at, left);
    }
    for (const each of entered) if (above.has(each)) line.add(each);
    for (const each of meeting === undefined ? entered : [meeting, ...entered]) states.set(each, 'superseded');
    states.set(to, 'current');
    if (kind === 'rollback') states.set(id, 'done');
    current = to;
  }
  return states;
}

function filesOf(change: Change): HistoryEntry['files'] {
  const paths = new Set([...change.before, ...change.after].map((each) => each.path));
  return [...paths].toSorted().map((path) => ({
    path,
    before: sha256Of(change.before, path),
    after: sha256Of(change.after, path),
  }));
}
