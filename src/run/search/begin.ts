import { criterionOf } from '../arm-phases.js';
import type { Run } from '../run.js';
import { defineStage } from '../runner.js';
import { planStage } from '../stages/plan.js';
import { readRunOf } from '../stages/reading.js';
import type { Lineup } from './bracket.js';
import type { Candidate } from './candidates.js';
import { type Course, courseOf } from './course.js';
import { ownRun, pairsOf, suitableCandidates } from './trials.js';

/** A search before its first trial. */
interface Begun {
  readonly course: Course;
  readonly lineup: Lineup;
  /** recipes for which the budget has no time */
  readonly leftOut: readonly Candidate[];
}

/** @throws Failure('input') for a model without a ReLU; Failure('usage') for a budget that leaves nothing to train with */
export async function beginSearch(run: Run): Promise<Begun> {
  // a model without a ReLU is told as one
  const { plan } = await planStage.of(ownRun(run));
  const suitable = await suitableCandidates(run, plan);
  const course = await courseStage(suitable.length).of(ownRun(run));
  const recipes = suitable.slice(0, course.recipes);
  const criterion = criterionOf(run.options, (await readRunOf(run)).task);
  const pairs = await pairsOf(run, recipes);
  const leftOut = suitable.slice(course.recipes);
  return { course, lineup: { recipes, pairs, rungs: course.rungs, criterion }, leftOut };
}

/** The course is an artifact: a search that is resumed has the same. */
const courseStage = (recipes: number) =>
  defineStage<Course>({
    name: 'course',
    phase: null,
    fields: ['recipes', 'rungs', 'paced'],
    compute: (own) => courseOf(own, recipes),
  });
