import { randomBytes } from 'node:crypto';
import { rename, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure, messageOf } from '../contract/failure.js';
import { createFolder, removeFile, syncFolder, writeFileDurably } from '../upgrade/files.js';
import type { Ownership } from '../upgrade/permissions.js';
import type { TextChange } from './diff.js';

interface Draft {
  readonly change: TextChange;
  readonly place: string;
  readonly draft: string;
  readonly ownership: Ownership | null;
}

/**
 * Writes every text or none: all are written beside their places first, and then take them by a rename each. Where a rename
 * fails, those before it are undone.
 * @throws Failure('input') where writing is not possible; it says what is left
 */
export async function writeTexts(changes: readonly TextChange[], folder: string): Promise<void> {
  const drafts: Draft[] = [];
  const folders: string[] = [];
  let path = '';
  const discard = async () => {
    for (const { draft } of drafts) await removeFile(draft).catch(() => undefined);
    for (const each of folders.toReversed()) await rmdir(each).catch(() => undefined);
  };
  try {
    for (const change of changes) {
      ({ path } = change);
      const place = resolve(folder, path);
      folders.push(...(await createFolder(dirname(place))));
      const ownership = change.before === null ? null : await stat(place);
      const draft = join(dirname(place), `.${basename(place)}.${randomBytes(6).toString('hex')}.tmp`);
      drafts.push({ change, place, draft, ownership });
      await writeFileDurably(draft, Buffer.from(change.after), ownership ?? undefined);
    }
  } catch (error) {
    await discard();
    throw cannotWrite(path, error, []);
  }
  const done: Draft[] = [];
  try {
    for (const each of drafts) {
      ({ path } = each.change);
      await rename(each.draft, each.place);
      done.push(each);
    }
  } catch (error) {
    const left = await undo(done);
    await discard();
    throw cannotWrite(path, error, left);
  }
  for (const each of new Set(drafts.map(({ place }) => dirname(place)))) await syncFolder(each);
}

/** Restores what was replaced. Returns the paths for which that failed. */
async function undo(done: readonly Draft[]): Promise<string[]> {
  const left: string[] = [];
  for (const { change, place, draft, ownership } of done.toReversed()) {
    try {
      if (change.before === null) await removeFile(place);
      else {
        await writeFileDurably(draft, Buffer.from(change.before), ownership ?? undefined);
        await rename(draft, place);
      }
    } catch {
      left.push(change.path);
    }
  }
  return left;
}

/** @param left what was written and could not be restored */
function cannotWrite(path: string, error: unknown, left: readonly string[]): Failure {
  const restored = left.length === 0;
  const rest = restored ? '' : ` These were written and could not be restored: ${left.join(', ')}.`;
  return new Failure(
    'input',
    {
      what: `${path} cannot be written: ${messageOf(error)}.${rest}`,
      cure: "Check its folder's permissions and the disk.",
      ...(restored && { written: 'nothing' }),
    },
    { cause: error },
  );
}
