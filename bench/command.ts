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

/**
 * Runs node with arguments, or frelu-migrate, as a process of its own, and times it from its start to its end.
 * @throws Error with what it wrote to standard error when it fails
 */
export async function runNode(parameters: readonly string[]): Promise<CommandRun> {
  const began = performance.now();
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`node ${parameters.join(' ')} failed: ${errors}`);
  const kilobytes = /^peak (\d+)$/m.exec(errors)?.[1];
  return { seconds, peakBytes: kilobytes === undefined ? null : 1024 * Number(kilobytes) };
}

export function runProgram(parameters: readonly string[], measureMemory = false): Promise<CommandRun> {
  const memory = measureMemory ? ['--import', `data:text/javascript,${encodeURIComponent(hook)}`] : [];
  return runNode([...memory, program, ...parameters]);
}
