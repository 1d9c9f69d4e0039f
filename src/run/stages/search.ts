import { present } from '../../contract/present.js';
import type { SearchResult, TriedArm, TriedRecipe } from '../../contract/result.js';
import { outcomeOf, takePhase } from '../arm-phases.js';
import { type ArmName, armsOf } from '../arms.js';
import { artifact } from '../artifact.js';
import { enter, type Run } from '../run.js';
import { defineStage } from '../runner.js';
import { beginSearch } from '../search/begin.js';
import { type Candidate, recipeOf } from '../search/candidates.js';
import { type Contest, contestOf, takeAll, winnerOf } from '../search/contest.js';
import { type Course, stepsFrom, stepsInAll } from '../search/course.js';
import { deriveRun } from '../search/derive.js';
import { outcomeAfter, triedArm } from '../search/trial.js';
import { ownRun } from '../search/trials.js';
import type { MigrateOptions, TrainingOptions } from '../spec.js';
import { baselineStage } from './baseline.js';
import { budgetStage } from './budget.js';
import { planStage } from './plan.js';
import { rateStage } from './rate.js';
import { readingStage } from './reading.js';
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
    const { course, lineup, leftOut } = await beginSearch(run);
    if (course.paced !== null) run.hooks.onBudget(course.paced.budget);
    if (lineup.recipes.length === 1 && leftOut.length > 0) {
      run.hooks.note('The budget leaves time for the recipe of this run alone: no other is tried.');
    }
    enter(run, 'search');
    const contests = armsOf(run.options).map(({ name }) => contestOf(run, lineup, name));
    const taken = await takeRungs(run, contests, course);
    for (const contest of contests) await keepWinner(run, contest, taken);
    if (taken.paced !== null) {
      const { budget, steps, perEpoch } = taken.paced;
      await run.place.store.put(budgetStage.kept, { ...budget, ...stepsInAll(steps, perEpoch) });
    }
    return foundBy(run, contests, taken, leftOut);
  },
});

/**
 * Takes the trials of all arms through the rungs. With a budget, each rung tells how long the next may be: for both arms, before either begins it.
 * @returns the course as it was taken
 */
async function takeRungs(run: Run, contests: readonly Contest[], planned: Course): Promise<Course> {
  let course = planned;
  // of a rung of which some was computed before an interruption, nobody knows how long it took
  let rungTook: number | null = null;
  for (const rung of course.rungs.keys()) {
    course = await pacedBefore(run, rung, course, rungTook);
    const began = performance.now();
    let wasKnown = false;
    for (const contest of contests) wasKnown = (await takeAll(run, contest, rung, course)) || wasKnown;
    rungTook = wasKnown ? null : (performance.now() - began) / 1000;
  }
  return course;
}

/** The course with the steps that the rungs from `rung` on take. They are an artifact: a search that is resumed takes as many. */
async function pacedBefore(run: Run, rung: number, course: Course, rungTook: number | null): Promise<Course> {
  const { paced } = course;
  if (paced === null || rung === 0) return course;
  const { store } = ownRun(run).place;
  const kept = artifact<{ readonly steps: readonly number[] }>('course', `rung-${rung + 1}`, ['steps']);
  let known = await store.get(kept);
  if (known === null) {
    const spent = (performance.now() - run.began) / 1000;
    known = { steps: rungTook === null ? paced.steps : stepsFrom(rung, course, paced, { spent, rungTook }) };
    await store.put(kept, known);
  }
  return { ...course, paced: { ...paced, steps: known.steps } };
}

/** Keeps what the winning trial made as the run's own. */
async function keepWinner(run: Run, contest: Contest, course: Course): Promise<void> {
  const { name } = contest;
  const { rungs } = course;
  const trial = await contest.trial(winnerOf(contest).entrant, course);
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

async function foundBy(
  run: Run,
  contests: readonly Contest[],
  course: Course,
  leftOut: readonly Candidate[],
): Promise<Found> {
  const contestOfArm = (arm: ArmName) => contests.find(({ name }) => name === arm);
  const frelu = present(contestOfArm('frelu'), 'the search of the frelu arm');
  const control = contestOfArm('control');
  const nameOf = (contest: Contest): string => recipeOf(contest.name, winnerOf(contest).recipe).name;
  const armOf = (contest: Contest | undefined, name: string): TriedArm | null => {
    const own = contest?.entered.find(({ recipe }) => recipe.name === name);
    return contest === undefined || own === undefined ? null : triedArm(own.tried, winnerOf(contest) === own);
  };
  // combinations, which each arm has of its own, stand behind the recipes of both
  const joint = contests.flatMap(({ entered, lineup }) => entered.slice(lineup.recipes.length));
  const rows = new Map(
    [...frelu.lineup.recipes, ...joint.map(({ recipe }) => recipe)].map((each) => [each.name, each]),
  );
  const { training, distill, plan } = (await frelu.trial(winnerOf(frelu).entrant, course)).run.options;
  // the rate is an artifact: that it was found is told of the run
  const { learningRate, budgetSeconds } = run.options.training;
  return {
    search: {
      tried: [...rows.values()].map(
        ({ name, options }): TriedRecipe => ({
          name,
          options,
          control: armOf(control, name),
          frelu: armOf(frelu, name),
        }),
      ),
      leftOut: leftOut.map(({ name }) => name),
      chosen: { control: control === undefined ? null : nameOf(control), frelu: nameOf(frelu) },
    },
    options: { training: { ...training, learningRate, budgetSeconds, ...epochsTaken(run, course) }, distill, plan },
  };
}

/** How many epochs the chosen recipe had, where none were said. */
function epochsTaken(run: Run, { paced }: Course): Partial<TrainingOptions> {
  if (!run.options.training.openEnded || paced === null) return {};
  return { epochs: Math.max(1, Math.round(stepsInAll(paced.steps, paced.perEpoch).epochs)) };
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
