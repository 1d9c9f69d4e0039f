import { readFileSync, unlinkSync } from 'node:fs';
import { access, constants, type FileHandle, link, mkdir, open, readdir, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, type Fault } from '../contract/failure.js';
import { errorCode, explainFileError, isAbsence, isLinkRefusal } from './file-errors.js';
import { exists, removeFile, syncFolder } from './files.js';
import { frelu, locateModel, lockPath } from './location.js';
import {
  candidateName,
  giveUp,
  isDead,
  isDeadCandidate,
  type LockHolder,
  type LockRecord,
  newRecord,
  parseRecord,
  readRecord,
  self,
} from './lock-record.js';
import { checkOwnEntries } from './own-files.js';

/** How often a holder shows other machines that it is alive. */
const heartBeatMs = 10_000;

export interface LockOptions {
  /** how long to wait for another holder, in milliseconds (0: fail at once) */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /** called once, when the wait begins */
  readonly onWait?: (holder: LockHolder | null) => void;
}

/** The right to change the models of one folder. */
export interface Lock {
  readonly folder: string;
  /** false once another machine took the lock over because this one had been silent (asleep, cut off) for too long */
  isHeld(): Promise<boolean>;
  /** @throws Failure('locked') when `isHeld` is false */
  assertHeld(): Promise<void>;
  /**
   * Throws nothing, so that it hides no failure before it: a lock that cannot be removed counts as that of a dead process from then on,
   * and is removed when this one ends where it can be.
   */
  release(): Promise<void>;
}

/**
 * Takes the lock of the folder in which the model lives: `.frelu/lock`, a file that names its holder.
 * A holder of this machine whose process is gone, and one of another machine whose heart-beat stopped, lose it.
 * @throws Failure('locked') naming the holder, since when it holds, and the cure; or what stands there that is no lock
 * @throws Failure('input') when the model or its folder cannot be written
 * @throws Failure('interrupted') when `signal` is aborted during the wait
 */
export async function acquireLock(modelPath: string, options: LockOptions = {}): Promise<Lock> {
  const location = await locateModel(modelPath);
  // Renaming over a write-protected file would succeed and break a protection that somebody meant.
  if (await exists(location.path)) {
    try {
      await access(location.path, constants.W_OK);
    } catch (error) {
      throw explainFileError(error, location.path, null);
    }
  }
  const { folder } = location;
  await checkOwnEntries(folder);
  const path = lockPath(folder);
  const deadline = Date.now() + (options.waitMs ?? 0);
  let told = false;
  for (;;) {
    let claim: Claim;
    try {
      claim = await claimFile(path);
    } catch (error) {
      throw explainFileError(error, folder, null);
    }
    if (claim.kind === 'claimed') {
      await clearLitter(folder, claim).catch(() => undefined);
      return hold(folder, claim);
    }
    if (Date.now() >= deadline) throw new Failure('locked', describeHolder(folder, claim.by));
    if (!told) options.onWait?.(claim.by);
    told = true;
    try {
      await sleep(100 + Math.random() * 200, undefined, options.signal ? { signal: options.signal } : {});
    } catch (error) {
      const what = `Interrupted while waiting for the lock of ${folder}.`;
      throw new Failure('interrupted', { what, cure: 'Run again to wait anew.' }, { cause: error });
    }
  }
}

/** Runs `action` under `lock` where the caller holds one already, else under a lock of its own. */
export async function withLock<T>(
  modelPath: string,
  lock: Lock | undefined,
  action: (lock: Lock) => Promise<T>,
): Promise<T> {
  if (lock !== undefined) return action(lock);
  const own = await acquireLock(modelPath);
  try {
    return await action(own);
  } finally {
    await own.release();
  }
}

type Claim =
  | {
      readonly kind: 'claimed';
      readonly record: LockRecord;
      readonly file: FileHandle;
      readonly length: number;
      /** when that was, by the clock of the file server */
      readonly now: number;
    }
  | { readonly kind: 'held'; readonly by: LockRecord | null };

function hold(folder: string, { record, file, length }: Claim & { kind: 'claimed' }): Lock {
  const path = lockPath(folder);
  // Written, not touched: a write is dated by the clock of the file server, which is the one that other machines compare with.
  const beat = setInterval(() => {
    file.write(' ', length).catch(() => undefined);
  }, heartBeatMs);
  beat.unref();
  removeAtExit(record.token, path);
  const isHeld = async () => (await readRecord(path))?.record?.token === record.token;
  let released = false;
  return {
    folder,
    isHeld,
    async assertHeld() {
      if (await isHeld()) return;
      throw new Failure('locked', {
        what: `The lock of ${folder} was taken over by another run while this one was silent.`,
        cure: 'Run again when the other run has ended.',
      });
    },
    async release() {
      if (released) return;
      released = true;
      clearInterval(beat);
      await file.close().catch(() => undefined);
      try {
        if (await isHeld()) await removeFile(path);
      } catch {
        giveUp(record);
        return;
      }
      left.delete(record.token);
      // A run that changed nothing leaves no trace; a folder that holds anything stays.
      await rmdir(frelu(folder)).catch(() => undefined);
    },
  };
}

