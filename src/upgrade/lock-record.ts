import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import * as v from 'valibot';
import { parseJson } from '../contract/parse-json.js';
import { errorCode } from './file-errors.js';
import { readLockFile } from './own-files.js';

/** After how long a silent holder on another machine counts as dead. */
const silentMs = 5 * 60_000;
/** A lock file without readable content is one that is being written, or that a crash left half written. */
const unreadableMs = 10_000;

export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601, UTC */
  readonly since: string;
}

/** What stands in a lock file. */
export interface LockRecord extends LockHolder {
  readonly token: string;
  /** the space in which `pid` means something: the host and, in containers, the process namespace */
  readonly machine: string;
  /** tells two processes of one pid apart; null where the system does not tell */
  readonly born: string | null;
}

export function newRecord(): LockRecord {
  return { ...self(), token: randomBytes(8).toString('hex'), since: new Date().toISOString() };
}

/**
 * What a lock is called before it is one. The name says whose it is, since a process that is killed before it could write
 * its record leaves an empty file.
 */
export function candidateName(lock: string, { machine, pid, token }: LockRecord): string {
  return `${lock}.${machineKey(machine)}.${pid}.${token}`;
}

/** A name for something temporary of this process, which another one can tell to be left over: see `isLeftOver`. */
export function temporaryId(): string {
  const { machine, pid } = self();
  return `${machineKey(machine)}.${pid}.${randomBytes(6).toString('hex')}`;
}

const ownName = /(?:^|\.)([0-9a-f]{8})\.(\d+)\.[0-9a-f]+$/;

/** Whether a name ends as `temporaryId` and `candidateName` make it, of a process of this machine that is gone. */
export function isLeftOver(name: string): boolean {
  const [, machine, pid] = ownName.exec(name) ?? [];
  return machine === machineKey(self().machine) && birthOf(Number(pid)) === 'gone';
}

function machineKey(machine: string): string {
  return createHash('sha256').update(machine).digest('hex').slice(0, 8);
}

/** A lock file as it was found. */
export interface Found {
  readonly record: LockRecord | null;
  readonly modifiedMs: number;
  /** the token, or for an unreadable file what distinguishes it from its successors */
  readonly identity: string;
}

/**
 * Null where there is none.
 * @throws Failure('locked') for what is no file, or cannot be read
 */
export async function readRecord(path: string): Promise<Found | null> {
  const read = await readLockFile(path);
  if (read === null) return null;
  const { mtimeMs, ino } = read.found;
  const record = parseRecord(read.text);
  return { record, modifiedMs: mtimeMs, identity: record?.token ?? `${ino}-${Math.trunc(mtimeMs)}` };
}

const lockRecord: v.GenericSchema<unknown, LockRecord> = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  host: v.string(),
  since: v.string(),
  // it becomes part of a file name
  token: v.pipe(v.string(), v.regex(/^[0-9a-f]{1,64}$/)),
  machine: v.string(),
  born: v.nullish(v.string(), null),
});

/** Null for a record that is not whole: a lock file is empty for a moment where it could not be linked into place. */
export function parseRecord(text: string): LockRecord | null {
  try {
    return parseJson(text, lockRecord);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The locks of this process that it let go of and could not remove. */
const givenUp = new Set<string>();

/** Has a lock of this process count as that of a dead one from here on. Other processes see that when this one ends. */
export function giveUp({ token }: LockRecord): void {
  givenUp.add(token);
}

/** @param now by the clock of the file server, in milliseconds since 1970 */
export function isDead({ record, modifiedMs }: Found, now: number): boolean {
  if (record === null) return now - modifiedMs > unreadableMs;
  if (givenUp.has(record.token)) return true;
  if (record.machine !== self().machine) return now - modifiedMs > silentMs;
  // Pids start anew with the machine; a minute allows for a clock that was set at start-up.
  if (Date.parse(record.since) < Date.now() - uptime() * 1000 - 60_000) return true;
  const born = birthOf(record.pid);
  if (born === 'gone') return true;
  return born !== null && record.born !== null && born !== record.born;
}

/** Whether a file beside the lock was left by a process that is gone: by its record, or by its name where it is empty still. */
export function isDeadCandidate(name: string, found: Found, now: number): boolean {
  return (found.record === null && isLeftOver(name)) || isDead(found, now);
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

export function self(): Pick<LockRecord, 'pid' | 'host' | 'machine' | 'born'> {
  let namespace = '';
  try {
    if (process.platform === 'linux') namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // No /proc: the host's name alone must do.
  }
  const born = birthOf(process.pid);
  return { pid: process.pid, host: hostname(), machine: `${hostname()} ${namespace}`, born };
}
