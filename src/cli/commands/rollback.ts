import type { Command } from 'commander';
import { printable } from '../../printable.js';
import { shellQuote } from '../../shell.js';
import { printJson, type Run } from '../context.js';
import { modelFile } from '../model-file.js';
import { argument, option } from '../options/option.js';
import { yesOption } from '../options/run.js';
import { text } from '../options/values.js';

export function declareRollback(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to restore');
  const to = option(
    command,
    '--to <ID>',
    "the version to restore: an id from `history`, or 'original'",
    text,
    null,
    'the one before the present',
  );
  yesOption(command);
  return async (context) => {
    const { rollback } = await import('../../upgrade/rollback.js');
    const path = await modelFile(model());
    const version = to();
    const { io, writes } = context;
    const result = await rollback(path, {
      ...(version !== null && { to: version }),
      checkpoint: () => {
        writes.sentence = `Its history tells which version the model is: ${io.command} history ${shellQuote(path)}.`;
      },
    });
    if (context.json) printJson(context, result);
    else if (result.restored.length === 0) io.stdout.write(`${printable(result.model)} is ${result.to} already.\n`);
    else {
      const files = result.restored.map((file) => `${file.sha256}  ${printable(file.path)}`).join('\n');
      io.stdout.write(`${printable(result.model)}: ${result.from} -> ${result.to}. Restored:\n${files}\n`);
    }
    return 0;
  };
}
