import { present } from '../../contract/present.js';
import type { ArmName } from '../../run/arms.js';
import {
  type Entrant,
  failedStanding,
  firstEntrants,
  type Lineup,
  recipeOfEntrant,
  survivorsOf,
} from '../../run/search/bracket.js';
import { recipeOf } from '../../run/search/candidates.js';
import { standingFrom, type ToldStanding } from '../../run/search/spread.js';
import type { PartResult } from '../result.js';
import type { FleetStore } from '../store/store.js';
import { partUnit, type Unit } from '../unit.js';
import type { TrialPart } from './part.js';

/*
 * How far a unit's search has come is a function of the results of its parts: whoever finds a rung complete knows the next one, and all who do know the same. Nobody
 * else has to say so.
 */

/** What came of a part. */
export type Known =
  | { readonly kind: 'made'; readonly result: PartResult }
  /** for good */
  | { readonly kind: 'failed'; readonly why: string };

/** Tells what came of a part; null: nothing yet. */
export type Look = (part: Unit) => Promise<Known | null>;

/** A trial of a rung that an arm's search has come to. */
export interface TrialState {
  readonly unit: Unit;
  readonly part: TrialPart;
  readonly known: Known | null;
}

/** One arm's search, rung by rung. */
export interface ArmState {
  readonly arm: ArmName;
  readonly rungs: readonly (readonly TrialState[])[];
  /** the last trial of what was chosen; null where the search is not over, or has nothing left */
  readonly winner: TrialState | null;
}

export interface SearchState {
  readonly opening: Unit;
  /** null where it has not come to that */
  readonly opened: { readonly result: PartResult; readonly lineup: Lineup } | null;
  readonly arms: readonly ArmState[];
  /** what may be computed now: parts; or the unit itself, which comes last. A search whose opening has failed is computed as a whole, and tells why by itself */
  readonly open: readonly Unit[];
}

export async function searchState(unit: Unit, look: Look): Promise<SearchState> {
  const opening = partUnit(unit, { kind: 'opening', of: unit.id });
  const known = await look(opening);
  if (known === null) return { opening, opened: null, arms: [], open: [opening] };
  if (known.kind === 'failed' || known.result.made.kind !== 'opened') {
    return { opening, opened: null, arms: [], open: [unit] };
  }
  const { lineup, arms: names } = known.result.made;
  const arms = await Promise.all(names.map((arm) => climb(unit, opening.id, lineup, arm, look)));
  const open = arms.flatMap(({ rungs }) => rungs.at(-1) ?? []).filter((trial) => trial.known === null);
  return {
    opening,
    opened: { result: known.result, lineup },
    arms,
    open: open.length > 0 ? open.map((trial) => trial.unit) : [unit],
  };
}

async function climb(unit: Unit, opening: string, lineup: Lineup, arm: ArmName, look: Look): Promise<ArmState> {
  const rungs: (readonly TrialState[])[] = [];
  let entrants = firstEntrants(lineup);
  // of the rung before, by the first of its recipes' places: a combination takes part from the second rung on
  let earlier = new Map<string, string>();
  for (const rung of lineup.rungs.keys()) {
    const trials = await Promise.all(
      entrants.map(async (entrant): Promise<TrialState> => {
        const part: TrialPart = {
          kind: 'trial',
          of: unit.id,
          arm,
          entrant,
          rung,
          rungs: lineup.rungs.length,
          name: recipeOf(arm, recipeOfEntrant(lineup, entrant)).name,
          opening,
          from: rung === 0 ? opening : present(fromOf(entrant, earlier), 'the trial that another goes on from'),
        };
        const trial = partUnit(unit, part);
        return { unit: trial, part, known: await look(trial) };
      }),
    );
    rungs.push(trials);
    const standings = trials.flatMap(({ known }) => (known === null ? [] : [standingFrom(toldStandingOf(known))]));
    if (standings.length < trials.length) return { arm, rungs, winner: null };
    entrants = survivorsOf(lineup, arm, rung, entrants, standings);
    if (entrants.length === 0) return { arm, rungs, winner: null };
    earlier = new Map(trials.map((trial) => [keyOf(trial.part.entrant.places), trial.unit.id]));
  }
  const [chosen] = entrants;
  const winner = rungs.at(-1)?.find(({ part }) => part.entrant === chosen) ?? null;
  return { arm, rungs, winner };
}

const keyOf = (places: readonly number[]): string => places.join('+');

/** The trial of the rung before that an entrant goes on from: its own, or where a combination starts. */
function fromOf({ places, start }: Entrant, earlier: ReadonlyMap<string, string>): string | undefined {
  return earlier.get(keyOf(places)) ?? (start === null ? undefined : earlier.get(keyOf([start])));
}

export function toldStandingOf(known: Known): ToldStanding {
  if (known.kind === 'failed') return failedStanding(known.why);
  const { made } = known.result;
  if (made.kind === 'tried') return made.standing;
  throw new Error(`${known.result.unit} is the result of no trial`);
}

/** All trials of a search that it has come to. */
export const trialsOf = ({ arms }: Pick<SearchState, 'arms'>): readonly TrialState[] =>
  arms.flatMap(({ rungs }) => rungs.flat());

/** Looks in a store. What is published does not change, and is read once. */
export function lookIn(store: Pick<FleetStore, 'part' | 'failure'>): Look {
  const made = new Map<string, Known>();
  return async ({ id }) => {
    const before = made.get(id);
    if (before !== undefined) return before;
    const result = await store.part(id);
    if (result !== null) {
      made.set(id, { kind: 'made', result });
      return { kind: 'made', result };
    }
    const failure = await store.failure(id);
    return failure?.final === true ? { kind: 'failed', why: failure.attempts.at(-1)?.why ?? 'It failed.' } : null;
  };
}
