import type { Command } from 'commander';
import { printable } from '../../printable.js';
import type { HistoryEntry } from '../../upgrade/history.js';
import { type Context, printJson, type Run } from '../context.js';
import { modelFile } from '../model-file.js';
import { argument, option } from '../options/option.js';
import { yesOption } from '../options/run.js';
import { integerFrom } from '../options/values.js';
import { confirm } from '../prompts.js';
import { table } from '../table.js';

export function declareHistory(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model');
  const keep = option(
    command,
    '--prune <KEEP>',
    'free the kept files of all but the last KEEP versions before the present one',
    integerFrom(0),
    null,
  );
  const yes = yesOption(command);
  return async (context) => {
    const { history } = await import('../../upgrade/history.js');
    const path = await modelFile(model());
    const count = keep();
    if (count !== null) return prune(context, path, count, yes());
    const entries = await history(path);
    if (context.json) printJson(context, { model: path, history: entries });
    else if (entries.length === 0) context.io.stdout.write(`Nothing has been done to ${printable(path)} yet.\n`);
    else {
      const rows = entries.map(({ id, kind, when, state, from, to, run }) => [
        when,
        kind,
        id,
        state,
        `${from} -> ${to}`,
        run === null ? '' : summaryText(run),
      ]);
      context.io.stdout.write(
        `${await table(['when', 'what', 'id', 'state', 'versions', 'summary'], rows, { width: context.io.stdout.columns })}\n`,
      );
    }
    return 0;
  };
}

async function prune(context: Context, path: string, keep: number, yes: boolean): Promise<number> {
  await confirm(context, yes, {
    question: `Give up all but the last ${keep} of the kept versions of ${path}? They cannot be restored then.`,
    refusal: `No version of ${path} is given up`,
    instead: { cure: 'To give up fewer versions, keep more of them.' },
    byDefault: false,
  });
  const { prune: free } = await import('../../upgrade/prune.js');
  const { writes, io } = context;
  writes.sentence = 'The model is untouched; some of its old versions may have been freed.';
  const result = await free(path, keep);
  if (context.json) printJson(context, result);
  else {
    const left = result.kept.length === 0 ? 'none' : result.kept.join(', ');
    const freed = result.pruned.map(({ id, bytes }) => `${id}  ${bytes} bytes\n`).join('');
    io.stdout.write(
      `${freed}${result.freed} bytes were freed. Versions of ${printable(result.model)} that can be restored: ${left}.\n`,
    );
  }
  return 0;
}

/** What a run noted about itself: {verdict: 'adopt', delta: 0.01} reads "verdict adopt, delta 0.01". */
function summaryText({ summary }: NonNullable<HistoryEntry['run']>): string {
  if (typeof summary !== 'object' || summary === null) return String(summary ?? '');
  return Object.entries(summary)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === 'number' ? shown(value) : typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join(', ');
}

/** Four significant digits: 0.003333, 1234. */
const shown = (value: number): string => String(Number(value.toPrecision(4)));
