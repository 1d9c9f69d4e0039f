import { completeHooks, type RunHooks } from '../hooks.js';

/** What a training from scratch tells while it works: as a run does, with arms of other names. */
export interface ScratchHooks extends Omit<RunHooks, 'onArm'> {
  onArm(arm: string, seed: number, trainSamples: number): void;
}

/** Nobody listens, except where `given` says who does. */
export function completeScratchHooks(given: Partial<ScratchHooks>): ScratchHooks {
  return { ...completeHooks({}), ...given };
}
