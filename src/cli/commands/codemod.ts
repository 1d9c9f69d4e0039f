import type { Command } from 'commander';
import type { CodemodResult } from '../../codemod/codemod.js';
import { layerEntry } from '../../codemod/entry.js';
import { granularities } from '../../contract/settings.js';
import { printable, printableLines } from '../../printable.js';
import { type Context, printJson, type Run } from '../context.js';
import { leftAlone, plural } from '../count.js';
import { choice, flag, listArgument, option } from '../options/option.js';
import { yesOption } from '../options/run.js';
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
    'frelu-migrate/tfjs, or frelu.ts or .js beside them',
  );
  const inlineLayer = flag(
    command,
    '--inline-layer',
    'write the FReLU layer into a module of the project, which then needs no further package',
  );
  const granularity = choice(command, '--granularity <UNIT>', 'one b for each', granularities, 'layer');
  const init = option(command, '--init <X>', 'the initial b; with 0 a model computes what it did', number, 0);
  yesOption(command);
  command.addHelpText(
    'after',
    '\nA dense or convolutional layer loses its relu or relu6 and is followed by a FReLU layer; a ReLU layer becomes one.\n' +
      'What cannot be changed safely is named with its place and the reason. node_modules and .d.ts files are passed over.\n' +
      'To undo it, use version control.',
  );
  return async (context) => {
    const { io, writes } = context;
    const { codemod } = await import('../../codemod/codemod.js');
    const options = {
      globs: globs(),
      folder: process.cwd(),
      module: module(),
      inlineLayer: inlineLayer(),
      granularity: granularity(),
      init: init(),
      dryRun: dryRun(),
    };
    let release = () => {};
    try {
      const result = await codemod(options, () => {
        // writing takes a moment, and half of it would be a broken project
        release = io.onInterrupt(() => {});
      });
      if (result.written) writes.sentence = 'The files were written.';
      await print(context, result, options.dryRun);
    } finally {
      release();
    }
    return 0;
  };
}

async function print(context: Context, result: CodemodResult, dryRun: boolean): Promise<void> {
  const { stdout, stderr } = context.io;
  if (context.json) printJson(context, result);
  else if (dryRun) {
    // a diff alone, for `git apply` and the like
    stdout.write(stdout.isTTY === true ? printableLines(result.diff) : result.diff);
    stderr.write(await codemodText(result, stderr.columns));
  } else stdout.write(await codemodText(result, stdout.columns));
}

/** The ReLUs with what becomes of them, the places to look at, and their number. */
async function codemodText(
  { files, module, install, written, summary }: CodemodResult,
  width: number | undefined,
): Promise<string> {
  const rows = files.flatMap(({ path, sites }) =>
    sites.map(({ line, column, what, status, reason }) => [`${path}:${line}:${column}`, status, what, reason ?? '']),
  );
  const cautions = files.flatMap(({ path, cautions: each }) =>
    each.map(({ line, column, message }) => `${path}:${line}:${column}: look at this: ${message}.`).map(printable),
  );
  const { rewritten, skipped } = summary;
  const count = `${plural(rewritten + skipped, 'ReLU')} in ${plural(summary.files, 'file')}: ${rewritten} to FReLU, ${leftAlone(skipped)}`;
  const place =
    module === null ? '' : `The FReLU layer ${module === layerEntry ? 'comes from' : 'is in'} ${printable(module)}.`;
  const missing = install === null ? '' : ` Add that package to the project: ${install} (or run with --inline-layer).`;
  const outcome = written ? `${place}${missing}` : 'Nothing was written.';
  return [
    ...(rows.length === 0 ? [] : [await table(['site', 'change', 'what', 'reason'], rows, { width }), '']),
    ...(cautions.length === 0 ? [] : [...cautions, '']),
    `${count} ${outcome}`,
    '',
  ].join('\n');
}
