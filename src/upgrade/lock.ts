import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { access, constants, type FileHandle, link, mkdir, open, readFile, rmdir, stat } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { Failure, type Fault } from '../contract/failure.js';
import { parseJson } from '../contract/parse-json.js';
import { errorCode, exists, explainFileError, isAbsence, isLinkRefusal, removeFile } from './files.js';
import { frelu, locateModel, lockPath } from './location.js';

/** How often a holder shows other machines that it is alive, and after how long a silent one counts as dead. */
const heartBeatMs = 10_000;
const silentMs = 5 * 60_000;
/** A lock file without readable content is one that is being written, or that a crash left half written. */
const unreadableMs = 10_000;

interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601, UTC */
  readonly since: string;
}

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
  release(): Promise<void>;
}

interface LockRecord extends LockHolder {
  readonly token: string;
  /** the space in which `pid` means something: the host and, in containers, the process namespace */
  readonly machine: string;
  /** tells two processes of one pid apart; null where the system does not tell */
  readonly born: string | null;
}

/**
 * Takes the lock of the folder in which the model lives: `.frelu/lock`, a file that names its holder.
 * A holder of this machine whose process is gone, and one of another machine whose heart-beat stopped, lose it.
 * @throws Failure('locked') naming the holder, since when it holds, and the cure
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
    if (claim.kind === 'claimed') return hold(folder, claim);
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
  | { readonly kind: 'claimed'; readonly record: LockRecord; readonly file: FileHandle; readonly length: number }
  | { readonly kind: 'held'; readonly by: LockRecord | null };

function hold(folder: string, { record, file, length }: Claim & { kind: 'claimed' }): Lock {
  const path = lockPath(folder);
  // Written, not touched: a write is dated by the clock of the file server, which is the one that other machines compare with.
  const beat = setInterval(() => {
    file.write(' ', length).catch(() => undefined);
  }, heartBeatMs);
  beat.unref();
  const removeOnExit = () => {
    try {
      if (parseRecord(readFileSync(path, 'utf8'))?.token === record.token) unlinkSync(path);
    } catch {
      // The next run recovers the lock of a process that is gone.
    }
  };
  process.once('exit', removeOnExit);
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
      process.off('exit', removeOnExit);
      await file.close();
      if (await isHeld()) await removeFile(path);
      // A run that changed nothing leaves no trace; a folder that holds anything stays.
      await rmdir(frelu(folder)).catch(() => undefined);
    },
  };
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
    const record: LockRecord = { ...self(), token: randomBytes(8).toString('hex'), since: new Date().toISOString() };
    const text = `${JSON.stringify(record)}\n`;
    const candidate = `${path}.${record.token}`;
    let draft: FileHandle;
    try {
      await mkdir(dirname(path), { recursive: true });
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
      await removeFile(candidate);
    }
    if (file !== null) return { kind: 'claimed', record, file, length: Buffer.byteLength(text) };

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

/** Gives the drafted lock its name. Returns the open lock file, or null when another one stands there. */
async function publish(draft: FileHandle, candidate: string, path: string, text: string): Promise<FileHandle | null> {
  try {
    await link(candidate, path);
    return draft;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return null;
    if (!isLinkRefusal(error)) throw error;
  }
  // Without hard links the file is visible before its content; readers allow for that (`unreadableMs`).
  try {
    const direct = await open(path, 'wx');
    await direct.write(text);
    return direct;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return null;
    throw error;
  }
}

interface Found {
  readonly record: LockRecord | null;
  readonly modifiedMs: number;
  /** the token, or for an unreadable file what distinguishes it from its successors */
  readonly identity: string;
}

async function readRecord(path: string): Promise<Found | null> {
  try {
    const { mtimeMs, ino } = await stat(path);
    const record = parseRecord(await readFile(path, 'utf8'));
    return { record, modifiedMs: mtimeMs, identity: record?.token ?? `${ino}-${Math.trunc(mtimeMs)}` };
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

const lockRecord: v.GenericSchema<unknown, LockRecord> = v.object({
  pid: v.number(),
  host: v.string(),
  since: v.string(),
  // it becomes part of a file name
  token: v.pipe(v.string(), v.regex(/^[0-9a-f]+$/)),
  machine: v.string(),
  born: v.nullish(v.string(), null),
});

/** Null for a record that is not whole: a lock file is empty for a moment where it could not be linked into place. */
function parseRecord(text: string): LockRecord | null {
  try {
    return parseJson(text, lockRecord);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isDead({ record, modifiedMs }: Found, now: number): boolean {
  if (record === null) return now - modifiedMs > unreadableMs;
  if (record.machine !== self().machine) return now - modifiedMs > silentMs;
  // Pids start anew with the machine; a minute allows for a clock that was set at start-up.
  if (Date.parse(record.since) < Date.now() - uptime() * 1000 - 60_000) return true;
  const born = birthOf(record.pid);
  if (born === 'gone') return true;
  return born !== null && record.born !== null && born !== record.born;
}

/** When a process was born, in a form that no other process of that pid shares; null where the system does not tell. */
function birthOf(pid: number): string | 'gone' | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if (errorCode(error) === 'ESRCH') return 'gone';
  }
  if (process.platform !== 'linux') return null;
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may hold spaces; the state follows it, the start time is 19 fields further on.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const { 0: state, 19: started } = fields;
    if (state === 'Z' || state === 'X') return 'gone';
    if (started === undefined) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${started}`;
  } catch {
    return null;
  }
}

function self(): Pick<LockRecord, 'pid' | 'host' | 'machine' | 'born'> {
  let namespace = '';
  try {
    if (process.platform === 'linux') namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // No /proc: the host's name alone must do.
  }
  const born = birthOf(process.pid);
  return { pid: process.pid, host: hostname(), machine: `${hostname()} ${namespace}`, born };
}

function describeHolder(folder: string, by: LockRecord | null): Fault {
  const file = lockPath(folder);
  if (by === null) return { what: `Another run is just taking the lock ${file}.`, cure: 'Run again in a moment.' };
  const holder = by.pid === process.pid && by.machine === self().machine ? 'this very process' : `process ${by.pid}`;
  return {
    what: `The models in ${folder} are locked by ${holder} on ${by.host} since ${by.since}.`,
    cure: `Wait until that run has ended, or end it; if process ${by.pid} on ${by.host} is not a run of frelu-migrate, delete ${file}.`,
  };
}
