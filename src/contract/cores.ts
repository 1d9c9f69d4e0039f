import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What `limitThreads` set; null: nothing. */
let limit: number | null = null;

/** From here on: where several processes compute beside each other, each is to keep to its share of the cores. */
export function limitThreads(count: number): void {
  limit = count;
}

/** Threads that are to compute: what `limitThreads` set, else what the environment (`FRELU_THREADS`) asks for; null: nobody says. */
export function wantedThreads(): number | null {
  if (limit !== null) return limit;
  const text = process.env.FRELU_THREADS;
  // a whole number from 1 on; anything else says nothing
  return text !== undefined && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : null;
}

/** Cores that a container's control group allows; null: no limit. */
export const containerQuota = quotaOf(['/sys/fs/cgroup/cpu.max']);

/**
 * Whole cores that this process may compute on at a time, at least one.
 * @param allowed cores that it may be scheduled on
 * @param quota what a container allows; null: no limit
 */
export function usableCores(allowed = availableParallelism(), quota = containerQuota): number {
  return Math.max(1, Math.min(allowed, Math.floor(quota ?? allowed)));
}

/**
 * The cores that a control group of version 2 allows by its `cpu.max`, "QUOTA PERIOD" in microseconds or "max PERIOD".
 * @returns null where none of the files says one
 */
export function quotaOf(files: readonly string[]): number | null {
  for (const file of files) {
    try {
      const [quota, period] = readFileSync(file, 'utf8').trim().split(' ').map(Number);
      if (quota !== undefined && period !== undefined && quota > 0 && period > 0) return quota / period;
    } catch {
      // no control group, or one that may not be read
    }
  }
  return null;
}
