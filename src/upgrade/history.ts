import { Failure } from '../contract/failure.js';
import { type Change, effective, lineage, original, type RunRecord, readJournal, sha256Of } from './journal.js';
import { locateModel } from './location.js';
import { isPending, recover } from './recover.js';

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
  /** SHA-256 of every file of the model before and after; null where it did not exist, or is not known yet */
  readonly files: readonly { readonly path: string; readonly before: string | null; readonly after: string | null }[];
}

/**
 * What was done to a model, oldest first. What a crash left half done is recovered first, unless another run holds the lock:
 * then it may be that run's work and is listed as 'in progress'.
 * @throws Failure('input') when there is no such model
 * @throws Failure('locked') when the journal is not readable
 */
export async function history(modelPath: string): Promise<readonly HistoryEntry[]> {
  try {
    await recover(modelPath);
  } catch (error) {
    // Reading must be possible beside a run, and in a folder that this user may not write.
    if (!(error instanceof Failure)) throw error;
  }
  const { folder, entry } = await locateModel(modelPath);
  const changes = (await readJournal(folder)).filter((each) => each.entry === entry);
  const states = statesOf(effective(changes, entry));
  return changes.map((change) => ({
    id: change.id,
    kind: change.kind,
    when: change.when,
    state: states.get(change.id) ?? (isPending(change) ? 'in progress' : 'abandoned'),
    from: change.from,
    to: change.to,
    run: change.run,
    files: filesOf(change),
  }));
}

/** Follows the changes in their order; each may alter what its predecessors are called. */
function statesOf(changes: readonly Change[]): ReadonlyMap<string, HistoryState> {
  const states = new Map<string, HistoryState>();
  let current = original;
  for (const [index, change] of changes.entries()) {
    const leaves = lineage(changes.slice(0, index), current);
    const continues = change.from === current;
    for (const { id } of leaves) states.set(id, continues ? 'rolled back' : 'replaced');
    for (const { id } of lineage(changes.slice(0, index + 1), change.to)) states.set(id, 'superseded');
    states.set(change.to, 'current');
    if (change.kind === 'rollback') states.set(change.id, 'done');
    current = change.to;
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
