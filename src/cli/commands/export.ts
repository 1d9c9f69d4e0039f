import { dirname } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import { printable } from '../../printable.js';
import { printJson, type Run } from '../context.js';
import { argument, choice, flag, option } from '../options/option.js';
import { yesOption } from '../options/run.js';
import { text } from '../options/values.js';
import { findRun, usingStored } from '../run-folders.js';

export function declareExport(command: Command): Run {
  const run = argument(command, '<RUN>', 'a run: its id, its folder, or its report.json');
  const arm = choice(command, '--arm <ARM>', 'whose model', ['control', 'frelu'], null);
  const out = option(command, '--out <PATH>', 'where it goes: a file, or a folder', text, null);
  const overwrite = flag(command, '--overwrite', 'replace what stands at --out');
  yesOption(command);
  return async (context) => {
    const [wanted, place] = [arm(), out()];
    if (wanted === null || place === null) {
      throw new Failure('usage', {
        what: `${wanted === null ? '--arm' : '--out PATH'} is missing.`,
        cure: wanted === null ? 'Say whose model: control or frelu.' : 'Name a place for the model.',
      });
    }
    const { path } = await findRun(run(), process.cwd());
    const { exportArm } = await import('../../run/export.js');
    const options = { run: dirname(path), arm: wanted, out: place, overwrite: overwrite() };
    const exported = await usingStored(path, () => exportArm(options));
    if (context.json) printJson(context, exported);
    else {
      const files = exported.files.map((file) => `${file.sha256}  ${printable(file.path)}`).join('\n');
      context.io.stdout.write(
        `The model of the arm ${exported.arm} (seed ${exported.seed}) of run ${printable(exported.run)}:\n${files}\n`,
      );
    }
    return 0;
  };
}
