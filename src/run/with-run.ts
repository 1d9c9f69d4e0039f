import { ExecutionError, Failure } from '../contract/failure.js';
import { teacherFile } from '../contract/settings.js';
import { blamingModels } from './blame.js';
import { completeHooks, type RunHooks } from './hooks.js';
import { checkOptions, openRun } from './open.js';
import type { Run } from './run.js';
import { completeOptions, type MigrateRequest } from './spec.js';

/**
 * Opens a run, has something done with it, and closes it, however that ends.
 * @throws Failure('usage') for options that do not go together; Failure('input') where model or data cannot be used; what `work` throws
 */
export async function withRun<T>(
  request: MigrateRequest,
  hooks: Partial<RunHooks>,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const options = completeOptions(request);
  const rule = checkOptions(options);
  const teacher = teacherFile(options.distill);
  return blamingModels([options.model, ...(teacher === null ? [] : [teacher])], async () => {
    const closing: (() => Promise<void>)[] = [];
    try {
      const run = await openRun(options, rule, completeHooks(hooks), closing);
      return await explainingDevice(run, () => work(run));
    } finally {
      for (const close of closing.toReversed()) await close();
    }
  });
}

async function explainingDevice<T>(run: Run, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw await explainDevice(run, cause);
  }
}

/** A device that fails between training steps takes nothing with it that was kept: another goes on from there. */
async function explainDevice(run: Run, cause: unknown): Promise<unknown> {
  if (!(cause instanceof ExecutionError)) return cause;
  const { provider } = await run.device();
  if (provider === 'cpu') return cause;
  const [why] = cause.message.split('\n');
  return new Failure(
    'interrupted',
    {
      what: `The device ${provider} failed (${why}). What was computed is saved.`,
      cure: 'Resume the run on another device.',
      settings: ['resume', ['device', 'cpu']],
      written: 'model-untouched',
    },
    { cause },
  );
}
