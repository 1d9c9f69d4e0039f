import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';

/** What ONNX Runtime's threads share the processor with. */
export interface Machine {
  /** cores of the machine */
  readonly cores: number;
  /** processes that wanted to run, on average over the last minute; 0 where that is not known */
  readonly load: number;
  /** cores that a container's control group allows; null: no limit */
  readonly quota: number | null;
  /** threads that the environment (`FRELU_THREADS`) asks for; null: nothing */
  readonly wanted: number | null;
}

/** Threads that sleep while they wait for work, and do not spin. */
export const sleepingThreads = { session: { intra_op: { allow_spinning: '0' } } };

/** Per core: above it, others wait for the processor. What one process computes on all cores stays below. */
const busy = 1.25;

/**
 * How many threads a session computes on, and whether they spin while they wait for work. A thread that spins is ready at once, on
 * a processor of its own; on one that it shares, it takes the time of those that it waits for. ONNX Runtime takes as many
 * threads as the machine has cores, and knows no quota.
 */
export function threadOptions(machine: Machine = thisMachine()): InferenceSession.SessionOptions {
  const { cores, load, quota, wanted } = machine;
  const most = quota === null ? null : Math.max(1, Math.floor(quota));
  const threads = wanted ?? (most !== null && most < cores ? most : null);
  const shared = threads !== null || load > busy * cores;
  return {
    ...(threads !== null && { intraOpNumThreads: threads }),
    ...(shared && { extra: sleepingThreads }),
  };
}

/** What `limitThreads` set; null: nothing. */
let limit: number | null = null;

/** For sessions to come: where several processes compute beside each other, each is to keep to its share of the cores. */
export function limitThreads(count: number): void {
  limit = count;
}

function thisMachine(): Machine {
  const [load = 0] = loadavg();
  const wanted = limit ?? wantedThreads(process.env.FRELU_THREADS);
  return { cores: cpus().length, load, quota: containerQuota, wanted };
}

/** A whole number from 1 on; anything else says nothing. */
function wantedThreads(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : null;
}

const containerQuota = quotaOf(['/sys/fs/cgroup/cpu.max']);

/**
 * Whole cores that this process may compute on at a time, at least one.
 * @param allowed cores that it may be scheduled on
 * @param quota as in `Machine`
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
