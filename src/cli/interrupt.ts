import { exitCodes } from '../errors.js';
import type { Io } from './io.js';

export interface Interruption {
  /** aborted by the first request to stop */
  readonly signal: AbortSignal;
  stop(): void;
}

/** The first Ctrl-C asks the work to stop where it can go on later, the second ends the process at once. */
export function watchInterrupts(io: Io, tell: (message: string) => void): Interruption {
  const controller = new AbortController();
  const stop = io.onInterrupt(() => {
    if (controller.signal.aborted) {
      io.stderr.write('\n');
      io.exit(exitCodes.interrupted);
      return;
    }
    tell('Stopping: training ends after this step and saves its state. Ctrl-C again ends at once.');
    controller.abort();
  });
  return { signal: controller.signal, stop };
}
