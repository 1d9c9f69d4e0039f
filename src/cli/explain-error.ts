import { ExecutionError, exitCodes, Failure, messageOf, type Written } from '../contract/failure.js';
import { printable, printableLines } from '../printable.js';
import { flagOf } from './flags.js';

/** Errors of the file system that are the user's to cure, wherever they surface. */
const fileErrors: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder. Check the path.'],
  ['EACCES', 'access is denied. Check its permissions.'],
  ['EPERM', 'the system does not allow it. Check its permissions.'],
  ['EISDIR', 'this is a folder. Name a file.'],
  ['ENOTDIR', 'a part of this path is a file, not a folder. Check the path.'],
  ['ENOSPC', 'the disk is full. Make room.'],
  ['EDQUOT', 'the disk quota is used up. Make room.'],
  ['EFBIG', 'the file is larger than this file system allows. Choose another place.'],
  ['EROFS', 'the disk is read-only. Choose another place.'],
  ['EIO', 'the disk reports an input/output error. Check the disk.'],
  ['ENAMETOOLONG', 'the name is too long for this file system. Choose a shorter one.'],
  ['ELOOP', 'its links lead in a circle. Name the file itself.'],
  ['EMFILE', 'too many files are open. Raise the limit (ulimit -n).'],
  ['ENFILE', 'too many files are open on this machine. Close some programs.'],
  ['ENOMEM', 'memory does not suffice. Close some programs, or use a larger machine.'],
  ['EEXIST', 'something stands there already. Move it away, or name another place.'],
  ['ENOTEMPTY', 'a folder with files in it stands there. Move it away, or name another place.'],
  ['EBUSY', 'another program has it in use. Close it there.'],
  ['ETXTBSY', 'another program has it in use. Close it there.'],
  ['ESTALE', 'the network drive lost it. Mount it again.'],
  ['ENXIO', 'this is no file whose bytes can be read. Name a file.'],
  ['ENODEV', 'this is no file whose bytes can be read. Name a file.'],
]);

/** Errors that are about the place where something is put. */
const inTheWay: ReadonlySet<string> = new Set(['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY']);

const writtenSentences: Readonly<Record<Written, string>> = {
  nothing: 'Nothing was written.',
  'model-untouched': 'The model is untouched.',
  'removed-again': 'The model is untouched, and what had been written meanwhile is removed again.',
  'left-beside':
    'The model is untouched; what had been written beside it is cleared away by the next migration or rollback of it.',
  'model-whole': 'The model is whole, old or new; the next migration or rollback of it finishes what was begun.',
  'model-replaced': 'The new model is in place, whole; the next migration or rollback of it completes the journal.',
  'model-restored': 'The rollback was written.',
  'files-replaced': 'The other files are as they were.',
};

export interface Explanation {
  readonly code: number;
  /** for stderr, without a line feed at its end */
  readonly text: string;
}

/**
 * What a user reads when a command fails: what is wrong and what to do, whether anything was written, and how to report what is
 * not their doing.
 * @param written what the command has written so far, as a sentence; for failures that do not know it themselves
 * @param debug adds the stack trace with its causes
 */
export function explainError(error: unknown, written: string, debug: boolean): Explanation {
  const { code, message } =
    error instanceof Failure ? explainFailure(error, written) : explainOther(error, printable(written));
  return { code, text: `frelu-migrate: ${message}${debug ? `\n\n${printableLines(stackOf(error))}` : ''}` };
}

/** In characters: a message may list all that a file holds, which may be a million names. */
const longest = 4000;

/** A text without its middle where nobody would read it to its end, which says as much as its beginning. */
function shortened(text: string): string {
  if (text.length <= longest) return text;
  const [head, tail] = [text.slice(0, longest / 2), text.slice(-longest / 4)];
  return `${head} [${text.length - head.length - tail.length} characters more] ${tail}`;
}

function explainFailure(failure: Failure, sentence: string): { code: number; message: string } {
  const { kind, what, cure, settings } = failure;
  const code = exitCodes[kind];
  const written = failure.written === null ? sentence : writtenSentences[failure.written];
  return {
    code,
    message: [
      printable(shortened(what)),
      printableLines(withFlags(shortened(cure), settings.map(flagOf))),
      printable(written),
    ]
      .filter((part) => part !== '')
      .join(' '),
  };
}

/** The cure followed by its options: 'Choose a smaller one (--lr).' */
function withFlags(cure: string, options: readonly string[]): string {
  if (cure === '' || options.length === 0) return cure;
  const [, sentence, end] = /^(.*?)([.?!]?)$/s.exec(cure) ?? [];
  return `${sentence} (${options.join(', ')})${end === '' ? '.' : end}`;
}

function explainOther(error: unknown, written: string): { code: number; message: string } {
  const message = printable(shortened(messageOf(error)));
  if (error instanceof ExecutionError) {
    const cure =
      error.provider === 'cpu'
        ? 'Check that the model runs in ONNX Runtime elsewhere, and that the machine has enough memory.'
        : `Another device may do (${flagOf(['device', 'cpu'])}).`;
    return {
      code: exitCodes.input,
      message: `ONNX Runtime loaded the model, but could not run it: ${message}\n${cure} ${written}`,
    };
  }
  const missing = explainRuntime(error);
  if (missing !== null) return { code: exitCodes.input, message: `${printable(missing)} ${written}` };
  const fileError = explainPath(error);
  if (fileError !== null) return { code: exitCodes.input, message: `${fileError} ${written}` };
  if (isOutOfMemory(error)) {
    return {
      code: exitCodes.input,
      message: `memory does not suffice for this model and its data (${message}). Use less data, or a larger machine. ${written}`,
    };
  }
  return {
    code: 1,
    message:
      `something went wrong that is a defect of this program, not of your input: ${message}\n` +
      `Please report it with the command line and the output of the same command with --debug. ${written}`,
  };
}

/**
 * What ONNX Runtime's package lacks. npm leaves an optional package out where its install script fails, as this one does where
 * the host that it fetches CUDA's libraries from is not reached; none of what it fetches is needed to compute on the CPU.
 */
function explainRuntime(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error)) return null;
  if (/^(ERR_)?MODULE_NOT_FOUND$/.test(String(error.code)) && /'onnxruntime-node'/.test(error.message)) {
    return (
      'ONNX Runtime is not installed: npm leaves it out where its install script fails, which fetches libraries for CUDA from api.nuget.org. ' +
      'Install it without them (npm install --ignore-scripts onnxruntime-node).'
    );
  }
  if (error.code === 'ERR_DLOPEN_FAILED' && /onnxruntime/.test(error.message)) {
    return `ONNX Runtime does not load on this system (${error.message}). It needs Linux with glibc (not musl), macOS or Windows, on x64 or arm64.`;
  }
  return null;
}

function explainPath(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return null;
  const explanation = fileErrors.get(error.code);
  if (explanation === undefined) return null;
  // a draft is put in the place of what stands in its way; an open file that is read or written has no path any more
  const keys = inTheWay.has(error.code) ? ['dest', 'path'] : ['path'];
  const [path = 'a file'] = keys.flatMap((key): string[] => {
    const named: unknown = Reflect.get(error, key);
    return typeof named === 'string' ? [named] : [];
  });
  return `${printable(path)}: ${explanation}`;
}

/** What V8 and Node say where the machine has no more memory to give. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && /array buffer allocation failed/i.test(error.message);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}
