import { ExecutionError, exitCodes, Failure, messageOf } from '../contract/failure.js';

/** Errors of the file system that are the user's to cure, wherever they surface. */
const fileErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder. Check the path.',
  EACCES: 'access is denied. Check its permissions.',
  EPERM: 'the system does not allow it. Check its permissions.',
  EISDIR: 'this is a folder. Name a file.',
  ENOTDIR: 'a part of this path is a file, not a folder. Check the path.',
  ENOSPC: 'the disk is full. Make room.',
  EROFS: 'the disk is read-only. Choose another place.',
  EMFILE: 'too many files are open. Raise the limit (ulimit -n).',
};

export interface Explanation {
  readonly code: number;
  /** for stderr, without a line feed at its end */
  readonly text: string;
}

/**
 * What a user reads when a command fails: the message, whether anything was written, and how to report what is not their doing.
 * @param written what the command has written so far, as a sentence; left out where the message says it itself
 * @param debug adds the stack trace with its causes
 */
export function explainError(error: unknown, written: string, debug: boolean): Explanation {
  const { code, message } = classify(error);
  const said = saysWhatWasWritten(message) ? message : `${message} ${written}`;
  return { code, text: `frelu-migrate: ${said}${debug ? `\n\n${stackOf(error)}` : ''}` };
}

function classify(error: unknown): { code: number; message: string } {
  if (error instanceof Failure) return { code: exitCodes[error.kind], message: error.message };
  const message = messageOf(error);
  if (error instanceof ExecutionError) {
    return {
      code: exitCodes.input,
      message: `ONNX Runtime loaded the model, but could not run it: ${message}\nAnother device may do (--device cpu).`,
    };
  }
  if (isFileError(error)) {
    return { code: exitCodes.input, message: `${error.path}: ${fileErrors[error.code] ?? message}` };
  }
  return {
    code: 1,
    message:
      `something went wrong that is a defect of this program, not of your input: ${message}\n` +
      'Please report it with the command line and the output of the same command with --debug.',
  };
}

function isFileError(error: unknown): error is Error & { code: string; path: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code in fileErrors &&
    'path' in error &&
    typeof error.path === 'string'
  );
}

/** "Nothing was written", "The model is untouched", "The rollback was written"; but not "it cannot be written". */
function saysWhatWasWritten(message: string): boolean {
  return /\b(nothing|was|were|is|been)( not)? (written|untouched|left behind)|\breplaced already\b/i.test(message);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}
