import type { Reading } from '../contract/reading.js';
import type { BudgetPlan, CurvePoint, Decision } from '../contract/result.js';
import type { Retreat, StepReport } from '../training/arm.js';
import type { ArmName } from './arms.js';
import type { RangeTest } from './learning-rate.js';

export type RunPhase =
  | 'load'
  | 'data'
  | 'baseline'
  | 'learning-rate'
  | 'search'
  | 'train'
  | 'judge'
  | 'explain'
  | 'write';

/** One of the trials of a rung; all numbers from 1. */
export interface TrialReport {
  readonly arm: ArmName;
  readonly recipe: string;
  readonly trial: number;
  readonly trials: number;
  readonly rung: number;
  readonly rungs: number;
}

/** What a run tells while it works; whoever listens decides what to draw. */
export interface RunHooks {
  onPhase(phase: RunPhase): void;
  /** how the model is read, before anything is judged by it */
  onReading(reading: Reading): void;
  onRangeTest(test: RangeTest): void;
  /** what fits into a budget, before the first step */
  onBudget(plan: BudgetPlan): void;
  /** an arm is taken through a rung of a search under a recipe */
  onTrial(trial: TrialReport): void;
  onArm(arm: ArmName, seed: number, trainSamples: number): void;
  onStep(arm: ArmName, report: StepReport): void;
  onEpoch(arm: ArmName, point: CurvePoint): void;
  /** an arm diverged, and begins its epoch again */
  onRetreat(arm: ArmName, retreat: Retreat): void;
  /** as soon as it stands: what explains it is measured then, and nothing is written yet */
  onVerdict(verdict: Decision): void;
  /** what was decided without being asked for */
  note(message: string): void;
  warn(message: string): void;
  readonly signal: AbortSignal;
}

/** Nobody listens, except where `given` says who does. */
export function completeHooks(given: Partial<RunHooks>): RunHooks {
  const silent = (): void => {};
  return {
    onPhase: silent,
    onReading: silent,
    onRangeTest: silent,
    onBudget: silent,
    onTrial: silent,
    onArm: silent,
    onStep: silent,
    onEpoch: silent,
    onRetreat: silent,
    onVerdict: silent,
    note: silent,
    warn: silent,
    signal: new AbortController().signal,
    ...given,
  };
}
