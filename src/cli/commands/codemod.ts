import type { Command } from 'commander';
import type { CodemodResult } from '../../codemod/codemod.js';
import { printJson, type Run } from '../context.js';
import { choice, flag, listArgument, option } from '../options/option.js';
import { number, text } from '../options/values.js';
import { table } from '../table.js';

export function declareCodemod(command: Command): Run {
  const globs = listArgument(command, '<GLOB...>', 'TypeScript and JavaScript files, folders, globs');
  const dryRun = flag(command, '--dry-run', 'print the diff and write nothing');
  const module = option(
    command,
    '--module <PATH>',
    'the file that gets the FReLU layer, which the changed files import',
    text,
    null,
    'frelu.ts or .js beside them',
  );
  const granularity = choice(
    command,
    '--granularity <KIND>',
    'one offset per layer, or one per channel',
    ['layer', 'channel'],
    'layer',
  );
  const init = option(command, '--init <X>', 'the initial offset; with 0 a model computes what it did', number, 0);
  command.addHelpText(
    'after',
    '\nA dense or convolutional layer loses its relu or relu6 and is followed by a FReLU layer; a ReLU layer becomes one.\n' +
      'What cannot be changed safely is named with its place and the reason. node_modules and .d.ts files are passed over.\n' +
      'Version control is the way back.',
  );
  return async (context) => {
    const { io, writes } = context;
    const { codemod } = await import('../../codemod/codemod.js');
    const result = await codemod({
      globs: globs(),
      folder: process.cwd(),
      module: module(),
      granularity: granularity(),
      init: init(),
      dryRun: dryRun(),
    });
    if (result.written) writes.sentence = 'The files were written.';
    if (context.json) printJson(context, result);
    else if (dryRun()) {
      // a diff alone, for `git apply` and the like
      io.stdout.write(result.diff);
      io.stderr.write(codemodText(result));
    } else io.stdout.write(codemodText(result));
    return 0;
  };
}

/** The ReLUs with what becomes of them, the places to look at, and their number. */
function codemodText({ files, module, written, summary }: CodemodResult): string {
  const rows = files.flatMap(({ path, sites }) =>
    sites.map(({ line, column, what, status, reason }) => [`${path}:${line}:${column}`, status, what, reason ?? '']),
  );
  const cautions = files.flatMap(({ path, cautions: each }) =>
    each.map(({ line, column, message }) => `${path}:${line}:${column}: look at this: ${message}.`),
  );
  const { rewritten, skipped } = summary;
  const count = `${plural(rewritten + skipped, 'ReLU')} in ${plural(summary.files, 'file')}: ${rewritten} to FReLU, ${skipped} left as ${skipped === 1 ? 'it is' : 'they are'}.`;
  const outcome = written ? `The FReLU layer is in ${module}.` : 'Nothing was written.';
  return [
    ...(rows.length === 0 ? [] : [table(['site', 'change', 'what', 'reason'], rows), '']),
    ...(cautions.length === 0 ? [] : [...cautions, '']),
    `${count} ${outcome}`,
    '',
  ].join('\n');
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
