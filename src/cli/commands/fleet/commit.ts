import type { Command } from 'commander';
import { printable } from '../../../printable.js';
import { shellQuote } from '../../../shell.js';
import { printJson, type Run } from '../../context.js';
import { cacheFolder, cacheOption, openFleet, planArgument } from '../../fleet/options.js';
import { option } from '../../options/option.js';
import { yesOption } from '../../options/run.js';
import { confirm } from '../../prompts.js';

export const namesOf = (text: string): readonly string[] => text.split(',').map((name) => name.trim());

export function declareFleetCommit(command: Command): Run {
  const plan = planArgument(command);
  const only = option<readonly string[] | null>(command, '--only <NAMES>', 'only these models', namesOf, null);
  const cache = cacheOption(command);
  const yes = yesOption(command);
  return async (context) => {
    const { io, writes } = context;
    const [{ collect }, { commitFleet }] = await Promise.all([
      import('../../../fleet/collect.js'),
      import('../../../fleet/commit.js'),
    ]);
    const fleet = await openFleet(plan(), cacheFolder(cache(), io));
    const collected = await collect(fleet.plan, fleet.store);
    const named = only();
    const upgrades = collected.result.models.filter(({ name, upgrade }) => upgrade && (named?.includes(name) ?? true));
    if (upgrades.length > 0) {
      await confirm(context, yes(), {
        question: `Replace ${upgrades.map(({ name }) => name).join(', ')} in place? The old files are kept.`,
        refusal: 'No model is replaced',
        byDefault: true,
        instead: { cure: 'The report says what would be replaced.' },
      });
    }
    const undo = `${io.command} fleet rollback ${shellQuote(fleet.plan.folder)}`;
    const replaced: string[] = [];
    const result = await commitFleet(fleet.plan, fleet.store, collected, named, (name) => {
      replaced.push(name);
      writes.sentence = `Before it, ${replaced.join(', ')} ${replaced.length === 1 ? 'was' : 'were'} replaced: ${undo} undoes that.`;
    });
    if (context.json) printJson(context, result);
    else {
      for (const { name, outcome, files } of result.models) {
        io.stdout.write(`${printable(name)}: ${sentences[outcome]}\n`);
        for (const { path, sha256 } of files) io.stdout.write(`  ${sha256}  ${printable(path)}\n`);
      }
      if (result.models.some(({ outcome }) => outcome === 'committed')) io.stdout.write(`To undo it: ${undo}\n`);
    }
    return 0;
  };
}

const sentences = {
  committed: 'upgraded',
  already: 'was upgraded before',
  'not-to-upgrade': 'is kept as it is',
} as const;
