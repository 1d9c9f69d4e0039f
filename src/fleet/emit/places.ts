import { dirname, sep } from 'node:path';
import { Failure } from '../../contract/failure.js';
import { addressOf } from '../address.js';
import { type OpenPlan, storeOf } from '../plan.js';
import type { Input } from '../unit.js';
import type { Places } from './order.js';

/** Where a plan, its store, its models and its data lie. */
export function placesOf(plan: OpenPlan): Places {
  const inputs = plan.units.flatMap(({ model, inputs }) => [model, ...inputs]);
  const addresses = [storeOf(plan), ...inputs.map(({ uri }) => uri)].map(addressOf);
  const store = addressOf(storeOf(plan));
  const written = store.kind === 'file' ? [store.path] : [];
  const read = [plan.folder, ...inputs.flatMap(folderOf)];
  const outermost = withoutNested([...written, ...read]);
  return {
    folders: outermost.map((path) => ({ path, writes: written.some((each) => isWithin(each, path)) })),
    s3: addresses.some(({ kind }) => kind === 's3'),
  };
}

function folderOf({ uri, entry }: Input): readonly string[] {
  const address = addressOf(uri);
  if (address.kind !== 'file') return [];
  return [entry === null ? address.path : dirname(address.path)];
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

function withoutNested(paths: readonly string[]): readonly string[] {
  const each = [...new Set(paths)].toSorted();
  return each.filter((path) => each.every((other) => other === path || !isWithin(path, other)));
}

/** A volume of a cluster, and the folder that it is here. */
export interface Volume {
  readonly claim: string;
  readonly path: string;
}

/** What the claim is called that nobody named. */
const defaultClaim = 'frelu-fleet';

/**
 * The volumes that hold all places: those that are named, else one that holds the folder which all of them have in common.
 * @throws Failure('usage') where a place lies in none
 */
export function volumesFor({ folders }: Places, named: readonly Volume[]): readonly Volume[] {
  const volumes =
    named.length > 0 ? named : [{ claim: defaultClaim, path: commonFolder(folders.map(({ path }) => path)) }];
  const outside = folders.find(({ path }) => volumes.every((volume) => !isWithin(path, volume.path)));
  if (outside === undefined && volumes.every(({ path }) => path !== sep)) return volumes;
  throw new Failure('usage', {
    what:
      outside === undefined
        ? `What the fleet needs has no folder in common: ${folders.map(({ path }) => path).join(', ')}.`
        : `${outside.path} lies in none of the volumes that are named.`,
    cure: 'Say which volume claims hold which folders, as CLAIM=PATH, once for each.',
    settings: ['volume'],
    written: 'nothing',
  });
}

function commonFolder(paths: readonly string[]): string {
  const [first = sep, ...others] = paths;
  let folder = first;
  while (!others.every((each) => isWithin(each, folder)) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
