import { cpus, loadavg } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';
import { containerQuota, wantedThreads } from '../contract/cores.js';

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
 * @param besideThreads whether other threads of this process compute at the same time
 */
export function threadOptions(
  besideThreads = false,
  machine: Machine = thisMachine(),
): InferenceSession.SessionOptions {
  const { cores, load, quota, wanted } = machine;
  const most = quota === null ? null : Math.max(1, Math.floor(quota));
  const threads = wanted ?? (most !== null && most < cores ? most : null);
  const shared = besideThreads || threads !== null || load > busy * cores;
  return {
    ...(threads !== null && { intraOpNumThreads: threads }),
    ...(shared && { extra: sleepingThreads }),
  };
}

let cores: number | undefined;

function thisMachine(): Machine {
  const [load = 0] = loadavg();
  // reads the clock of each core, which takes milliseconds, and sessions are many
  cores ??= cpus().length;
  return { cores, load, quota: containerQuota, wanted: wantedThreads() };
}
