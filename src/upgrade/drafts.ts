import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../contract/failure.js';
import type { FileState } from './change.js';
import { createFolder, type FileContent, fingerprint, removeFile, syncFolder, writeFileDurably } from './files.js';
import { noWiderThan, type Ownership } from './permissions.js';
import { draftPath, resolveInside } from './places.js';
import { type Sighting, stateOf } from './sighting.js';

/** A file that the new model shall have. `sha256` and `mode` where they are known beforehand. */
export interface PlannedFile {
  readonly path: string;
  readonly content: FileContent;
  readonly sha256?: string;
  readonly mode?: number;
}

/** Where drafts are written, and beside what. */
interface Drafting {
  readonly folder: string;
  /** of the change */
  readonly id: string;
  readonly entry: string;
  readonly before: readonly Sighting[];
}

/** A file that is written beside its place, on the disk and read back. */
export interface Draft {
  readonly state: FileState;
  /** false: its bytes stand in its place already */
  readonly toPlace: boolean;
}

/**
 * Writes a side file beside its future place. Nothing is there under its own name yet.
 * @throws Failure('input') where something else stands in its place
 */
export async function draftSideFile(drafting: Drafting, file: PlannedFile): Promise<Draft> {
  const { folder, before, id } = drafting;
  const place = resolveInside(folder, file.path);
  const copiesItself = 'copyOf' in file.content && file.content.copyOf === place;
  const known = before.find((each) => each.path === file.path);
  if (copiesItself && known !== undefined) return { state: stateOf(known), toPlace: false };
  await createFolder(dirname(place));
  const state = await writeDraft(drafting, file);
  const standing = await fingerprint(place);
  if (standing === null) return { state, toPlace: true };
  await removeFile(draftPath(folder, file.path, id));
  if (standing.sha256 === state.sha256) return { state, toPlace: false };
  if (known !== undefined) {
    // Overwriting it would change the old model before the commit.
    throw new Error(`the side file ${file.path} gets new content under its old name; it needs a name of its own`);
  }
  throw inTheWay(place);
}

/** Gives a drafted side file its name, which nothing refers to yet. */
export async function placeSideFile({ folder, id }: Drafting, { state }: Draft): Promise<void> {
  const place = resolveInside(folder, state.path);
  if ((await fingerprint(place)) !== null) throw inTheWay(place);
  await rename(draftPath(folder, state.path, id), place);
  await syncFolder(dirname(place));
}

function inTheWay(place: string): Failure {
  return new Failure('input', {
    what: `${place} is in the way: it is no part of the model and holds something else than what must be written there.`,
    cure: 'Move it away and run again.',
  });
}

/** Writes a file beside its future place, and reads it back: what is committed is what the disk returned. */
export async function writeDraft(drafting: Drafting, file: PlannedFile): Promise<FileState> {
  const { folder, id } = drafting;
  const draft = draftPath(folder, file.path, id);
  const ownership = ownershipOf(drafting, file);
  await writeFileDurably(draft, file.content, ownership);
  const found = await fingerprint(draft);
  if (found === null) throw new Error(`the draft ${draft} has vanished`);
  if (file.sha256 !== undefined && found.sha256 !== file.sha256) {
    throw new Failure('locked', {
      what: `The kept bytes of ${file.path} in ${folder} are damaged: SHA-256 ${found.sha256}, not ${file.sha256}.`,
      cure: 'Restore .frelu/backups from a backup of your own.',
    });
  }
  return { path: file.path, ...found, mode: ownership.mode };
}

/**
 * The entry file's owner and permissions, without what any file of the old model keeps from a group or from others: weights move
 * between files. A file that is restored gets the permissions that it had.
 */
function ownershipOf({ entry, before }: Drafting, file: PlannedFile): Ownership {
  const owner = before.find((each) => each.path === entry);
  if (owner === undefined) throw new Error(`the entry file ${entry} is not among the files that were found`);
  const { mode, uid, gid } = owner;
  return { mode: file.mode ?? noWiderThan({ mode, gid }, before), uid, gid };
}
