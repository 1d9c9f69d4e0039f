import type { Command } from 'commander';
import { readPlan } from '../../../fleet/plan.js';
import { printable } from '../../../printable.js';
import { printJson, type Run } from '../../context.js';
import { planArgument } from '../../fleet/options.js';
import { option } from '../../options/option.js';
import { yesOption } from '../../options/run.js';
import { namesOf } from './commit.js';

export function declareFleetRollback(command: Command): Run {
  const plan = planArgument(command);
  const only = option<readonly string[] | null>(command, '--only <NAMES>', 'only these models', namesOf, null);
  yesOption(command);
  return async (context) => {
    const { io, writes } = context;
    const { rollbackFleet } = await import('../../../fleet/commit.js');
    const result = await rollbackFleet(await readPlan(plan()), only(), () => {
      writes.sentence = 'Models before it are restored.';
    });
    if (context.json) printJson(context, result);
    else {
      for (const { name, outcome, to } of result.models) {
        const said = outcome === 'restored' ? `restored to ${to ?? 'original'}` : 'was not changed by this fleet';
        io.stdout.write(`${printable(name)}: ${said}\n`);
      }
    }
    return 0;
  };
}
