import type { MetricName } from './metrics.js';
import type { Acceptance, Delta, VerdictName } from './result.js';

/** One try at a unit that gave no result. */
export interface FleetAttempt {
  /** ISO 8601, UTC, by the worker's clock */
  readonly when: string;
  readonly host: string;
  /** as `migrate` ends with it; null where the process was killed */
  readonly exit: number | null;
  readonly why: string;
}

/** What a worker last told of a unit that it computes. */
export interface FleetProgress {
  readonly unit: string;
  readonly host: string;
  /** of the run, as its progress is shown; 'stopped' where the attempt has ended without a result */
  readonly phase: string;
  /** from 0 to 1, of the epochs of all arms */
  readonly share: number;
  /** ISO 8601, UTC, by the worker's clock */
  readonly when: string;
  /** that all attempts at the unit have taken so far, whoever made them, from start to end of their processes */
  readonly seconds: number;
}

export type FleetUnitState = 'waiting' | 'running' | 'done' | 'failed';

export type FleetCounts = Readonly<Record<FleetUnitState, number>>;

export interface FleetPlannedModel {
  readonly name: string;
  readonly model: string;
  readonly candidates: readonly string[];
  readonly seeds: readonly number[];
  readonly units: number;
  readonly parameters: number;
  /** ReLUs that would be migrated */
  readonly sites: number;
  /** samples of the first reading */
  readonly samples: { readonly train: number; readonly validation: number; readonly test: number };
  /** forecast of all its units one after another on the machine that planned, in seconds; null where nothing could be timed */
  readonly seconds: number | null;
}

export interface FleetPlanResult {
  readonly plan: string;
  readonly store: string;
  readonly units: number;
  /** of those: have a result in the store already */
  readonly done: number;
  readonly models: readonly FleetPlannedModel[];
  readonly seconds: number | null;
}

export interface FleetWorkResult {
  readonly plan: string;
  /** units that this worker was to see to */
  readonly units: number;
  /** results that this worker published */
  readonly computed: number;
  /** parts of searches that this worker computed */
  readonly parts: number;
  /** had a result already, or got one from another worker */
  readonly elsewhere: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface FleetUnitName {
  readonly unit: string;
  readonly model: string;
  readonly candidate: string;
  readonly seed: number;
}

/** What of a unit's search is computed; null: the whole unit. */
export type FleetPart =
  | { readonly kind: 'opening' }
  | {
      readonly kind: 'trial';
      readonly arm: 'control' | 'frelu';
      readonly recipe: string;
      /** from 1 */
      readonly rung: number;
    }
  | null;

/** A search whose unit has neither a result nor failed. */
export interface FleetSearchStatus extends FleetUnitName {
  /** that each arm tries; null where the search is not opened yet */
  readonly recipes: number | null;
  readonly rungs: number | null;
  /** the rung that each arm has come to; none where the search is not opened yet */
  readonly arms: readonly {
    readonly arm: 'control' | 'frelu';
    /** from 1 */
    readonly rung: number;
    readonly trials: number;
    readonly counts: FleetCounts;
  }[];
  /** trials that failed, of all rungs: the search goes on without them */
  readonly failed: readonly (Extract<FleetPart, { kind: 'trial' }> & { readonly why: string })[];
}

export interface FleetStatus {
  readonly plan: string;
  readonly store: string;
  readonly units: number;
  readonly counts: FleetCounts;
  readonly models: readonly { readonly name: string; readonly counts: FleetCounts; readonly share: number }[];
  readonly running: readonly (FleetUnitName & FleetProgress & { readonly part: FleetPart })[];
  /** were under way, and nothing was heard of them since: their workers are lost, and the next ones go on with them; they count as waiting */
  readonly silent: readonly (FleetUnitName &
    FleetProgress & { readonly part: FleetPart; readonly silentSeconds: number })[];
  readonly searches: readonly FleetSearchStatus[];
  readonly failed: readonly (FleetUnitName & { readonly attempts: readonly FleetAttempt[] })[];
}

/** Why a model is to be upgraded, or not. */
export type FleetReason =
  /** its rule is met, and what the rule asks to be established stands beside all models that were tried */
  | 'established'
  /** its rule is met, which asks for nothing to be established */
  | 'rule-met'
  | 'rule-not-met'
  /** its rule is met, but among so many models chance alone would show as much */
  | 'not-after-holm'
  /** some of its units have neither a result nor a final failure */
  | 'incomplete'
  /** none of its units has a result */
  | 'failed';

export interface FleetCandidateResult {
  readonly name: string;
  /** seeds with a result */
  readonly seeds: number;
  /** the judged metric of the frelu arm on the validation split, mean over the seeds; null without a value */
  readonly validation: number | null;
  readonly chosen: boolean;
}

export interface FleetModelResult {
  readonly name: string;
  readonly model: string;
  readonly units: FleetCounts;
  readonly candidates: readonly FleetCandidateResult[];
  /** the unit that is judged: of the candidate and the seed that validated best; null without a result */
  readonly chosen: (FleetUnitName & { readonly run: string; readonly entry: string | null }) | null;
  readonly metric: MetricName | null;
  /** of the chosen unit, on its test split */
  readonly delta: { readonly vsBefore: Delta; readonly vsControl: Delta | null } | null;
  /** of `delta.vsBefore`, Holm-adjusted over all models of the fleet */
  readonly pHolm: number | null;
  readonly acceptance: Acceptance | null;
  readonly verdict: VerdictName | null;
  /** the chosen candidate's seeds: the change on each one's test split, and the verdict */
  readonly seeds: readonly { readonly seed: number; readonly value: number | null; readonly verdict: VerdictName }[];
  readonly latencyRatio: number | null;
  /** of all attempts at its units that have a result */
  readonly seconds: number;
  readonly upgrade: boolean;
  readonly reason: FleetReason;
}

export interface FleetCost {
  /** of the processes that computed, from start to end: of all attempts, those too that failed or were cut short */
  readonly seconds: number;
  /** of those: at units that have no result */
  readonly unfinishedSeconds: number;
  /** of processors, by the attempts that gave the results, those of parts of searches too */
  readonly cpuSeconds: number;
  /** in `currency`; null where no price was said */
  readonly price: number | null;
  readonly currency: string | null;
  readonly hosts: readonly { readonly host: string; readonly units: number; readonly seconds: number }[];
}

export interface FleetResult {
  readonly plan: string;
  readonly store: string;
  readonly version: string;
  readonly counts: FleetCounts;
  readonly models: readonly FleetModelResult[];
  readonly cost: FleetCost;
  readonly failed: FleetStatus['failed'];
  readonly report: readonly string[];
}

export interface FleetEmitResult {
  readonly plan: string;
  readonly for: 'slurm' | 'kubernetes' | 'compose';
  readonly jobs: number;
  /** of each job */
  readonly cpus: number;
  /** of each job, in GiB (2^30 bytes) */
  readonly memory: number;
  readonly gpus: number;
  /** a batch script, or a manifest in YAML */
  readonly text: string;
}

export interface FleetCommitResult {
  readonly plan: string;
  readonly models: readonly {
    readonly name: string;
    readonly model: string;
    /** 'already': what the unit made stands there */
    readonly outcome: 'committed' | 'already' | 'not-to-upgrade';
    readonly files: readonly { readonly path: string; readonly sha256: string }[];
  }[];
}

export interface FleetRollbackResult {
  readonly plan: string;
  readonly models: readonly {
    readonly name: string;
    readonly model: string;
    /** 'untouched': what stands there was not made by this fleet */
    readonly outcome: 'restored' | 'untouched';
    readonly to: string | null;
  }[];
}
