import type { FleetAttempt, FleetProgress } from '../../contract/fleet.js';
import type { PartResult, UnitResult } from '../result.js';

/** A unit that failed, so far as is known: how often, and whether it is tried again. */
export interface UnitFailure {
  readonly unit: string;
  readonly attempts: readonly FleetAttempt[];
  /** nobody tries it again, unless asked to */
  readonly final: boolean;
}

/** What a worker told, and for how long it has told nothing since, in seconds, by the clock of the store. */
export type Told = FleetProgress & { readonly silentSeconds: number };

/** Results, which are published once. */
export interface Results {
  /** the ids of all units that have a result, damaged ones too */
  published(): Promise<ReadonlySet<string>>;
  /**
   * @returns null where there is none
   * @throws Failure('input') where it is damaged: it is never taken for "none"
   */
  result(unit: string): Promise<UnitResult | null>;
  /** The same of a part of a search. */
  part(id: string): Promise<PartResult | null>;
  /**
   * One file of a result, verified.
   * @param into where it goes, if it has to be fetched
   * @returns the path of a local file
   * @throws Failure('input') where it is damaged
   */
  file(result: UnitResult | PartResult, path: string, into: string): Promise<string>;
  /**
   * Publishes the folder `result` of a unit's work folder.
   * @returns false where a result was there already, which stays
   */
  publish(result: UnitResult | PartResult): Promise<boolean>;
  /** Removes the result of a part that nothing goes on from any more: it is there whole, or not at all. */
  discard(part: PartResult): Promise<void>;
}

/** What is under way. */
export interface FleetWork {
  /** a folder of this machine's for a unit that is being computed: another worker's checkpoints are in it */
  begin(unit: string): Promise<string>;
  /** lets other machines have what stands in the folder */
  save(unit: string): Promise<void>;
  /** removes what the unit no longer needs */
  end(unit: string): Promise<void>;
  /** whether somebody is at it, as far as can be told from here */
  isTaken(unit: string): Promise<boolean>;
}

/** What is said of units that have no result yet. Of what is damaged nothing is said: the unit is tried again. */
export interface Records {
  failures(): Promise<readonly UnitFailure[]>;
  failure(unit: string): Promise<UnitFailure | null>;
  putFailure(failure: UnitFailure): Promise<void>;
  forgetFailure(unit: string): Promise<void>;
  progress(): Promise<readonly Told[]>;
  told(unit: string): Promise<FleetProgress | null>;
  putProgress(progress: FleetProgress): Promise<void>;
}

/** Where the machines of a fleet keep what they share. */
export interface FleetStore extends Results, FleetWork, Records {
  readonly uri: string;
}

/** Of a unit's work folder. */
export const workParts = { unit: 'unit.json', run: 'run', result: 'result', model: 'model' } as const;
