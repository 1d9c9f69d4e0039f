import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { SearchResult, TriedRecipe } from '../../contract/result.js';
import { type Criterion, isBetter } from '../../training/criterion.js';
import { criterionOf, outcomeOf, takePhase } from '../arm-phases.js';
import { type ArmName, armsOf } from '../arms.js';
import { enter, type Run } from '../run.js';
import { defineStage } from '../runner.js';
import type { Candidate } from '../search/candidates.js';
import { type Course, courseOf } from '../search/course.js';
import { deriveRun } from '../search/derive.js';
import type { Rung } from '../search/halving.js';
import { drop, outcomeAfter, type Trial, type Tried, takeRung, triedArm } from '../search/trial.js';
import { ownRun, suitableCandidates, trialOf } from '../search/trials.js';
import type { MigrateOptions } from '../spec.js';
import { baselineStage } from './baseline.js';
import { budgetStage } from './budget.js';
import { planStage } from './plan.js';
import { rateStage } from './rate.js';
import { readingStage, readRunOf } from './reading.js';
import { teacherStage } from './teacher.js';
import { trainedArtifact } from './train.js';

/** What a search found, and the settings of a run of the recipe that the frelu arm took. */
interface Found {
  readonly search: SearchResult;
  readonly options: Pick<MigrateOptions, 'training' | 'distill' | 'plan'>;
}

/**
 * Finds a recipe for each arm by successive halving on the validation split: the same recipes, the same rungs, the same number of trials for both, so
 * that neither has more to choose from. Every trial goes on from where its last rung left it. The test split takes no part. What the chosen
 * trials made is kept as the run's own: plan, rate, trained arms.
 */
const searchStage = defineStage<Found>({
  name: 'search',
  phase: null,
  fields: ['search', 'options'],
  async compute(run) {
    // a model without a ReLU is told as one
    await planStage.of(ownRun(run));
    const suitable = await suitableCandidates(run);
    const course = await courseStage(suitable.length).of(ownRun(run));
    if (course.budget !== null) run.hooks.onBudget(course.budget);
    const { rungs } = course;
    const candidates = suitable.slice(0, course.recipes);
    enter(run, 'search');
    const contests = armsOf(run.options).map(({ name }) => contestOf(run, candidates, course, name));
    for (const rung of rungs.keys()) {
      for (const contest of contests) await takeAll(run, contest, rung, rungs);
    }
    for (const contest of contests) await keepWinner(run, contest, rungs);
    if (course.budget !== null) await run.place.store.put(budgetStage.kept, course.budget);
    return foundBy(run, contests, candidates, suitable.slice(course.recipes));
  },
});

/** The course is an artifact: a search that is resumed has the same. */
const courseStage = (recipes: number) =>
  defineStage<Course>({
    name: 'course',
    phase: null,
    fields: ['recipes', 'rungs', 'steps', 'budget'],
    compute: (own) => courseOf(own, recipes),
  });

/** One arm's search: its trials by recipe, and those that are still in it. */
interface Contest {
  readonly name: ArmName;
  readonly tried: Tried[];
  left: readonly number[];
  /** made anew each time: a trial holds its networks, and as many as there are recipes may be more than memory holds */
  trial(recipe: number): Promise<Trial>;
}

function contestOf(run: Run, candidates: readonly Candidate[], course: Course, name: ArmName): Contest {
  return {
    name,
    tried: candidates.map(() => ({ standings: [], failed: null })),
    left: [...candidates.keys()],
    trial: (recipe) => trialOf(run, present(candidates[recipe], 'a recipe'), recipe, name, course),
  };
}

/** Takes the trials that are left through a rung, and leaves the better ones. */
async function takeAll(run: Run, contest: Contest, rung: number, rungs: readonly Rung[]): Promise<void> {
  const { name, tried, left } = contest;
  for (const [at, i] of left.entries()) {
    const trial = await contest.trial(i);
    run.hooks.onTrial({
      arm: name,
      recipe: trial.name,
      trial: at + 1,
      trials: left.length,
      rung: rung + 1,
      rungs: rungs.length,
    });
    const standing = await takeRung(trial, rung);
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
  const survivors = ranked.slice(0, present(rungs[rung], 'a rung').survivors);
  for (const i of left.filter((each) => !survivors.includes(each))) await drop(await contest.trial(i), rung);
  contest.left = survivors;
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

/** Keeps what the winning trial made as the run's own. */
async function keepWinner(run: Run, contest: Contest, rungs: readonly Rung[]): Promise<void> {
  const { name } = contest;
  const trial = await contest.trial(winnerOf(contest));
  const last = rungs.length - 1;
  let outcome = present(await outcomeAfter(trial, last), 'what the chosen recipe made of the arm');
  // statistics are estimated anew, and sites taken back, behind the last rung
  for (let i = rungs.length; i < trial.arm.phases.length; i++) {
    outcome = await takePhase(trial.run, trial.arm, trial.seed, i, outcome);
  }
  const { store } = run.place;
  await store.put(trainedArtifact(`${name}-${run.options.seed}`), outcomeOf(outcome));
  if (name !== 'frelu') return;
  await store.put(planStage.kept, await planStage.of(trial.run));
  await store.put(baselineStage.kept, await baselineStage.of(trial.run));
  await store.put(rateStage.kept, await rateStage.of(trial.run));
  const taught = await trial.run.place.store.get(teacherStage.kept);
  if (taught !== null) await store.put(teacherStage.kept, taught);
}

const winnerOf = ({ left }: Contest): number => present(left[0], 'a recipe that is left');

async function foundBy(
  run: Run,
  contests: readonly Contest[],
  candidates: readonly Candidate[],
  leftOut: readonly Candidate[],
): Promise<Found> {
  const contestOfArm = (arm: ArmName) => contests.find(({ name }) => name === arm);
  const frelu = present(contestOfArm('frelu'), 'the search of the frelu arm');
  const control = contestOfArm('control');
  const nameOf = (contest: Contest): string => present(candidates[winnerOf(contest)], 'the chosen recipe').name;
  const armOf = (contest: Contest, i: number) =>
    triedArm(present(contest.tried[i], 'what was tried'), winnerOf(contest) === i);
  const { training, distill, plan } = (await frelu.trial(winnerOf(frelu))).run.options;
  // the rate is an artifact: that it was found is told of the run
  const { learningRate, budgetSeconds } = run.options.training;
  return {
    search: {
      tried: candidates.map(
        ({ name, options }, i): TriedRecipe => ({
          name,
          options,
          control: control === undefined ? null : armOf(control, i),
          frelu: armOf(frelu, i),
        }),
      ),
      leftOut: leftOut.map(({ name }) => name),
      chosen: { control: control === undefined ? null : nameOf(control), frelu: nameOf(frelu) },
    },
    options: { training: { ...training, learningRate, budgetSeconds }, distill, plan },
  };
}

/** The run as it goes on: with the recipe that its search has found, where it was to look for one. */
export async function searched(run: Run): Promise<Run> {
  if (!run.options.training.search) return run;
  await readingStage.of(run);
  const { options } = await searchStage.of(run);
  return deriveRun(run, { ...run.options, ...options }, {});
}

/** What a run's search tried; null where it was not to look for a recipe. */
export async function searchOf({ options, place }: Run): Promise<SearchResult | null> {
  if (!options.training.search) return null;
  return present(await place.store.get(searchStage.kept), 'the search of a run that was to search').search;
}
