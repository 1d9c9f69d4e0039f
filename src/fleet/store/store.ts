import type { FleetAttempt, FleetProgress } from '../../contract/fleet.js';
import type { UnitResult } from '../result.js';

/** A unit that failed, so far as is known: how often, and whether it is tried again. */
export interface UnitFailure {
  readonly unit: string;
  readonly attempts: readonly FleetAttempt[];
  /** nobody tries it again, unless asked to */
  readonly final: boolean;
}

/** Where the machines of a fleet keep what they share: results, which are published once, and what is under way. */
export interface FleetStore {
  readonly uri: string;
  /** the ids of all units that have a result, damaged ones too */
  published(): Promise<ReadonlySet<string>>;
  /**
   * @returns null where there is none
   * @throws Failure('input') where it is damaged: it is never taken for "none"
   */
  result(unit: string): Promise<UnitResult | null>;
  /**
   * One file of a result, verified.
   * @param into where it goes, if it has to be fetched
   * @returns the path of a local file
   * @throws Failure('input') where it is damaged
   */
  file(result: UnitResult, path: string, into: string): Promise<string>;
  /**
   * Publishes the folder `result` of a unit's work folder.
   * @returns false where a result was there already, which stays
   */
  publish(result: UnitResult): Promise<boolean>;

  /** a folder of this machine's for a unit that is being computed: another worker's checkpoints are in it */
  begin(unit: string): Promise<string>;
  /** lets other machines have what stands in the folder */
  save(unit: string): Promise<void>;
  /** removes what the unit no longer needs */
  end(unit: string): Promise<void>;

  failures(): Promise<readonly UnitFailure[]>;
  failure(unit: string): Promise<UnitFailure | null>;
  putFailure(failure: UnitFailure): Promise<void>;
  forgetFailure(unit: string): Promise<void>;
  progress(): Promise<readonly FleetProgress[]>;
  putProgress(progress: FleetProgress): Promise<void>;
}

/** Of a unit's work folder. */
export const workParts = { unit: 'unit.json', run: 'run', result: 'result', model: 'model' } as const;
