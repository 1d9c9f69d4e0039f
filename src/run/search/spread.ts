import type { MigrateResult } from '../../contract/result.js';
import { finiteOrNull } from '../../evaluation/metrics.js';
import { armContextOf } from '../arm-context.js';
import { removeCheckpoints } from '../arm-phases.js';
import { type ArmName, armsOf } from '../arms.js';
import type { RunHooks } from '../hooks.js';
import { finishRun } from '../migrate.js';
import { enter } from '../run.js';
import type { MigrateRequest } from '../spec.js';
import { rateStage } from '../stages/rate.js';
import { readingStage } from '../stages/reading.js';
import { withRun } from '../with-run.js';
import { beginSearch } from './begin.js';
import { type Entrant, type Lineup, type Standing, startOf } from './bracket.js';
import { drop, keepStanding, startFrom, takeRung } from './trial.js';
import { ownRun, trialOf } from './trials.js';

/*
 * A search in parts that are computed anywhere. What its opening leaves in the run's folder is where every trial begins; a trial goes on from what the rung before
 * it left in its own; and what comes last has the standings of all trials and what the last rung left of the chosen ones, and goes on as a run does whose search
 * was interrupted there. So the parts together compute what `migrate` does by itself.
 */

/** What the trials of a search follow from. */
export interface Opened {
  readonly lineup: Lineup;
  /** those that search, each for itself */
  readonly arms: readonly ArmName[];
}

/** A trial of a rung. */
export interface TrialName {
  readonly arm: ArmName;
  readonly entrant: Entrant;
  /** from 0 */
  readonly rung: number;
}

/** How a trial stood, as JSON: a loss that is no finite number is null. */
export interface ToldStanding extends Omit<Standing, 'validation'> {
  readonly validation: { readonly loss: number | null; readonly metric: number | null };
}

export function standingFrom({ validation: { loss, metric }, ...told }: ToldStanding): Standing {
  return { ...told, validation: { loss: loss ?? Number.POSITIVE_INFINITY, metric } };
}

/** Computes what all trials share: how the model is read, the plan, the rate, what the model as it came says, the answers of a teacher. */
export function openSearch(request: MigrateRequest, hooks: Partial<RunHooks>): Promise<Opened> {
  return withRun(request, hooks, async (run) => {
    await readingStage.of(run);
    const { lineup } = await beginSearch(run);
    await rateStage.of(ownRun(run));
    await armContextOf(ownRun(run));
    return { lineup, arms: armsOf(run.options).map(({ name }) => name) };
  });
}

/**
 * Takes one trial through one rung. The run's folder has what the opening left, and of a later rung what the one before left of the trial (of a combination's first, of
 * the recipe that it starts from); then it has what this rung leaves in its place.
 */
export function takeTrial(
  request: MigrateRequest,
  { arm, entrant, rung }: TrialName,
  hooks: Partial<RunHooks>,
): Promise<ToldStanding> {
  return withRun(request, hooks, async (run) => {
    const { lineup, course } = await beginSearch(run);
    enter(run, 'search');
    const trial = await trialOf(run, lineup, entrant, arm, course);
    const before =
      entrant.start !== null && rung === 1 ? [await trialOf(run, lineup, startOf(entrant), arm, course)] : [];
    for (const other of before) await startFrom(trial, other, rung - 1);
    const { standing } = await takeRung(trial, rung);
    await removeCheckpoints(trial.run, trial.arm, trial.seed);
    if (rung > 0) for (const each of [trial, ...before]) await drop(each, rung - 1);
    const { loss, metric } = standing.validation;
    return { ...standing, validation: { loss: finiteOrNull(loss), metric } };
  });
}

/** Finishes a run whose trials were taken elsewhere. The run's folder has what the opening left, and what the last rung left of the chosen trials. */
export function concludeSearch(
  request: MigrateRequest,
  trials: readonly (TrialName & { readonly standing: ToldStanding })[],
  hooks: Partial<RunHooks>,
): Promise<MigrateResult> {
  return withRun(request, hooks, async (run) => {
    await readingStage.of(run);
    const { lineup, course } = await beginSearch(run);
    for (const { arm, entrant, rung, standing } of trials) {
      await keepStanding(await trialOf(run, lineup, entrant, arm, course), rung, standingFrom(standing));
    }
    return finishRun(run);
  });
}
