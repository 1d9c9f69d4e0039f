import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Assignment, Computed } from './compute.js';
import { parseEvent, type UnitEvent, type UnitOrder } from './messages.js';

/** What became of one attempt. */
export type Attempted =
  | {
      readonly kind: 'computed';
      readonly computed: Computed;
      readonly seconds: number;
      readonly cpuSeconds: number;
      readonly peakBytes: number;
    }
  | {
      readonly kind: 'failed';
      /** null: killed */
      readonly exit: number | null;
      readonly why: string;
      readonly local: boolean;
      readonly seconds: number;
    };

export interface ChildHooks {
  readonly onEvent: (event: UnitEvent) => void;
  /** asks it to stop where another attempt can go on */
  readonly signal: AbortSignal;
}

/** how much of what it says on stderr is kept, in characters */
const tailLength = 2000;

/**
 * Computes a unit in a fresh process of our own executable (`executable`: node, its flags, the script), so that this one's event loop stays free, and what it holds is given back. The process
 * ends itself, resumably, when this one is gone: its standard input closes.
 */
export function runChild(
  executable: readonly string[],
  assignment: Assignment,
  threads: number | null,
  { onEvent, signal }: ChildHooks,
): Promise<Attempted> {
  const began = performance.now();
  const [command = process.execPath, ...words] = executable;
  const child = spawn(command, [...words, 'fleet', 'compute'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C at a terminal reaches this process alone, which passes it on
    detached: process.platform !== 'win32',
  });
  const order: UnitOrder = { assignment, threads };
  // a process that is gone reads nothing: how it ended says why
  child.stdin.on('error', () => {});
  child.stdin.write(`${JSON.stringify(order)}\n`);
  let last: Extract<UnitEvent, { event: 'result' | 'failure' }> | null = null;
  let tail = '';
  child.stderr.on('data', (text: Buffer) => {
    tail = `${tail}${text.toString()}`.slice(-tailLength);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = eventIn(line);
    if (event?.event === 'result' || event?.event === 'failure') last = event;
    else if (event !== null) onEvent(event);
  });
  const stop = (): void => {
    child.stdin.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return new Promise((resolve) => {
    child.on('error', (error) => {
      signal.removeEventListener('abort', stop);
      resolve({ kind: 'failed', exit: null, why: error.message, local: true, seconds: 0 });
    });
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      child.stdin.destroy();
      resolve(outcomeOf(last, { code, killedBy, tail, seconds: (performance.now() - began) / 1000 }));
    });
  });
}

/** Other modules may write to stdout, which is none of ours. */
function eventIn(line: string): UnitEvent | null {
  try {
    return parseEvent(line);
  } catch {
    return null;
  }
}

interface End {
  readonly code: number | null;
  readonly killedBy: string | null;
  readonly tail: string;
  readonly seconds: number;
}

function outcomeOf(
  last: Extract<UnitEvent, { event: 'result' | 'failure' }> | null,
  { code, killedBy, tail, seconds }: End,
): Attempted {
  if (last?.event === 'result' && code === 0) {
    const { result: computed, cpuSeconds, peakBytes } = last;
    return { kind: 'computed', computed, seconds, cpuSeconds, peakBytes };
  }
  if (last?.event === 'failure' && code === last.exit) {
    return { kind: 'failed', exit: last.exit, why: last.message, local: last.local, seconds };
  }
  const how = killedBy === null ? `its process ended with code ${code}` : `its process was killed (${killedBy})`;
  const why = tail.trim() === '' ? `${how}.` : `${how}: ${tail.trim()}`;
  return { kind: 'failed', exit: killedBy === null ? code : null, why, local: false, seconds };
}
