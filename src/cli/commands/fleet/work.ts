import type { Command } from 'commander';
import { exitCodes, Failure } from '../../../contract/failure.js';
import type { FleetWorkResult } from '../../../contract/fleet.js';
import type { OpenPlan } from '../../../fleet/plan.js';
import type { Tally } from '../../../fleet/pool.js';
import { parseShard, partOf, type Shard, shardFrom } from '../../../fleet/shard.js';
import type { FleetStore } from '../../../fleet/store/store.js';
import { distinct, isSpread, type Unit } from '../../../fleet/unit.js';
import type { Worker } from '../../../fleet/work.js';
import { type Context, printJson, type Run } from '../../context.js';
import { cacheFolder, cacheOption, openFleet, planArgument } from '../../fleet/options.js';
import { createWorkProgress } from '../../fleet/progress.js';
import { watchInterrupts } from '../../interrupt.js';
import { flag, option, type Read } from '../../options/option.js';
import { yesOption } from '../../options/run.js';
import { duration, oneOrMore, text } from '../../options/values.js';

export function declareFleetWork(command: Command): Run {
  const plan = planArgument(command);
  const asked = workOptions(command);
  const cache = cacheOption(command);
  yesOption(command);
  return async (context) => {
    const options = asked();
    refuseBoth(options);
    const began = performance.now();
    const place = cacheFolder(cache(), context.io);
    const fleet = await openFleet(plan(), place);
    const { requireVersion } = await import('../../../fleet/plan.js');
    requireVersion(fleet.plan);
    const part = options.queue === null ? (options.shard ?? shardFrom(context.io.env)) : null;
    const units = part === null ? fleet.plan.units : partOf(fleet.plan.units, part);
    if (options.retry) await forgetFailures(units, fleet.store);
    const tally = await work(context, fleet, units, { ...options, cache: place });
    const seconds = (performance.now() - began) / 1000;
    const result: FleetWorkResult = { plan: fleet.plan.folder, units: distinct(units).length, ...tally, seconds };
    if (context.json) printJson(context, result);
    else show(context, result);
    return result.failed === 0 ? 0 : exitCodes.input;
  };
}

function show({ io }: Context, { units, computed, parts, elsewhere, failed }: FleetWorkResult): void {
  const searched = parts === 0 ? '' : ` ${parts} parts of searches computed.`;
  const also = failed === 0 ? '' : ` ${failed} failed: ${io.command} fleet status tells why.`;
  io.stdout.write(`${units} units: ${computed} computed, ${elsewhere} done before or elsewhere.${searched}${also}\n`);
}

/** What failed for good is tried again: units, and parts of the searches of those that have no result. */
async function forgetFailures(units: readonly Unit[], store: FleetStore): Promise<void> {
  const { failedParts } = await import('../../../fleet/search/tidy.js');
  for (const unit of units) {
    for (const id of [unit.id, ...(isSpread(unit) ? await failedParts(unit, store) : [])])
      await store.forgetFailure(id);
  }
}

interface WorkOptions {
  readonly beside: number | null;
  readonly shard: Shard | null;
  readonly queue: string | null;
  /** in seconds */
  readonly silence: number;
  readonly tries: number;
  readonly retry: boolean;
}

function workOptions(command: Command): Read<WorkOptions> {
  const local = option(
    command,
    '--local <N>',
    'units computed beside each other on this machine',
    oneOrMore,
    null,
    'as many as cores and free memory allow',
  );
  const shard = option<Shard | null>(
    command,
    '--shard <I/N>',
    'only part I of N',
    parseShard,
    null,
    'what the variables of Slurm, Kubernetes and AWS Batch say; else all',
  );
  const queue = option(
    command,
    '--queue <URL>',
    'take units from a queue that workers share: redis://HOST, rediss://HOST, postgres://HOST/DATABASE',
    text,
    null,
  );
  const silence = option(
    command,
    '--silence <DURATION>',
    'after which the queue gives the units of a worker that says nothing to others',
    duration,
    30,
    '30s',
  );
  const tries = option(command, '--tries <N>', 'attempts after which a unit is left alone', oneOrMore, 3);
  const retry = flag(command, '--retry', 'try again what failed for good');
  return () => ({
    beside: local(),
    shard: shard(),
    queue: queue(),
    silence: silence(),
    tries: tries(),
    retry: retry(),
  });
}

/** @throws Failure('usage') where units would come from two places */
function refuseBoth({ shard, queue }: WorkOptions): void {
  if (shard === null || queue === null) return;
  throw new Failure('usage', {
    what: 'Units come from a queue or are a part of the plan, not both.',
    cure: 'Leave one out.',
    settings: ['queue', 'shard'],
    written: 'nothing',
  });
}

async function work(
  { io, writes }: Context,
  { plan, store }: { readonly plan: OpenPlan; readonly store: FleetStore },
  units: readonly Unit[],
  { beside, tries, cache, queue, retry, silence }: WorkOptions & { readonly cache: string },
): Promise<Tally> {
  writes.sentence = 'No model is touched; what was computed is kept in the store.';
  const [{ Sources }, { capacity, threadsFor, workLocally }] = await Promise.all([
    import('../../../fleet/sources.js'),
    import('../../../fleet/pool.js'),
  ]);
  const own = new Set(units);
  const others = queue === null ? plan.units.filter((unit) => isSpread(unit) && !own.has(unit)) : [];
  const lines = beside ?? capacity([...units, ...others]);
  const progress = createWorkProgress(io, units);
  const interruption = watchInterrupts(io, () => {
    progress.end();
    io.stderr.write('Stopping where others can go on. Press Ctrl-C again to end at once.\n');
  });
  const worker: Worker = {
    store,
    sources: new Sources(cache),
    executable: io.executable,
    threads: threadsFor(lines),
    tries,
    signal: interruption.signal,
    hooks: progress,
  };
  try {
    if (queue === null) return await workLocally(units, others, worker, lines);
    const { workFromQueue } = await import('../../../fleet/queue/work.js');
    return await workFromQueue({ plan, worker, url: queue, beside: lines, retry, silence });
  } finally {
    progress.end();
    interruption.stop();
  }
}
