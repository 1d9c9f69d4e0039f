import { randomBytes } from 'node:crypto';
import { lstat, rename } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { backUp } from './backup.js';
import { type Change, type FileState, type RunRecord, sha256Of } from './change.js';
import { type Draft, draftSideFile, type PlannedFile, placeSideFile, writeDraft } from './drafts.js';
import { explainFileError } from './file-errors.js';
import { type Checkpoint, exists, fingerprint, missingFolders, syncFolder } from './files.js';
import { changeId, readJournal } from './journal.js';
import type { ModelLocation } from './location.js';
import type { Lock } from './lock.js';
import { draftPath, refuseLinkedFolders, resolveInside } from './places.js';
import { finish, replaceChange, settle } from './recover.js';
import { usedByOthers } from './shared.js';
import { refuseTouched, type Sighting, stateOf } from './sighting.js';

export interface Plan {
  readonly location: ModelLocation;
  readonly kind: Change['kind'];
  readonly from: string;
  /** null: the version is the change's own id */
  readonly to: string | null;
  readonly run: RunRecord | null;
  readonly before: readonly Sighting[];
  /** the entry file, and every side file that is new; those of `before` that are neither here nor obsolete stay */
  readonly files: readonly PlannedFile[];
  readonly obsolete: readonly string[];
}

/**
 * Replaces the old model by the new one so that a reader and a crash at any moment find one of them whole:
 *
 * 1. the journal announces the change; the old bytes go into the backup
 * 2. new side files and the new entry file are written beside their places, as drafts
 * 3. the journal says `prepared`, with what each file shall hold; the side files get their names, which nothing refers to yet
 * 4. ONE rename puts the new entry file in place: the commit
 * 5. the journal says `committed`; files no longer used are removed; the journal says `complete`
 *
 * Each step is on the disk before the next begins. What fails before 4 is undone; what fails after is finished by
 * `recover`. A reader that opened the old entry file before 4 and comes for its side files after 5 finds them missing,
 * never mixed with new ones.
 *
 * The caller holds `lock`, and has just made sure of `before` with `sight`.
 * @throws Failure saying whether the old model stands or the new one
 */
export async function transact(plan: Plan, lock: Lock, checkpoint: Checkpoint = () => {}): Promise<Change> {
  const { folder, entry } = plan.location;
  const id = changeId(new Date(), randomBytes(3).toString('hex'));
  let change: Change | null = null;
  try {
    change = await announce(plan, id);
    await replaceChange(folder, change);
    // `.frelu` itself may be new, whoever made it
    await syncFolder(folder);
    await checkpoint('journal preparing');
    const drafts = await prepare(plan, change, checkpoint);

    // Whoever took the lock over may have begun a journal entry of its own.
    await lock.assertHeld();
    const states = drafts.map(({ state }) => state);
    change = { ...change, state: 'prepared', after: filesAfter(plan, change, states) };
    await replaceChange(folder, change);
    await checkpoint('journal prepared');

    await lock.assertHeld();
    for (const draft of drafts) {
      if (!draft.toPlace || draft.state.path === entry) continue;
      await placeSideFile({ folder, id, entry, before: plan.before }, draft);
      await checkpoint(`placed ${draft.state.path}`);
    }
    await lock.assertHeld();
    await refuseTouched(folder, plan.before);
    await rename(draftPath(folder, entry, id), join(folder, entry));
    await checkpoint('entry renamed');
    await syncFolder(folder);
    await checkpoint('entry durable');
    return await finish(folder, change, checkpoint);
  } catch (error) {
    return await endAfterFailure(plan, lock, change, error);
  }
}

/** Backs the old files up, and drafts the new ones, the entry file last. */
async function prepare(plan: Plan, change: Change, checkpoint: Checkpoint): Promise<readonly Draft[]> {
  const { folder, entry } = plan.location;
  const { id } = change;
  const drafting = { folder, id, entry, before: plan.before };
  const earlier = (await readJournal(folder)).filter((each) => each.id !== id && each.state !== 'preparing');
  const leaving = new Set([entry, ...change.obsolete]);
  await backUp({ folder, id, files: plan.before, leaving, earlier }, checkpoint);
  const drafts: Draft[] = [];
  for (const file of plan.files.filter((each) => each.path !== entry)) {
    drafts.push(await draftSideFile(drafting, file));
    await checkpoint(`wrote ${file.path}`);
  }
  const entryFile = plan.files.find((each) => each.path === entry);
  if (entryFile === undefined) throw new Error(`the entry file ${entry} is not among the files to write`);
  drafts.push({ state: await writeDraft(drafting, entryFile), toPlace: true });
  await checkpoint('entry drafted');
  return drafts;
}

