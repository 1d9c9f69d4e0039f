import type { BudgetPlan } from '../../contract/result.js';
import { type ArmCosts, type ArmSteps, armSeconds, mostWithin } from '../budget.js';
import type { Run } from '../run.js';
import { budgetedTimeOf, tooSmall } from '../stages/budget.js';
import { entering, epochsInAll, type Rung, rungsOf } from './halving.js';

/** How a search goes: how many recipes are tried, and for how long. */
export interface Course {
  /** the first of them */
  readonly recipes: number;
  readonly rungs: readonly Rung[];
  /** what a budget makes of it; null: there is none */
  readonly paced: PacedCourse | null;
}

/** A course within a budget. */
export interface PacedCourse {
  /** what of the budget is for what */
  readonly budget: BudgetPlan;
  /** that a trial may take in each rung */
  readonly steps: readonly number[];
  readonly costs: ArmCosts;
  readonly perEpoch: number;
  /** whether the last batch of an epoch is smaller than the others */
  readonly hasPartial: boolean;
}

/** Of the epochs that were asked for, what the last recipe is to have by the forecast: a recipe that was found is worth less than the training that it cost. */
const leastShare = 0.75;

/**
 * The course of a search over so many recipes within the budget of its run: as many as leave the last of them `leastShare` of the epochs, which
 * become all of them where the machine is faster than was forecast. Where the budget does not suffice for two, the run's own recipe is
 * trained for as long as there is time.
 * @param own the run under its own recipe
 * @throws Failure('usage') where the budget does not suffice for one
 */
export async function courseOf(own: Run, recipes: number): Promise<Course> {
  const { epochs, budgetSeconds } = own.options.training;
  if (budgetSeconds === null) return { recipes, rungs: rungsOf(epochs, recipes), paced: null };
  const time = await budgetedTimeOf(own);
  const { costs, each, arms, seconds, evaluationSeconds, ablations } = time;
  const { perEpoch, hasPartial } = time.steps;
  for (let count = recipes; count > 0; count--) {
    const rungs = rungsOf(epochs, count);
    const most = perEpoch * epochsInAll(rungs, count);
    const stepsOf = (share: number): number[] => rungs.map((rung) => Math.floor(share * rung.epochs * perEpoch));
    const secondsOf = (fitting: number): number =>
      costs.end + searchSeconds({ rungs, recipes: count }, 0, stepsOf(fitting / most), { costs, perEpoch, hasPartial });
    const fitting = mostWithin(each, most, secondsOf);
    if (fitting < leastShare * most && count > 1) continue;
    const steps = stepsOf(fitting / most);
    if (steps.some((taken) => taken < 1)) throw tooSmall(time, arms * secondsOf(most));
    const budget: BudgetPlan = {
      seconds,
      evaluationSeconds,
      arms,
      armSeconds: secondsOf(fitting),
      ...stepsInAll(steps, perEpoch),
      epochsAsked: epochs,
      ablations,
    };
    return { recipes: count, rungs, paced: { budget, steps, costs, perEpoch, hasPartial } };
  }
  throw new Error('a search without a recipe');
}

/** The steps of a trial that goes through all rungs. */
export function stepsInAll(steps: readonly number[], perEpoch: number): Pick<BudgetPlan, 'steps' | 'epochs'> {
  const taken = steps.reduce((sum, each) => sum + each, 0);
  return { steps: taken, epochs: taken / perEpoch };
}

type Costs = Pick<ArmSteps, 'perEpoch' | 'hasPartial'> & { readonly costs: ArmCosts };

/** Seconds of one arm's trials from a rung on, of which each takes so many steps in each rung: every one is prepared, and validated before it. */
function searchSeconds(
  { rungs, recipes }: Pick<Course, 'rungs' | 'recipes'>,
  from: number,
  steps: readonly number[],
  costs: Costs,
): number {
  return steps.reduce((sum, _, rung) => {
    return rung < from ? sum : sum + rungSeconds({ rungs, recipes }, rung, steps, costs);
  }, 0);
}

function rungSeconds(
  { rungs, recipes }: Pick<Course, 'rungs' | 'recipes'>,
  rung: number,
  steps: readonly number[],
  { costs, perEpoch, hasPartial }: Costs,
): number {
  const one = armSeconds(steps[rung] ?? 0, { ...costs, end: 0 }, { perEpoch, hasPartial, most: perEpoch });
  return entering(rungs, recipes, rung) * one;
}

/** Where a search with a budget stands before a rung. */
export interface Pace {
  /** since the run began */
  readonly spent: number;
  /** what the rung before took, of all arms */
  readonly rungTook: number;
}

/**
 * The steps of the rungs from `rung` on, now that the one before has shown how fast this machine is with what else it does: fewer where it is slower
 * than was forecast, more where it is faster, up to all epochs that were asked for, in the same shares.
 */
export function stepsFrom(
  rung: number,
  course: Course,
  paced: PacedCourse,
  { spent, rungTook }: Pace,
): readonly number[] {
  const { budget, steps, costs, perEpoch } = paced;
  const { seconds, arms, evaluationSeconds } = budget;
  const slowness = rungTook / (arms * rungSeconds(course, rung - 1, steps, paced));
  const left = (seconds - spent) / slowness - evaluationSeconds;
  const parts = 1000;
  const stepsOf = (share: number): number[] =>
    course.rungs.map(({ epochs }, i) =>
      i < rung ? (steps[i] ?? 0) : Math.max(1, Math.floor((share / parts) * epochs * perEpoch)),
    );
  const share = mostWithin(left / arms, parts, (each) => costs.end + searchSeconds(course, rung, stepsOf(each), paced));
  return stepsOf(share);
}
