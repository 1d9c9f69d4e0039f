import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import { type Criterion, isBetter } from '../../training/criterion.js';
import { criterionOf } from '../arm-phases.js';
import type { ArmName } from '../arms.js';
import type { Run } from '../run.js';
import { readRunOf } from '../stages/reading.js';
import { type Candidate, combined, isOfFreluAlone } from './candidates.js';
import type { Course } from './course.js';
import { drop, startFrom, type Trial, type Tried, takeRung } from './trial.js';
import { suitability, trialOf } from './trials.js';

/** One arm's search: its trials by recipe, and those that are still in it. */
export interface Contest {
  readonly name: ArmName;
  readonly recipes: Candidate[];
  readonly tried: Tried[];
  left: readonly number[];
  /** made anew each time: a trial holds its networks, and as many as there are recipes may be more than memory holds */
  trial(recipe: number, course: Course): Promise<Trial>;
}

export function contestOf(run: Run, candidates: readonly Candidate[], name: ArmName): Contest {
  const recipes = [...candidates];
  return {
    name,
    recipes,
    tried: candidates.map(() => untried),
    left: [...candidates.keys()],
    trial: (recipe, course) => trialOf(run, present(recipes[recipe], 'a recipe'), recipe, name, course),
  };
}

const untried: Tried = { standings: [], failed: null };

/**
 * Takes the trials that are left through a rung, and leaves the better ones.
 * @returns whether any of them had been taken through it before
 */
export async function takeAll(run: Run, contest: Contest, rung: number, course: Course): Promise<boolean> {
  const { name, tried, left } = contest;
  const { rungs } = course;
  let wasAnyKnown = false;
  for (const [at, i] of left.entries()) {
    const trial = await contest.trial(i, course);
    run.hooks.onTrial({
      arm: name,
      recipe: trial.name,
      trial: at + 1,
      trials: left.length,
      rung: rung + 1,
      rungs: rungs.length,
    });
    const { standing, wasKnown } = await takeRung(trial, rung);
    wasAnyKnown ||= wasKnown;
    const { standings } = present(tried[i], 'what was tried');
    tried[i] =
      standing.failed === null
        ? { standings: [...standings, standing], failed: null }
        : { standings, failed: standing.failed };
  }
  const criterion = criterionOf(run.options, (await readRunOf(run)).task);
  const ranked = left
    .filter((i) => tried[i]?.failed === null)
    .toSorted((a, b) => compare(criterion, tried[a], tried[b]));
  if (ranked.length === 0) throw allFailed(tried[0]?.failed ?? null);
  const places = present(rungs[rung], 'a rung').survivors;
  const joint = rung === 0 && places >= fewestBesideJoint ? await combine(run, contest, ranked, course) : null;
  const survivors = joint === null ? ranked.slice(0, places) : [...ranked.slice(0, places - 1), joint];
  for (const i of left.filter((each) => !survivors.includes(each))) await drop(await contest.trial(i, course), rung);
  contest.left = survivors;
  return wasAnyKnown;
}

/** With fewer places than this, a combination would take that of one of the two recipes that it is of. */
const fewestBesideJoint = 3;

/**
 * The two best ingredients together, as a trial that goes on from where one of them stands. Its place is the last one that the others would
 * have had: it costs no time.
 * @param ranked the trials, the best first
 * @returns which recipe it is; null where no two go together
 */
async function combine(
  run: Run,
  { name, recipes, tried, trial }: Contest,
  ranked: readonly number[],
  course: Course,
): Promise<number | null> {
  const recipe = (i: number): Candidate => present(recipes[i], 'a recipe');
  const isSuitable = await suitability(run);
  // what changes FReLU alone is no ingredient of the control arm
  const ingredients = ranked.filter((i) => name === 'frelu' || !isOfFreluAlone(recipe(i)));
  for (const [place, worse] of ingredients.entries()) {
    for (const better of ingredients.slice(0, place)) {
      const pair = [Math.min(better, worse), Math.max(better, worse)] as const;
      const joint = combined(recipe(pair[0]), recipe(pair[1]));
      if (joint === null || !isSuitable(joint)) continue;
      const added = recipes.push(joint) - 1;
      tried.push(untried);
      // the one whose plan it has, else the better one
      const start = isOfFreluAlone(recipe(worse)) ? worse : better;
      await startFrom(await trial(added, course), await trial(start, course), 0);
      return added;
    }
  }
  return null;
}

/** The better one first; of equals the one that changes less, which stands before. */
function compare(criterion: Criterion, a: Tried | undefined, b: Tried | undefined): number {
  const [first, second] = [a, b].map((each) => present(each?.standings.at(-1), 'a standing').validation);
  if (first === undefined || second === undefined) return 0;
  if (isBetter(criterion, first, second)) return -1;
  return isBetter(criterion, second, first) ? 1 : 0;
}

function allFailed(why: string | null): Failure {
  return new Failure('input', {
    what: `No recipe of the search trains this model. The run's own: ${why ?? 'no reason is known'}`,
    cure: 'Choose the settings yourself.',
    settings: ['search'],
    written: 'model-untouched',
  });
}

/** The recipe that is left at the end. */
export const winnerOf = ({ left }: Contest): number => present(left[0], 'a recipe that is left');