/** Undoes what failed before the commit and ends what failed after it, as far as the disk lets it; then says which model stands. */
async function endAfterFailure(plan: Plan, lock: Lock, change: Change | null, error: unknown): Promise<Change> {
  const { folder, entry } = plan.location;
  let isCleared = change === null;
  try {
    // A run that lost its lock must not touch what its successor may be recovering.
    if (change !== null && (await lock.isHeld())) {
      const left = (await readJournal(folder)).find((each) => each.id === change.id);
      const outcome = left === undefined || left.state === 'complete' ? null : await settle(folder, left);
      if (left !== undefined && (outcome === 'finished' || left.state === 'complete')) {
        return { ...left, state: 'complete' };
      }
      isCleared = left === undefined || outcome === 'discarded';
    }
  } catch {
    // What caused the failure persists. The first error tells the user more than the second.
  }
  const stands = await fingerprint(join(folder, entry)).catch(() => null);
  if (stands === null) throw explainFileError(error, folder, 'model-whole');
  if (stands.sha256 !== sha256Of(plan.before, entry)) {
    const version = `${entry} is ${change?.to ?? 'another model'} now.`;
    throw explainFileError(error, folder, 'model-replaced', version);
  }
  throw explainFileError(error, folder, isCleared ? 'removed-again' : 'left-beside', `${entry} is ${plan.from} still.`);
}

async function announce(plan: Plan, id: string): Promise<Change> {
  const { folder, entry } = plan.location;
  const paths = [...plan.files.map(({ path }) => path), ...plan.obsolete];
  await refuseLinkedFolders(folder, paths, plan.kind === 'rollback' ? 'locked' : 'input');
  const created: string[] = [];
  const createdFolders = new Set<string>();
  for (const { path } of plan.files) {
    const place = resolveInside(folder, path);
    if (path === entry || (await exists(place))) continue;
    created.push(path);
    for (const each of await missingFolders(dirname(place)))
      createdFolders.add(relative(folder, each).replaceAll(sep, '/'));
  }
  return {
    id,
    kind: plan.kind,
    entry,
    when: new Date().toISOString(),
    state: 'preparing',
    from: plan.from,
    to: plan.to ?? id,
    run: plan.run,
    before: plan.before.map(stateOf),
    after: [],
    writes: plan.files.map((each) => each.path),
    created,
    createdFolders: [...createdFolders],
    obsolete: await removable(plan),
    pruned: false,
  };
}

/**
 * What of the obsolete files is the model's alone. A symbolic link stays: what it leads to belongs to somebody else, and an unused
 * link harms nobody; and what another model of the folder names stays, so that it loads as before.
 */
async function removable({ location, obsolete }: Plan): Promise<readonly string[]> {
  const places = new Map(obsolete.map((path) => [path, resolveInside(location.folder, path)]));
  const shared = await usedByOthers(location.path, [...places.values()]);
  const own: string[] = [];
  for (const [path, place] of places) {
    if (!shared.has(place) && (await lstat(place)).isFile()) own.push(path);
  }
  return own;
}

function filesAfter({ before, obsolete }: Plan, { obsolete: removed }: Change, written: readonly FileState[]) {
  const names = new Set([...written.map((each) => each.path), ...obsolete, ...removed]);
  return [...before.filter((each) => !names.has(each.path)).map(stateOf), ...written].toSorted((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

/** The files that a change wrote, with what they hold now. */
export function writtenFiles(change: Change): readonly { readonly path: string; readonly sha256: string }[] {
  return change.after
    .filter(({ path, sha256 }) => sha256Of(change.before, path) !== sha256)
    .map(({ path, sha256 }) => ({ path, sha256 }));
}
