/**
 * Put before a program (`node --import`): counts the changes that it makes on the file system below FAULT_FOLDER, and at the one
 * numbered FAULT_AT kills the process, or fails it and all that follow with the code FAULT_CODE. With FAULT_LOG it notes each.
 */
import fs, { appendFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const { FAULT_FOLDER = '', FAULT_AT = '0', FAULT_CODE, FAULT_LOG: log } = process.env;

export interface Faults {
  /** changes elsewhere pass; '': none is looked at */
  folder: string;
  /** the number of the first change that does not come to pass; 0: all do */
  at: number;
  /** undefined: the process is killed */
  code: string | undefined;
  /** how many changes there were */
  count: number;
}

export const faults: Faults = { folder: FAULT_FOLDER, at: Number(FAULT_AT), code: FAULT_CODE, count: 0 };

/** Called before each change. */
function reach(operation: string, path: unknown): void {
  const { folder, at, code } = faults;
  if (folder === '' || typeof path !== 'string' || !path.startsWith(folder)) return;
  faults.count++;
  if (log !== undefined) appendFileSync(log, `${operation} ${path.slice(folder.length + 1)}\n`);
  if (at === 0 || faults.count < at) return;
  if (code === undefined) process.kill(process.pid, 'SIGKILL');
  throw Object.assign(new Error(`${code}: ${operation}`), { code, path });
}

/** Which of its arguments says where a change is made. */
const changes = { rename: 1, link: 1, unlink: 0, rmdir: 0, mkdir: 0, chmod: 0, chown: 0, copyFile: 1, rm: 0 } as const;
const handleChanges = ['write', 'sync', 'datasync', 'chmod', 'chown'] as const;

type Call = (...given: unknown[]) => unknown;

/** Replaces a method by one that passes `before` first; a thrown fault is a rejection, as from the file system. */
function precede(object: object, name: string, before: (given: readonly unknown[]) => void): void {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== 'function') throw new TypeError(`there is no ${name}`);
  const call: Call = async (...given) => {
    before(given);
    return Reflect.apply(original, object, given);
  };
  Reflect.set(object, name, call);
}

for (const [name, argument] of Object.entries(changes)) {
  precede(fs.promises, name, (given) => reach(name, given[argument]));
}

const { open } = fs.promises;
const opened: typeof open = async (path, flags, mode) => {
  const writes = typeof flags === 'string' && /[wax+]/.test(flags);
  if (writes) reach('open', path);
  const handle: FileHandle = await open(path, flags, mode);
  for (const name of handleChanges) {
    // a folder, which is opened for reading, is flushed too
    if (writes || name === 'sync') precede(handle, name, () => reach(name, path));
  }
  return handle;
};
fs.promises.open = opened;
// what imports a function by its name gets the new one
syncBuiltinESMExports();
