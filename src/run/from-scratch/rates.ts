import type { TriedRate } from '../../contract/from-scratch.js';
import { finiteOrNull } from '../../evaluation/metrics.js';
import { type Criterion, isBetter, keptValidation, type Validation } from '../../training/criterion.js';
import { criterionOf } from '../arm-phases.js';
import type { Run } from '../run.js';
import { rateStage } from '../stages/rate.js';
import { readRunOf } from '../stages/reading.js';
import { type ScratchArm, withoutShift } from './arms.js';
import type { ScratchHooks } from './hooks.js';
import { freshRun, trainScratch } from './train.js';

/** A rate that trains for the few steps of a range test may not train for long: fresh weights have farther to go than trained ones. */
const cautious = 1 / 3;

/** What the cautious rate is multiplied by. */
const factors = [1, 2, 4] as const;

/** How many rates an arm is tried with, where none is told. */
export const triedRates = factors.length;

/**
 * The rates that an arm is tried with: as told, one; or a third of the one that a range test finds with the fresh weights of the first seed,
 * twice and four times as much, each to one digit.
 */
export async function scratchRates(run: Run): Promise<readonly number[]> {
  const { learningRate } = run.options.training;
  if (learningRate !== 'auto') return [learningRate];
  const found = await rateStage.of(await freshRun(run, run.options.seed, withoutShift, run.options.training));
  return [...new Set(factors.map((factor) => Number((factor * cautious * found.learningRate).toPrecision(1))))];
}

/** The rate of an arm, and what it was chosen from. */
export interface ChosenRate {
  readonly learningRate: number;
  /** how the first seed validated at each; none where the rate was told */
  readonly tried: readonly TriedRate[];
}

/**
 * The rate at which an arm's first seed validates best: each arm is compared at its own, since one that serves all of them may hold one of them back.
 * @param rates one at least; a single one is taken as it is
 */
export async function chooseRate(
  run: Run,
  arm: ScratchArm,
  rates: readonly number[],
  hooks: ScratchHooks,
): Promise<ChosenRate> {
  const [first = Number.NaN, ...others] = rates;
  if (others.length === 0) return { learningRate: first, tried: [] };
  const criterion = criterionOf(run.options, (await readRunOf(run)).task);
  const tried: { readonly learningRate: number; readonly validation: Validation | null }[] = [];
  for (const learningRate of rates) {
    const { trained } = await trainScratch(run, arm, run.options.seed, { learningRate, hooks });
    tried.push({ learningRate, validation: trained.outcome && keptValidation(trained.outcome) });
  }
  const best = tried.reduce((kept, each) => (isBetterTrial(criterion, each, kept) ? each : kept));
  return {
    learningRate: best.learningRate,
    tried: tried.map(({ learningRate, validation }) => ({
      learningRate,
      validationLoss: validation && finiteOrNull(validation.loss),
      validationMetric: validation?.metric ?? null,
    })),
  };
}

interface Trial {
  readonly validation: Validation | null;
}

function isBetterTrial(criterion: Criterion, { validation }: Trial, kept: Trial): boolean {
  if (validation === null) return false;
  return kept.validation === null || isBetter(criterion, validation, kept.validation);
}
