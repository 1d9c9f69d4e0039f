import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../../contract/failure.js';
import type { FleetPlanResult } from '../../../contract/fleet.js';
import { byModel } from '../../../fleet/unit.js';
import { printable } from '../../../printable.js';
import { shellQuote } from '../../../shell.js';
import { type Context, printJson, type Run } from '../../context.js';
import { readDescription } from '../../fleet/description.js';
import { cacheFolder, cacheOption, openFleet } from '../../fleet/options.js';
import { warn } from '../../github.js';
import { reportWords } from '../../metric-rows.js';
import { argument, flag, option } from '../../options/option.js';
import { yesOption } from '../../options/run.js';
import { text } from '../../options/values.js';
import { table } from '../../table.js';

export function declareFleetPlan(command: Command): Run {
  const file = argument(command, '<FLEET>', 'the description of the fleet: fleet.yaml, .json or .ts');
  const out = option(command, '--out <PATH>', 'folder that the plan goes to', text, null);
  const overwrite = flag(command, '--overwrite', 'replace the plan that lies there; results stay');
  const cache = cacheOption(command);
  yesOption(command);
  return async (context) => {
    const folder = out();
    if (folder === null) {
      throw new Failure('usage', {
        what: 'Where the plan goes was not said.',
        cure: 'Name a folder.',
        settings: ['out'],
      });
    }
    const description = await readDescription(file());
    const [{ makeUnits }, { makePlan, writePlan }, { Sources }] = await Promise.all([
      import('../../../fleet/make-units.js'),
      import('../../../fleet/plan.js'),
      import('../../../fleet/sources.js'),
    ]);
    const place = cacheFolder(cache(), context.io);
    const { entries, seeds, store, price } = description;
    const { units, models } = await makeUnits(entries, seeds, new Sources(place), {
      onReading: ({ name, candidate }, done, of) =>
        context.io.stderr.write(printable(`reading ${done + 1}/${of}: ${name}, ${candidate}`).concat('\n')),
      warn: (message) => warn(context.io, message),
    });
    context.writes.sentence = 'The plan may have been written in part; no model is touched.';
    await writePlan(folder, makePlan(units, { store, price, models }), overwrite());
    const result = await planned(folder, place, seeds);
    if (context.json) printJson(context, result);
    else await show(context, result);
    return 0;
  };
}

async function planned(folder: string, cache: string, seeds: readonly number[]): Promise<FleetPlanResult> {
  const { plan, store } = await openFleet(folder, cache);
  const published = await store.published();
  const unitsOf = byModel(plan.units, (unit) => unit);
  const models = plan.models.map(({ name, model, parameters, sites, samples, seconds }) => {
    const each = Object.values(seconds);
    const known = each.filter((value) => value !== null);
    return {
      name,
      model,
      candidates: Object.keys(seconds),
      seeds,
      units: unitsOf(name).length,
      parameters,
      sites,
      samples,
      seconds: known.length < each.length ? null : seeds.length * known.reduce((sum, value) => sum + value, 0),
    };
  });
  const known = models.map(({ seconds }) => seconds).filter((value) => value !== null);
  return {
    plan: resolve(folder),
    store: store.uri,
    units: plan.units.length,
    done: plan.units.filter(({ id }) => published.has(id)).length,
    models,
    seconds: known.length < models.length ? null : known.reduce((sum, value) => sum + value, 0),
  };
}

async function show({ io }: Context, result: FleetPlanResult): Promise<void> {
  const { numbers, plain } = await reportWords();
  const duration = (seconds: number | null): string =>
    seconds === null ? '?' : plain([numbers.duration(seconds, null)]);
  const rows = result.models.map(({ name, units, candidates, seeds, samples, parameters, sites, seconds }) => [
    name,
    String(candidates.length),
    String(seeds.length),
    String(units),
    String(parameters),
    String(sites),
    `${samples.train}/${samples.validation}/${samples.test}`,
    duration(seconds),
  ]);
  const titles = ['model', 'candidates', 'seeds', 'units', 'parameters', 'ReLUs', 'train/validation/test', 'forecast'];
  io.stdout.write(
    `${await table(titles, rows, { right: titles.slice(1), width: io.stdout.columns })}\n\n` +
      `${result.units} units, ${result.done} of them done; forecast ${duration(result.seconds)}, one after another on this machine.\n` +
      `Store: ${printable(result.store)}\nNext: ${io.command} fleet work ${shellQuote(result.plan)}\n`,
  );
}