/** The locks that this process still has: token -> path. One listener for all, since a disk that refuses leaves one each time. */
const left = new Map<string, string>();

function removeAtExit(token: string, path: string): void {
  process.off('exit', removeLeft);
  process.once('exit', removeLeft);
  left.set(token, path);
}

function removeLeft(): void {
  for (const [token, path] of left) {
    try {
      if (parseRecord(readFileSync(path, 'utf8'))?.token === token) unlinkSync(path);
    } catch {
      // The next run recovers the lock of a process that is gone.
    }
  }
}

/**
 * Creates the lock file, or says who holds it. A complete file is linked into place, so no other process can see one
 * without its holder's name.
 *
 * A dead holder's file is removed under a lock of its own, named after the dead holder's token: of several
 * processes that find it, one removes it, and none can remove the successor's. That lock is broken the
 * same way if its holder dies.
 */
async function claimFile(path: string): Promise<Claim> {
  const patience = Date.now() + 2_000;
  for (;;) {
    const record = newRecord();
    const text = `${JSON.stringify(record)}\n`;
    const candidate = join(dirname(path), candidateName(basename(path), record));
    let draft: FileHandle;
    try {
      await makeOwnFolder(dirname(path));
      draft = await open(candidate, 'wx');
    } catch (error) {
      // A run that ends removes the empty folder between the two calls.
      if (isAbsence(error) && Date.now() < patience) continue;
      throw error;
    }
    let now: number;
    let file: FileHandle | null = null;
    try {
      await draft.write(text);
      now = (await draft.stat()).mtimeMs;
      file = await publish(draft, candidate, path, text);
    } finally {
      if (file !== draft) await draft.close();
      // what stays is cleared by the next one: the lock, once it is taken, is not lost for it
      await removeFile(candidate).catch(() => undefined);
    }
    if (file !== null) return { kind: 'claimed', record, file, length: Buffer.byteLength(text), now };

    const found = await readRecord(path);
    if (found === null) continue;
    if (!isDead(found, now)) return { kind: 'held', by: found.record };
    const guard = await claimFile(`${path}.${found.identity}.stale`);
    if (guard.kind === 'claimed') {
      try {
        if ((await readRecord(path))?.identity === found.identity) await removeFile(path);
      } finally {
        await guard.file.close();
        await removeFile(`${path}.${found.identity}.stale`);
      }
    } else if (Date.now() >= patience) {
      return { kind: 'held', by: found.record };
    } else {
      await sleep(10);
    }
  }
}

/** Makes `.frelu`, durable in the model's folder. */
async function makeOwnFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    throw error;
  }
  await syncFolder(dirname(folder));
}

/** Gives the drafted lock its name. Returns the open lock file, or null when another one stands there. */
async function publish(draft: FileHandle, candidate: string, path: string, text: string): Promise<FileHandle | null> {
  try {
    await link(candidate, path);
    return draft;
  } catch (error) {
    // ENOENT: a holder took the candidate for one that a crash had left
    if (errorCode(error) === 'EEXIST' || isAbsence(error)) return null;
    if (!isLinkRefusal(error)) throw error;
  }
  // Without hard links the file is visible before its content; readers allow for that.
  const direct = await open(path, 'wx').catch((error: unknown) => {
    if (errorCode(error) === 'EEXIST') return null;
    throw error;
  });
  try {
    await direct?.write(text);
    return direct;
  } catch (error) {
    await direct?.close();
    await removeFile(path);
    throw error;
  }
}

/** Removes what processes left beside the lock that were killed while they took it. The caller holds the lock. */
async function clearLitter(folder: string, { now }: Claim & { kind: 'claimed' }): Promise<void> {
  const root = frelu(folder);
  const lock = basename(lockPath(folder));
  for (const each of await readdir(root, { withFileTypes: true })) {
    if (!each.isFile() || !each.name.startsWith(`${lock}.`)) continue;
    const path = join(root, each.name);
    const found = await readRecord(path);
    if (found !== null && isDeadCandidate(each.name, found, now)) await removeFile(path);
  }
}

/** Whether a run is at work in the folder right now, as far as its lock tells. Reads only. */
export async function isLocked(folder: string): Promise<boolean> {
  const found = await readRecord(lockPath(folder));
  return found !== null && !isDead(found, Date.now());
}

function describeHolder(folder: string, by: LockRecord | null): Fault {
  const file = lockPath(folder);
  if (by === null) {
    return {
      what: `Another run is just taking the lock ${file}, or was killed while it did.`,
      cure: `Run again in a moment; if it stays so, and no run of frelu-migrate is at work there, delete ${file}.`,
    };
  }
  const holder = by.pid === process.pid && by.machine === self().machine ? 'this very process' : `process ${by.pid}`;
  return {
    what: `The models in ${folder} are locked by ${holder} on ${by.host} since ${by.since}.`,
    cure: `Wait until that run has ended, or end it; if process ${by.pid} on ${by.host} is not a run of frelu-migrate, delete ${file}.`,
  };
}
