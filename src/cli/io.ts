import { basename } from 'node:path';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { shellQuote } from '../shell.js';
import { explainError } from './explain-error.js';

export interface TextOutput extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

interface TextInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
}

/** All that a command touches of the process it runs in. */
export interface Io {
  readonly stdin: TextInput;
  /** the result, and nothing else */
  readonly stdout: TextOutput;
  /** progress, warnings, prompts, failures */
  readonly stderr: TextOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** how a user calls this program from here: what messages tell them to run begins with it */
  readonly command: string;
  /** the words that start this program again in a process of its own: node, its flags, the script */
  readonly executable: readonly string[];
  /**
   * Calls `listener` at each request to stop (Ctrl-C, SIGTERM; the loss of the terminal where it is the first) until the returned
   * function is called.
   */
  onInterrupt(listener: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/**
 * The real process. What is thrown outside of any command's reach is explained like the rest. A reader that closes its end of
 * stdout or stderr early (`| head`), and a terminal that is gone, end the output, not the work.
 */
export function systemIo(): Io {
  const { env, argv } = process;
  // each is opened by being read for the first time, which takes a millisecond or more
  let stdout: TextOutput | undefined;
  let stderr: TextOutput | undefined;
  const io: Io = {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      stdout ??= outlivingReader(process.stdout);
      return stdout;
    },
    get stderr() {
      stderr ??= outlivingReader(process.stderr);
      return stderr;
    },
    env,
    command: commandOf(present(argv[1], 'the path of the script'), env),
    executable: [process.execPath, ...process.execArgv, present(argv[1], 'the path of the script')],
    onInterrupt(listener) {
      let asked = false;
      const ask = () => {
        asked = true;
        listener();
      };
      // a terminal that is gone sends it, and its shell once more: that is one request, not one to end at once
      const hangUp = () => {
        if (!asked) ask();
      };
      const listeners = { SIGINT: ask, SIGTERM: ask, SIGHUP: hangUp };
      for (const [signal, each] of Object.entries(listeners)) process.on(signal, each);
      return () => {
        for (const [signal, each] of Object.entries(listeners)) process.off(signal, each);
      };
    },
    exit: (code) => process.exit(code),
  };
  process.on('uncaughtException', (error) => {
    const { code, text } = explainError(error, 'See `history` for what was written.', argv.includes('--debug'));
    io.stderr.write(`${text}\n`);
    process.exit(code);
  });
  return io;
}

/** The output, whose end at its reader's side is no failure. */
function outlivingReader(output: TextOutput): TextOutput {
  return output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') return;
    const what = `The output is not accepted: ${error.message}.`;
    throw new Failure('input', { what, cure: 'Check where the output of this command goes.' }, { cause: error });
  });
}

function commandOf(script: string, env: Io['env']): string {
  if (basename(script) !== 'frelu-migrate') return `node ${shellQuote(script)}`;
  return env.npm_command === 'exec' ? 'npx frelu-migrate' : 'frelu-migrate';
}

/** FORCE_COLOR decides where it is set; then NO_COLOR, CI and dumb terminals mean none, and pipes have none. */
export function hasColor(output: TextOutput, env: Io['env']): boolean {
  const { FORCE_COLOR: force } = env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return (env.NO_COLOR === undefined || env.NO_COLOR === '') && isLive(output, env);
}

/** Whether a line can be redrawn: a terminal, and somebody in front of it. */
export function isLive(output: TextOutput, env: Io['env']): boolean {
  return output.isTTY === true && !isContinuousIntegration(env) && env.TERM !== 'dumb';
}

/**
 * Where a question can be put to somebody: stderr, since stdout is for the result; stdout where stderr goes to a file and somebody
 * still sits before a terminal. null where nobody does.
 */
export function outputForQuestions({ stdin, stdout, stderr, env }: Io): TextOutput | null {
  if (stdin.isTTY !== true) return null;
  return [stderr, stdout].find((output) => isLive(output, env)) ?? null;
}

function isContinuousIntegration({ CI: ci = '' }: Io['env']): boolean {
  return ci !== '' && ci !== '0' && ci !== 'false';
}
