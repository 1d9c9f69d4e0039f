import { present } from '../../contract/present.js';
import type { BudgetPlan } from '../../contract/result.js';
import { type ArmCosts, type ArmSteps, armSeconds, mostWithin } from '../budget.js';
import type { Run } from '../run.js';
import { type BudgetedTime, budgetedTimeOf, tooSmall } from '../stages/budget.js';
import { entering, epochsInAll, openRung, type Rung, rungsOf } from './halving.js';

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

/** Of an arm's time, what looking for a recipe may take where the rest is for training what was found. */
const lookingShare = 0.5;

/**
 * The course of a search over so many recipes within the budget of its run. Where epochs were asked for: as many recipes as leave the last of them
 * `leastShare` of these, which become all of them where the machine is faster than was forecast; where the budget does not suffice for two, the
 * run's own recipe is trained for as long as there is time. Where none were: as many as take `lookingShare` of the time, and what is chosen has the rest.
 * @param own the run under its own recipe
 * @throws Failure('usage') where the budget does not suffice for one
 */
export async function courseOf(own: Run, recipes: number): Promise<Course> {
  const { epochs, budgetSeconds, openEnded } = own.options.training;
  if (budgetSeconds === null) return { recipes, rungs: rungsOf(epochs, recipes), paced: null };
  const time = await budgetedTimeOf(own);
  return openEnded ? openCourse(time, epochs, recipes) : closedCourse(time, epochs, recipes);
}

function closedCourse(time: BudgetedTime, epochs: number, recipes: number): Course {
  const { each, arms, costs } = time;
  for (let count = recipes; count > 0; count--) {
    const rungs = rungsOf(epochs, count);
    const { fitting, most, steps, secondsOf } = sharedOut(rungs, count, time, each);
    if (fitting < leastShare * most && count > 1) continue;
    if (steps.some((taken) => taken < 1)) throw tooSmall(time, arms * (costs.end + secondsOf(most)));
    return pacedCourse({ recipes: count, rungs }, steps, time, epochs);
  }
  throw new Error('a search without a recipe');
}

/** Where looking for as long as was said leaves time for fewer recipes than this, it is for shorter. */
const enoughRecipes = 4;
/** the shortest training whose recipes are halved twice, and the shortest of all */
const shorterLooks = [3, 1] as const;

function openCourse(time: BudgetedTime, epochs: number, recipes: number): Course {
  const looks = [epochs, ...shorterLooks.filter((shorter) => shorter < epochs)];
  const courses = looks.map((length) => lookingCourse(time, length, recipes));
  const most = Math.max(...courses.map((course) => course.recipes));
  const found = courses.find((course) => course.recipes >= Math.min(enoughRecipes, most));
  return present(found, 'a course');
}

/** As many recipes as can be looked at so long; where that is not even two, the run's own has all of the time. */
function lookingCourse(time: BudgetedTime, epochs: number, recipes: number): Course {
  const { each, arms, costs } = time;
  for (let count = recipes; count > 1; count--) {
    const looking = rungsOf(epochs, count);
    const { fitting, most, steps } = sharedOut(looking, count, time, lookingShare * each);
    if (fitting < leastShare * most) continue;
    const course = { recipes: count, rungs: [...looking, openRung] };
    const all = filled(course, [...steps, 1], each - costs.end, costsOf(time));
    if (all.every((taken) => taken > 0)) return pacedCourse(course, all, time, null);
  }
  const course = { recipes: 1, rungs: [openRung] };
  const steps = filled(course, [1], each - costs.end, costsOf(time));
  if (steps.some((taken) => taken < 1)) throw tooSmall(time, arms * armSeconds(time.steps.most, costs, time.steps));
  return pacedCourse(course, steps, time, null);
}

/** The rungs' steps, by the same share of each, as many as one arm takes within so many seconds. */
function sharedOut(rungs: readonly Rung[], count: number, time: BudgetedTime, seconds: number) {
  const { perEpoch } = time.steps;
  const most = perEpoch * epochsInAll(rungs, count);
  const stepsOf = (taken: number): number[] => rungs.map((rung) => Math.floor((taken / most) * rung.epochs * perEpoch));
  const secondsOf = (taken: number): number =>
    searchSeconds({ rungs, recipes: count }, 0, stepsOf(taken), costsOf(time));
  const fitting = mostWithin(seconds - time.costs.end, most, secondsOf);
  return { fitting, most, steps: stepsOf(fitting), secondsOf };
}

/** The same steps, but those of the last rung: as many as the others leave time for, of so many seconds; 0: none. */
function filled(
  course: Pick<Course, 'rungs' | 'recipes'>,
  steps: readonly number[],
  seconds: number,
  costs: Costs,
  from = 0,
): readonly number[] {
  const before = steps.slice(0, -1);
  const most = costs.perEpoch * (course.rungs.at(-1)?.epochs ?? 0);
  return [...before, mostWithin(seconds, most, (last) => searchSeconds(course, from, [...before, last], costs))];
}

const costsOf = ({ costs, steps: { perEpoch, hasPartial } }: BudgetedTime): Costs => ({ costs, perEpoch, hasPartial });

function pacedCourse(
  course: Pick<Course, 'rungs' | 'recipes'>,
  steps: readonly number[],
  time: BudgetedTime,
  epochsAsked: number | null,
): Course {
  const { arms, seconds, evaluationSeconds, ablations, costs } = time;
  const { perEpoch } = time.steps;
  const budget: BudgetPlan = {
    seconds,
    evaluationSeconds,
    arms,
    armSeconds: costs.end + searchSeconds(course, 0, steps, costsOf(time)),
    ...stepsInAll(steps, perEpoch),
    epochsAsked,
    ablations,
  };
  return { ...course, paced: { budget, steps, ...costsOf(time) } };
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
 * than was forecast, more where it is faster, up to all epochs that were asked for, in the same shares; an open rung has what is left.
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
  const left = ((seconds - spent) / slowness - evaluationSeconds) / arms - costs.end;
  const parts = 1000;
  const stepsOf = (share: number): number[] =>
    course.rungs.map(({ epochs, isOpen }, i) => {
      const [planned, whole] = [steps[i] ?? 0, epochs * perEpoch];
      return i < rung ? planned : Math.max(1, Math.floor((share / parts) * (isOpen ? planned : whole)));
    });
  const share = mostWithin(left, parts, (each) => searchSeconds(course, rung, stepsOf(each), paced));
  const shared = stepsOf(share);
  return course.rungs.at(-1)?.isOpen && share === parts ? filled(course, shared, left, paced, rung) : shared;
}
