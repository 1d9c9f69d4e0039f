import * as fc from 'fast-check';
import { edits } from './mutations.js';
import { check, readSeed, type Target } from './target.js';

/** An input that is answered wrongly, as small as it could be made. */
export interface Finding {
  readonly input: Uint8Array;
  readonly error: unknown;
}

export interface Found {
  readonly executions: number;
  readonly finding: Finding | null;
}

export interface SearchOptions {
  readonly seed: number;
  /** how many inputs to try */
  readonly runs: number;
  /** milliseconds, after which no further input is tried */
  readonly within: number;
  /** what the folders of the inputs are called, but for a number behind it */
  readonly folder: string;
  /** where the seeds lie */
  readonly seeds: string;
  /** told of each input before it is read: one that ends the process would not be known otherwise */
  readonly before?: (input: Uint8Array) => void;
}

/** Looks for an input of a target that ends in anything but success or an answer. */
export async function search(target: Target, options: SearchOptions): Promise<Found> {
  const good = await Promise.all(target.seeds.map((name) => readSeed(options.seeds, name)));
  const inputs = fc
    .tuple(fc.nat(good.length - 1), edits)
    .map(([which, list]) => target.edit(Buffer.from(good[which] ?? []), list));
  let executions = 0;
  let last: Finding | null = null;
  const end = performance.now() + options.within;
  const property = fc.asyncProperty(inputs, async (input) => {
    if (performance.now() > end) return;
    executions++;
    options.before?.(input);
    try {
      await check(target, input, `${options.folder}-${executions}`, options.seeds);
    } catch (error) {
      last = { input, error };
      throw error;
    }
  });
  const { failed } = await fc.check(property, {
    seed: options.seed,
    numRuns: options.runs,
  });
  return { executions, finding: failed ? last : null };
}
