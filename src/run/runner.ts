import { Failure } from '../contract/failure.js';
import { type Artifact, artifact } from './artifact.js';
import type { RunPhase } from './hooks.js';
import { enter, perRun, type Run } from './run.js';

/** A step of a run that gives one artifact, from those of earlier stages. */
export interface Stage<T extends object = object> {
  readonly name: string;
  /** The stage's artifact: as the store has it, else computed and kept. */
  of(run: Run): Promise<T>;
}

/** A stage whose artifact is kept as one. */
export interface KeptStage<T extends object> extends Stage<T> {
  /** which artifact of a run's store it is */
  readonly kept: Artifact<T>;
}

/**
 * Declares a stage. It asks earlier stages for what it needs by their `of`.
 * @param phase what the user is told while it computes; null: nothing new
 * @param fields of its artifact: what tells it from another
 */
export function defineStage<T extends object>({
  name,
  phase,
  fields,
  lasting = () => false,
  compute,
}: {
  readonly name: string;
  readonly phase: RunPhase | null;
  readonly fields: readonly (keyof T & string)[];
  /** whether it has done what a missing artifact does not undo: then that it could not be kept is told, and the run goes on */
  lasting?(value: T): boolean;
  compute(run: Run): Promise<T>;
}): KeptStage<T> {
  const kept: Artifact<T> = artifact<T>(name, '', fields);
  const of = perRun(async (run) => {
    const known = await run.place.store.get(kept);
    if (known !== null) return known;
    if (phase !== null) enter(run, phase);
    const value = await compute(run);
    try {
      await run.place.store.put(kept, value);
    } catch (cause) {
      if (!(cause instanceof Failure && lasting(value))) throw cause;
      run.hooks.warn(cause.message);
    }
    return value;
  });
  return { name, kept, of };
}

/** Runs stages in order. What the store has is not computed again. */
export async function runStages(stages: readonly Stage[], run: Run): Promise<void> {
  for (const stage of stages) await stage.of(run);
}
