import { Failure, type Fault, type Written } from '../contract/failure.js';

/** The `code` of a system error ('ENOSPC'), or null for anything else that is thrown. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = errorCode(error);
  return code !== null && codes.includes(code);
}

interface Refusal {
  readonly why: string;
  /** a sentence without its full stop */
  readonly cure: string;
  /** another way, for what can be written elsewhere too */
  readonly elsewhere?: string;
}

/** Why a file system refuses, and what to do about it. */
const refusals: ReadonlyMap<string, Refusal> = new Map([
  ['ENOSPC', { why: 'the disk is full', cure: 'Free some space', elsewhere: 'write to another disk' }],
  ['EDQUOT', { why: 'the disk quota is used up', cure: 'Free some space', elsewhere: 'write to another disk' }],
  [
    'EFBIG',
    {
      why: 'the file is larger than this file system allows',
      cure: 'Move the model to a file system that allows it',
      elsewhere: 'write to another disk',
    },
  ],
  ['EACCES', { why: 'this user may not write there', cure: 'Change the permissions', elsewhere: 'write elsewhere' }],
  ['EPERM', { why: 'this user may not write there', cure: 'Change the permissions', elsewhere: 'write elsewhere' }],
  ['EROFS', { why: 'the file system is read-only', cure: 'Mount it writable', elsewhere: 'write elsewhere' }],
  ['EIO', { why: 'the disk reports an input/output error', cure: 'Check the disk' }],
  ['EBUSY', { why: 'the file is in use by another program', cure: 'Close it there and run again' }],
  ['EMFILE', { why: 'too many files are open', cure: 'Raise the limit (ulimit -n) and run again' }],
  ['ENFILE', { why: 'too many files are open on this machine', cure: 'Close some programs and run again' }],
  ['ELOOP', { why: 'links lead in a circle there', cure: 'Remove them' }],
  ['ENAMETOOLONG', { why: 'the name is too long for this file system', cure: 'Move the model to a shorter path' }],
]);

/**
 * Says in a user's terms why the file system refused, and with `written` what is on the disk now; a Failure that does not say
 * what was written is told it. Any other error that is not the environment's fault comes back as it is: it is a defect and
 * must look like one.
 * @param more a sentence on what became of the files, where `written` does not say it all
 */
export function explainFileError(error: unknown, path: string, written: Written | null, more?: string): unknown {
  const known = written === null ? {} : { written };
  if (error instanceof Failure && error.written === null) {
    const { kind, what, cure, settings } = error;
    return new Failure(kind, { what, cure, settings, ...known }, { cause: error });
  }
  const code = errorCode(error);
  const refusal = code === null ? undefined : refusals.get(code);
  if (refusal === undefined) return error;
  const { why, cure, elsewhere } = refusal;
  const what = [`${path} cannot be written: ${why}.`, ...(more === undefined ? [] : [more])].join(' ');
  const remedy: Pick<Fault, 'cure' | 'settings'> =
    elsewhere === undefined ? { cure: `${cure}.` } : { cure: `${cure}, or ${elsewhere}.`, settings: ['out'] };
  return new Failure('input', { what, ...remedy, ...known }, { cause: error });
}

/**
 * The failure of what can be done in its place alone, as a rollback: its cure does not speak of writing elsewhere. Anything else that
 * is thrown comes back as it is.
 */
export function withoutElsewhere(error: unknown): unknown {
  if (!(error instanceof Failure) || !error.settings.includes('out')) return error;
  const code = systemCode(error);
  const refusal = code === null ? undefined : refusals.get(code);
  if (refusal === undefined) return error;
  const { kind, what, written } = error;
  const cure = `${refusal.cure}.`;
  return new Failure(kind, { what, cure, ...(written !== null && { written }) }, { cause: error });
}

/** Of the system error at the root of what was thrown. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  return errorCode(error) ?? systemCode(error.cause);
}

export function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** For `catch`: null where what was asked for is not there. */
export function absentIsNull(error: unknown): null {
  if (isAbsence(error)) return null;
  throw error;
}

/** Whether the file system cannot make this hard link (FAT, some network shares, across mounts, too many links). */
export function isLinkRefusal(error: unknown): boolean {
  return hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK', 'EACCES');
}

const ofMachine: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ESTALE',
]);

/** Whether it is the machine or its disk that refuses, at the root of what was thrown: elsewhere the same may succeed. */
export function isOfMachine(error: unknown): boolean {
  const code = systemCode(error);
  return code !== null && ofMachine.has(code);
}
