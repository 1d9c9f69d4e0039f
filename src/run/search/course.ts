import type { BudgetPlan } from '../../contract/result.js';
import { armSeconds, stepsWithin } from '../budget.js';
import type { Run } from '../run.js';
import { budgetedTimeOf, tooSmall } from '../stages/budget.js';
import { epochsInAll, type Rung, rungsOf, trialsInAll } from './halving.js';

/** How a search goes: how many recipes are tried, and for how long. */
export interface Course {
  /** the first of them */
  readonly recipes: number;
  readonly rungs: readonly Rung[];
  /** that a trial may take in each rung; null: as many as the epochs are */
  readonly steps: readonly number[] | null;
  /** what of the budget is for what; null: there is none */
  readonly budget: BudgetPlan | null;
}

/**
 * The course of a search over so many recipes within the budget of its run: as many as leave the last of them all epochs that were asked for,
 * since a recipe that was found is worth less than the training that it cost. Where the budget does not suffice for two, the run's own recipe
 * is trained for as long as there is time.
 * @param own the run under its own recipe
 * @throws Failure('usage') where the budget does not suffice for one
 */
export async function courseOf(own: Run, recipes: number): Promise<Course> {
  const { epochs, budgetSeconds } = own.options.training;
  if (budgetSeconds === null) return { recipes, rungs: rungsOf(epochs, recipes), steps: null, budget: null };
  const time = await budgetedTimeOf(own);
  const { costs, each, arms, seconds, evaluationSeconds, ablations } = time;
  const { perEpoch } = time.steps;
  for (let count = recipes; count > 0; count--) {
    const rungs = rungsOf(epochs, count);
    const wanted = { ...time.steps, most: perEpoch * epochsInAll(rungs, count) };
    // every trial of a rung is prepared, and validated before it
    const preparing = (trialsInAll(rungs, count) - 1) * (costs.setup + costs.epochEnd);
    const fitting = stepsWithin(each - preparing, costs, wanted);
    if (fitting < wanted.most && count > 1) continue;
    const share = fitting / wanted.most;
    const steps = rungs.map((rung) => Math.floor(share * rung.epochs * perEpoch));
    if (steps.some((taken) => taken < 1)) throw tooSmall(time, arms * armSeconds(wanted.most, costs, wanted));
    const taken = steps.reduce((sum, each) => sum + each, 0);
    const budget: BudgetPlan = {
      seconds,
      evaluationSeconds,
      arms,
      armSeconds: preparing + armSeconds(fitting, costs, wanted),
      steps: taken,
      epochs: taken / perEpoch,
      epochsAsked: epochs,
      ablations,
    };
    return { recipes: count, rungs, steps, budget };
  }
  throw new Error('a search without a recipe');
}
