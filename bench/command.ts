import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../bin/frelu-migrate.js', import.meta.url));

/** Put before the program: writes the peak of its memory to standard error when it ends. See `peakBytes`. */
const hook = `
import { readFileSync } from 'node:fs';
process.on('exit', () => {
  let kilobytes = process.resourceUsage().maxRSS;
  try { kilobytes = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]; } catch {}
  process.stderr.write('peak ' + kilobytes + '\\n');
});`;

export interface CommandRun {
  readonly seconds: number;
  /** null where it was not asked for */
  readonly peakBytes: number | null;
}

/** A process that ended, well or not. */
export interface EndedRun extends CommandRun {
  /** null where it was killed, as one is that takes too long */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  /** what it wrote to standard error, piece by piece, with the seconds since its start */
  readonly told: readonly { readonly seconds: number; readonly text: string }[];
}

/**
 * Runs node with arguments, or frelu-migrate, as a process of its own, and times it from its start to its end.
 * @param limit milliseconds after which it is killed; without one it may take as long as it takes
 */
export async function endedNode(parameters: readonly string[], limit?: number): Promise<EndedRun> {
  const began = performance.now();
  const child = spawn(process.execPath, parameters, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(limit !== undefined && { timeout: limit, killSignal: 'SIGKILL' as const }),
  });
  const written = { output: '', errors: '' };
  const told: { readonly seconds: number; readonly text: string }[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.errors += text;
    told.push({ seconds: (performance.now() - began) / 1000, text });
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const seconds = (performance.now() - began) / 1000;
  const kilobytes = /^peak (\d+)$/m.exec(written.errors)?.[1];
  return { seconds, peakBytes: kilobytes === undefined ? null : 1024 * Number(kilobytes), code, told, ...written };
}

/** `endedNode` of frelu-migrate. */
export function endedProgram(parameters: readonly string[], measureMemory = false, limit?: number): Promise<EndedRun> {
  const memory = measureMemory ? ['--import', `data:text/javascript,${encodeURIComponent(hook)}`] : [];
  return endedNode([...memory, program, ...parameters], limit);
}

/** @throws Error with what it wrote to standard error when it fails */
export async function runNode(parameters: readonly string[]): Promise<CommandRun> {
  return succeeded(await endedNode(parameters), parameters);
}

/** @throws Error with what it wrote to standard error when it fails */
export async function runProgram(parameters: readonly string[], measureMemory = false): Promise<CommandRun> {
  return succeeded(await endedProgram(parameters, measureMemory), parameters);
}

function succeeded(run: EndedRun, parameters: readonly string[]): CommandRun {
  if (run.code !== 0) throw new Error(`${parameters.join(' ')} failed: ${run.errors}`);
  return run;
}
