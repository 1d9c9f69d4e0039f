import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type OpenPlan, readPlan, storeOf } from '../../fleet/plan.js';
import { openStore } from '../../fleet/store/open.js';
import type { FleetStore } from '../../fleet/store/store.js';
import type { Io } from '../io.js';
import { argument, option, type Read } from '../options/option.js';
import { text } from '../options/values.js';

export function planArgument(command: Command): Read<string> {
  return argument(command, '<PLAN>', 'the folder of a plan');
}

export function cacheOption(command: Command): Read<string | null> {
  return option(
    command,
    '--cache <PATH>',
    "this machine's folder for what is fetched from S3",
    text,
    null,
    'frelu-migrate/fleet in the cache of the user',
  );
}

export function cacheFolder(given: string | null, { env }: Pick<Io, 'env'>): string {
  const { XDG_CACHE_HOME: caches = '' } = env;
  return given ?? join(caches === '' ? join(homedir(), '.cache') : caches, 'frelu-migrate', 'fleet');
}

/** A plan with its store. @throws Failure as `readPlan` and `openStore` do */
export async function openFleet(
  folder: string,
  cache: string,
): Promise<{ readonly plan: OpenPlan; readonly store: FleetStore }> {
  const plan = await readPlan(folder);
  return { plan, store: await openStore(storeOf(plan), cache) };
}
