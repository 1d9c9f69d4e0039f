import { packageVersion } from '../version.js';
import { explainError } from './explain-error.js';
import type { Io } from './io.js';

/**
 * Runs one command line (without `node` and the script) and returns the exit code.
 * Modules are loaded when they are needed: `--version` loads none of the dependencies, and a command only its own.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv;
  if (first === '--version' || first === '-V') {
    io.stdout.write(`${packageVersion}\n`);
    return 0;
  }
  const writes = { sentence: 'Nothing was written.' };
  try {
    const { runCommand } = await import('./program.js');
    return await runCommand(argv, io, writes);
  } catch (error) {
    const { code, text } = explainError(error, writes.sentence, argv.includes('--debug'));
    io.stderr.write(`${text}\n`);
    const { askForWay } = await import('./prompts.js');
    const words = await askForWay(error, io, argv);
    return words === null ? code : main([...argv, ...words], io);
  }
}
