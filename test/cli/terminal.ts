import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { promisify, stripVTControlCharacters } from 'node:util';

export const executable = resolve('dist/bin/frelu-migrate.js');

const lock = 'dist/.compiling';

/** Milliseconds after which whoever compiled is taken to be gone. */
const longestBuild = 120_000;

/** Compiles the program that is started as a user starts it, unless that was done: test files run beside each other, and share it. */
export async function build(): Promise<void> {
  await mkdir('dist', { recursive: true });
  while (!(await takes(lock))) await setTimeout(200);
  try {
    if (await isCurrent()) return;
    const require = createRequire(import.meta.url);
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
    await promisify(execFile)(process.execPath, [compiler, '-p', 'tsconfig.build.json']).catch((error: unknown) => {
      // what does not compile is reported by the compiler's own check; here the program that came out is judged
      if (!(error instanceof Error && 'stdout' in error)) throw error;
    });
    await utimes(executable, new Date(), new Date());
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function takes(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch {
    const held = await stat(folder).catch(() => null);
    if (held !== null && Date.now() - held.mtimeMs > longestBuild) await rm(folder, { recursive: true, force: true });
    return false;
  }
}

/** Whether nothing was written to the source since it was compiled. */
async function isCurrent(): Promise<boolean> {
  const compiled = await stat(executable).catch(() => null);
  if (compiled === null) return false;
  for (const folder of ['bin', 'src', 'transforms', 'fixtures']) {
    const entries = await readdir(folder, { recursive: true });
    for (const name of entries.filter((each) => each.endsWith('.ts'))) {
      if ((await stat(join(folder, name))).mtimeMs > compiled.mtimeMs) return false;
    }
  }
  return true;
}

/** Python, whose standard library has pseudo-terminals; null where there is none, or no such terminals. */
export const python = ((): string | null => {
  for (const name of ['python3', 'python']) {
    try {
      execFileSync(name, ['-c', 'import pty, termios'], { stdio: 'ignore' });
      return name;
    } catch {
      // the next one
    }
  }
  return null;
})();

/** What is typed once a text has appeared behind that of the step before. */
export type Step = readonly [expect: string, send: string];

export interface Session {
  readonly folder: string;
  readonly steps?: readonly Step[];
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** a file that stderr goes to */
  readonly stderr?: string;
  /** the program that is run; the built one */
  readonly program?: readonly string[];
}

export interface SessionOutcome {
  readonly code: number | null;
  readonly signal: number | null;
  /** all that the terminal was sent */
  readonly raw: string;
  /** the same without what moves the cursor and colours */
  readonly text: string;
  /** the step whose text never appeared; null: there is none */
  readonly waiting: string | null;
}

export const keys = { enter: '\r', down: '\u001b[B', tab: '\t', interrupt: '\u0003', clear: '\u0015' } as const;

/** Runs a command line in a terminal of its own, and types at it. */
export async function inTerminal(argv: readonly string[], session: Session): Promise<SessionOutcome> {
  const {
    folder,
    steps = [],
    columns = 100,
    env = {},
    stderr = null,
    program = [process.execPath, executable],
  } = session;
  const { CI: _, NO_COLOR: __, FORCE_COLOR: ___, NODE_OPTIONS: ____, ...inherited } = process.env;
  const driver = spawn(python ?? 'python3', [resolve('test/cli/terminal.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const asked = {
    argv: [...program, ...argv],
    cwd: folder,
    env: { ...inherited, TERM: 'xterm', ...env },
    columns,
    steps: steps.map(([expect, send]) => ({ expect, send })),
    stderr,
    seconds: 100,
  };
  driver.stdin.end(JSON.stringify(asked));
  const { text: raw, ...outcome } = JSON.parse(await text(driver.stdout));
  return { ...outcome, raw, text: stripVTControlCharacters(raw).replaceAll('\r\n', '\n') };
}
