import type { Command } from 'commander';
import { printable } from '../../printable.js';
import type { HistoryEntry } from '../../upgrade/history.js';
import { printJson, type Run } from '../context.js';
import { modelFile } from '../model-file.js';
import { argument } from '../options/option.js';
import { table } from '../table.js';

export function declareHistory(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model');
  return async (context) => {
    const { history } = await import('../../upgrade/history.js');
    const path = await modelFile(model());
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
      context.io.stdout.write(`${await table(['when', 'what', 'id', 'state', 'versions', 'summary'], rows)}\n`);
    }
    return 0;
  };
}

/** What a run noted about itself: {verdict: 'adopt', delta: 0.01} reads "verdict adopt, delta 0.01". */
function summaryText({ summary }: NonNullable<HistoryEntry['run']>): string {
  if (typeof summary !== 'object' || summary === null) return String(summary ?? '');
  return Object.entries(summary)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}
