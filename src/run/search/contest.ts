import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { ArmName } from '../arms.js';
import type { Run } from '../run.js';
import {
  type Entrant,
  firstEntrants,
  type Lineup,
  recipeOfEntrant,
  type Standing,
  startOf,
  survivorsOf,
} from './bracket.js';
import type { Candidate } from './candidates.js';
import type { Course } from './course.js';
import { drop, startFrom, type Trial, type Tried, takeRung } from './trial.js';
import { trialOf } from './trials.js';

/** A recipe that takes part in the search of an arm, or did. */
interface Entered {
  readonly entrant: Entrant;
  readonly recipe: Candidate;
  tried: Tried;
}

/** One arm's search. */
export interface Contest {
  readonly name: ArmName;
  readonly lineup: Lineup;
  /** all that ever took part: combinations stand last */
  readonly entered: Entered[];
  /** those that are still in it, the best first */
  left: readonly Entered[];
  /** made anew each time: a trial holds its networks, and as many as there are recipes may be more than memory holds */
  trial(entrant: Entrant, course: Course): Promise<Trial>;
}

export function contestOf(run: Run, lineup: Lineup, name: ArmName): Contest {
  const entered = firstEntrants(lineup).map((entrant) => enterAs(lineup, entrant));
  return {
    name,
    lineup,
    entered,
    left: [...entered],
    trial: (entrant, course) => trialOf(run, lineup, entrant, name, course),
  };
}

const enterAs = (lineup: Lineup, entrant: Entrant): Entered => ({
  entrant,
  recipe: recipeOfEntrant(lineup, entrant),
  tried: { standings: [], failed: null },
});

/**
 * Takes the trials that are left through a rung, and leaves the better ones.
 * @returns whether any of them had been taken through it before
 */
export async function takeAll(run: Run, contest: Contest, rung: number, course: Course): Promise<boolean> {
  const { name, lineup, entered, left } = contest;
  const { rungs } = course;
  const reached: Standing[] = [];
  let wasAnyKnown = false;
  for (const [at, each] of left.entries()) {
    const trial = await contest.trial(each.entrant, course);
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
    reached.push(standing);
    const { failed } = standing;
    each.tried = { standings: [...each.tried.standings, ...(failed === null ? [standing] : [])], failed };
  }
  const entrants = left.map(({ entrant }) => entrant);
  const survivors = survivorsOf(lineup, name, rung, entrants, reached);
  if (survivors.length === 0) throw allFailed(entered[0]?.tried.failed ?? null);
  const next: Entered[] = [];
  for (const entrant of survivors) {
    next.push(left.find((each) => each.entrant === entrant) ?? (await admit(contest, entrant, rung, course)));
  }
  contest.left = next;
  for (const { entrant } of left.filter((each) => !next.includes(each))) {
    await drop(await contest.trial(entrant, course), rung);
  }
  return wasAnyKnown;
}

/** A combination takes part, from where one of its recipes stands. */
async function admit(contest: Contest, entrant: Entrant, rung: number, course: Course): Promise<Entered> {
  const joint = enterAs(contest.lineup, entrant);
  contest.entered.push(joint);
  const other = await contest.trial(startOf(entrant), course);
  await startFrom(await contest.trial(entrant, course), other, rung);
  return joint;
}

function allFailed(why: string | null): Failure {
  return new Failure('input', {
    what: `No recipe of the search trains this model. The run's own: ${why ?? 'no reason is known'}`,
    cure: 'Choose the settings yourself.',
    settings: ['search'],
    written: 'model-untouched',
  });
}

/** What is left at the end. */
export const winnerOf = ({ left }: Contest): Entered => present(left[0], 'a recipe that is left');
