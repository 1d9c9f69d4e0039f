import { Failure } from '../../contract/failure.js';
import type { FromScratchResult } from '../../contract/from-scratch.js';
import type { MigrateRequest } from '../../run/spec.js';
import type { Destination } from '../../tracking/destination.js';
import { type Context, printJson } from '../context.js';
import { warn } from '../github.js';
import { watchInterrupts } from '../interrupt.js';
import { isLive } from '../io.js';

/** `migrate --from-scratch`: the experiment, its table or its JSON. Returns the exit code. */
export async function compareFromScratch(
  context: Context,
  request: MigrateRequest,
  destinations: readonly Destination[],
): Promise<number> {
  if (destinations.length > 0) {
    throw new Failure('usage', {
      what: 'The results of a training from scratch are those of no model, and are not logged.',
      cure: 'Leave out --log; the JSON in the folder of the run has them.',
      written: 'nothing',
    });
  }
  const result = await run(context, request);
  if (context.json) printJson(context, result);
  else {
    const { renderScratchTerminal } = await import('../../report/from-scratch-terminal.js');
    context.io.stdout.write(renderScratchTerminal(result));
  }
  return 0;
}

async function run({ io, writes }: Context, request: MigrateRequest): Promise<FromScratchResult> {
  const [{ trainFromScratch }, { scratchTrainings }, { createProgress }] = await Promise.all([
    import('../../run/from-scratch/from-scratch.js'),
    import('../../run/from-scratch/options.js'),
    import('../progress.js'),
  ]);
  writes.sentence = 'The model is untouched.';
  const progress = createProgress({
    output: io.stderr,
    live: isLive(io.stderr, io.env),
    arms: scratchTrainings(request.training),
  });
  const interruption = watchInterrupts(io, () => {
    progress.end();
    io.stderr.write('Stopping where the run can be resumed from. Press Ctrl-C again to end at once.\n');
  });
  try {
    return await trainFromScratch(request, {
      ...progress,
      warn(message) {
        progress.end();
        warn(io, message);
      },
      signal: interruption.signal,
    });
  } finally {
    progress.end();
    interruption.stop();
  }
}
