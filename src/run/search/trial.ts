import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { TriedArm } from '../../contract/result.js';
import { finiteOrNull } from '../../evaluation/metrics.js';
import type { EndedArm } from '../../training/arm.js';
import { keptValidation, lastValidation } from '../../training/criterion.js';
import { removeCheckpoints, takePhase } from '../arm-phases.js';
import type { ArmSpec } from '../arms.js';
import { artifact } from '../artifact.js';
import { isOfKeptState } from '../kept-state.js';
import type { Run } from '../run.js';
import { failedStanding, type Standing } from './bracket.js';

/** An arm under a recipe: a run of that recipe's settings, whose phases are the rungs of the search. */
export interface Trial {
  /** the recipe's */
  readonly name: string;
  readonly run: Run;
  readonly arm: ArmSpec;
  readonly seed: number;
  readonly rungs: number;
}

export interface Tried {
  readonly standings: readonly Standing[];
  readonly failed: string | null;
}

const standingOf = ({ arm, seed }: Trial, rung: number) =>
  artifact<Standing>('standing', `${arm.name}-${seed}-${rung}`, ['epochs', 'validation', 'failed']);

const rungOf = ({ arm, seed }: Trial, rung: number) =>
  artifact<EndedArm>('rung', `${arm.name}-${seed}-${rung}`, ['parameters', 'reached', 'bestEpoch', 'curve']);

/**
 * Takes a trial through a rung, from where the one before left it. A recipe that diverges, or that the model does not take, has failed; that
 * ends no search.
 * @throws Failure('interrupted') when the run is; what was computed is kept. Failure('input') where what is kept is damaged
 */
export async function takeRung(
  trial: Trial,
  rung: number,
): Promise<{ readonly standing: Standing; readonly wasKnown: boolean }> {
  const { run, arm, seed } = trial;
  const { store } = run.place;
  const known = await store.get(standingOf(trial, rung));
  if (known !== null) return { standing: known, wasKnown: true };
  const standing = await stand(trial, rung);
  await store.put(standingOf(trial, rung), standing);
  // whoever goes on does so from what this rung has left
  await removeCheckpoints(run, arm, seed);
  if (rung > 0) await store.remove(rungOf(trial, rung - 1));
  return { standing, wasKnown: false };
}

async function stand(trial: Trial, rung: number): Promise<Standing> {
  const { run, arm, seed } = trial;
  try {
    const before =
      rung === 0 ? null : present(await outcomeAfter(trial, rung - 1), 'what the rung before left of a trial');
    const outcome = await takePhase(run, arm, seed, rung, before);
    await run.place.store.put(rungOf(trial, rung), outcome);
    const isLast = rung === trial.rungs - 1;
    return {
      epochs: outcome.epochs,
      validation: isLast ? keptValidation(outcome) : lastValidation(outcome),
      failed: null,
    };
  } catch (cause) {
    if (!(cause instanceof Failure) || (cause.kind !== 'input' && cause.kind !== 'usage')) throw cause;
    if (isOfKeptState(cause)) throw cause;
    return failedStanding(cause.what);
  }
}

/** What a rung made of the arm; null where it is not kept any more. */
export function outcomeAfter(trial: Trial, rung: number): Promise<EndedArm | null> {
  return trial.run.place.store.get(rungOf(trial, rung));
}

/** Keeps how a trial stood that was computed elsewhere. */
export function keepStanding(trial: Trial, rung: number, standing: Standing): Promise<void> {
  return trial.run.place.store.put(standingOf(trial, rung), standing);
}

/** Lets a trial go on after a rung from where another one stands; where it has done so already, that stays. */
export async function startFrom(trial: Trial, other: Trial, rung: number): Promise<void> {
  const { store } = trial.run.place;
  if ((await store.get(standingOf(trial, rung + 1))) !== null || (await store.get(rungOf(trial, rung))) !== null)
    return;
  await store.put(rungOf(trial, rung), present(await outcomeAfter(other, rung), 'what another recipe made of the arm'));
}

/** Forgets what a trial would go on from. */
export async function drop(trial: Trial, rung: number): Promise<void> {
  await trial.run.place.store.remove(rungOf(trial, rung));
}

/** A trial as the table has it. */
export function triedArm({ standings, failed }: Tried, isChosen: boolean): TriedArm {
  return {
    rungs: standings.map(({ epochs, validation: { loss, metric } }) => ({
      epochs,
      validationLoss: finiteOrNull(loss),
      validationMetric: metric,
    })),
    outcome: failed !== null ? 'failed' : isChosen ? 'chosen' : 'stopped',
    why: failed,
  };
}
