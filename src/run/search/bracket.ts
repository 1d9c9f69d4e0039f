import { present } from '../../contract/present.js';
import { type Criterion, isBetter, type Validation } from '../../training/criterion.js';
import type { ArmName } from '../arms.js';
import { type Candidate, combined, isOfFreluAlone } from './candidates.js';
import type { Rung } from './halving.js';

/*
 * Who goes on after a rung: a function of plain data alone, so that whoever has the standings of a rung, on whatever machine, knows the next one.
 */

/** What a search begins with. */
export interface Lineup {
  readonly recipes: readonly Candidate[];
  /** recipes that go together as one, by their places in the list, the smaller first */
  readonly pairs: readonly (readonly [number, number])[];
  readonly rungs: readonly Rung[];
  readonly criterion: Criterion;
}

/** A recipe in the search of one arm. */
export interface Entrant {
  /** its place in the list; of a combination, those of both */
  readonly places: readonly number[];
  /** of a combination, the recipe from whose first rung it goes on */
  readonly start: number | null;
}

/** The entrant that a combination goes on from. */
export const startOf = ({ start }: Entrant): Entrant => ({
  places: [present(start, 'the recipe that a combination goes on from')],
  start: null,
});

/** How a trial stood after a rung. */
export interface Standing {
  /** so far */
  readonly epochs: number;
  /** where it stood then; after the last rung, of what was kept */
  readonly validation: Validation;
  /** why it failed; null where it did not */
  readonly failed: string | null;
}

/** Of a trial that failed. */
export const failedStanding = (why: string): Standing => ({
  epochs: 0,
  validation: { loss: Number.POSITIVE_INFINITY, metric: null },
  failed: why,
});

/** Those that take part in the first rung of either arm. */
export const firstEntrants = ({ recipes }: Pick<Lineup, 'recipes'>): readonly Entrant[] =>
  recipes.map((_, place) => ({ places: [place], start: null }));

export function recipeOfEntrant({ recipes }: Pick<Lineup, 'recipes'>, { places }: Pick<Entrant, 'places'>): Candidate {
  const [first, second] = places.map((place) => present(recipes[place], `the recipe ${place}`));
  const recipe = present(first, 'the recipe of a trial');
  return second === undefined ? recipe : present(combined(recipe, second), 'a combination of two recipes');
}

/** With fewer places than this, a combination would take that of one of the two recipes that it is of. */
const fewestBesideJoint = 3;

/**
 * Those that go on after a rung, the best first. After the first rung the last place goes to the two best ingredients together, where two go together: it costs
 * no time.
 * @param standings of the entrants, in their order
 * @returns none where all have failed; after the last rung, the one that is chosen
 */
export function survivorsOf(
  lineup: Lineup,
  arm: ArmName,
  rung: number,
  entrants: readonly Entrant[],
  standings: readonly Standing[],
): readonly Entrant[] {
  const ranked = entrants
    .flatMap((entrant, i) => {
      const { failed, validation } = present(standings[i], 'a standing');
      return failed === null ? [{ entrant, validation }] : [];
    })
    .toSorted((a, b) => compare(lineup.criterion, a.validation, b.validation))
    .map(({ entrant }) => entrant);
  const { survivors } = present(lineup.rungs[rung], 'a rung');
  const joint = rung === 0 && survivors >= fewestBesideJoint ? jointOf(lineup, arm, ranked) : null;
  return joint === null ? ranked.slice(0, survivors) : [...ranked.slice(0, survivors - 1), joint];
}

/** The better one first; of equals the one that changes less, which stands before. */
function compare(criterion: Criterion, a: Validation, b: Validation): number {
  if (isBetter(criterion, a, b)) return -1;
  return isBetter(criterion, b, a) ? 1 : 0;
}

/**
 * The two best ingredients together.
 * @param ranked of the first rung, the best first
 * @returns null where no two go together
 */
function jointOf({ recipes, pairs }: Lineup, arm: ArmName, ranked: readonly Entrant[]): Entrant | null {
  const isFreluAlone = (place: number): boolean => isOfFreluAlone(present(recipes[place], 'a recipe'));
  // what changes FReLU alone is no ingredient of the control arm
  const ingredients = ranked.flatMap(({ places }) => places).filter((i) => arm === 'frelu' || !isFreluAlone(i));
  for (const [rank, worse] of ingredients.entries()) {
    for (const better of ingredients.slice(0, rank)) {
      const places = [Math.min(better, worse), Math.max(better, worse)];
      if (!pairs.some(([a, b]) => a === places[0] && b === places[1])) continue;
      // the one whose plan it has, else the better one
      return { places, start: isFreluAlone(worse) ? worse : better };
    }
  }
  return null;
}
