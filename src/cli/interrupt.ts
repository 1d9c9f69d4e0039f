import { exitCodes } from '../contract/failure.js';
import type { Io } from './io.js';

export interface Interruption {
  /** aborted by the first request to stop */
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * The first Ctrl-C asks the work to stop where it can go on later, the second ends the process at once.
 * @param tell says so to the user, at the first
 */
export function watchInterrupts(io: Io, tell: () => void): Interruption {
  const controller = new AbortController();
  const stop = io.onInterrupt(() => {
    if (controller.signal.aborted) {
      io.stderr.write('\n');
      io.exit(exitCodes.interrupted);
      return;
    }
    tell();
    controller.abort();
  });
  return { signal: controller.signal, stop };
}
