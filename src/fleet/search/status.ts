import type { FleetCounts, FleetPart, FleetSearchStatus, FleetUnitState } from '../../contract/fleet.js';
import { entering } from '../../run/search/halving.js';
import type { Unit } from '../unit.js';
import { type SearchState, type TrialState, toldStandingOf, trialsOf } from './state.js';

/** What the parts of a search say of it. */
export interface SearchStanding {
  readonly state: SearchState;
  readonly status: Omit<FleetSearchStatus, 'unit' | 'model' | 'candidate' | 'seed'>;
  /** from 0 to 1, of the epochs of all trials */
  readonly share: number;
  /** all that the search has come to, and the unit that is its last */
  readonly parts: readonly Unit[];
}

/** @param underWay the share that a part has come to which somebody is at; null: nobody is */
export function searchStanding(
  state: SearchState,
  underWay: (part: Unit) => number | null,
  countsOf: (states: readonly FleetUnitState[]) => FleetCounts,
): SearchStanding {
  const { opened, opening, arms } = state;
  const trials = trialsOf(state);
  const stateOf = ({ unit, known }: TrialState): FleetUnitState => {
    if (known !== null) return whyFailed({ known }) === null ? 'done' : 'failed';
    return underWay(unit) === null ? 'waiting' : 'running';
  };
  return {
    state,
    status: {
      recipes: opened?.lineup.recipes.length ?? null,
      rungs: opened?.lineup.rungs.length ?? null,
      arms: arms.map(({ arm, rungs }) => {
        const current = rungs.at(-1) ?? [];
        return { arm, rung: rungs.length, trials: current.length, counts: countsOf(current.map(stateOf)) };
      }),
      failed: trials.flatMap((trial) => {
        const why = whyFailed(trial);
        return why === null ? [] : [{ ...trialPart(trial.part), why }];
      }),
    },
    share: shareOf(state, underWay),
    parts: [opening, ...trials.map(({ unit }) => unit)],
  };
}

function whyFailed({ known }: Pick<TrialState, 'known'>): string | null {
  return known === null ? null : toldStandingOf(known).failed;
}

function shareOf(
  { opened, arms }: Pick<SearchState, 'opened' | 'arms'>,
  underWay: (part: Unit) => number | null,
): number {
  if (opened === null) return 0;
  const { rungs, recipes } = opened.lineup;
  const epochsOf = (rung: number): number => rungs[rung]?.epochs ?? 0;
  const all = rungs.reduce((sum, { epochs }, rung) => sum + epochs * entering(rungs, recipes.length, rung), 0);
  const taken = arms
    .flatMap((arm) => arm.rungs.flat())
    .reduce((sum, { unit, part, known }) => {
      return sum + epochsOf(part.rung) * (known === null ? (underWay(unit) ?? 0) : 1);
    }, 0);
  return Math.min(1, taken / (all * arms.length));
}

const trialPart = ({ arm, name, rung }: TrialState['part']) => ({
  kind: 'trial' as const,
  arm,
  recipe: name,
  rung: rung + 1,
});

/** A part as others are told of it. */
export function partOfUnit({ part }: Unit): FleetPart {
  if (part === undefined) return null;
  return part.kind === 'opening' ? { kind: 'opening' } : trialPart(part);
}
