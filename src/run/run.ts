import { Failure } from '../contract/failure.js';
import type { Looks } from '../contract/result.js';
import type { AcceptanceRule } from '../evaluation/rule.js';
import type { Model } from '../model/model.js';
import type { RunData } from '../reading/data.js';
import type { OwnGraphs } from '../reading/own-graphs.js';
import type { LoadedSubject } from '../reading/subject.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import type { Signature } from '../runtime/predictor.js';
import type { RunHooks, RunPhase } from './hooks.js';
import type { RunPlace } from './place.js';
import type { MigrateOptions } from './spec.js';

/** A run under way: what it was asked for, what it reads, and where it keeps what it computes. */
export interface Run {
  readonly options: MigrateOptions;
  readonly rule: AcceptanceRule;
  readonly hooks: RunHooks;
  /** when it was, by `performance.now()` */
  readonly began: number;
  /** the model as its files are now */
  readonly model: Model;
  readonly signature: Signature;
  /** the model that teaches; null: none, or the model itself */
  readonly teacher: LoadedSubject | null;
  /** the loss and the metric that are graphs of the user's; null: neither is */
  readonly own: OwnGraphs | null;
  readonly data: RunData;
  readonly place: RunPlace;
  /** at the test split, with those of earlier runs */
  readonly looks: Looks;
  /** opened when the first stage asks for it: a run of which only the report is missing computes nothing */
  device(): Promise<ChosenDevice>;
  /** has something done when the run ends, however it ends: the last first */
  atEnd(close: () => Promise<void>): void;
}

/** Something of a run that is made when it is first asked for, once, and not kept beyond it. */
export function perRun<T>(make: (run: Run) => Promise<T>): (run: Run) => Promise<T> {
  const made = new WeakMap<Run, Promise<T>>();
  return (run) => {
    const known = made.get(run) ?? make(run);
    made.set(run, known);
    return known;
  };
}

/** Goes on to a phase, unless the user asked to stop. */
export function enter(run: Pick<Run, 'hooks'>, phase: RunPhase): void {
  checkInterrupt(run);
  run.hooks.onPhase(phase);
}

/** @throws Failure('interrupted') when the user asked to stop: what was computed is kept */
export function checkInterrupt({ hooks }: Pick<Run, 'hooks'>): void {
  if (!hooks.signal.aborted) return;
  throw new Failure('interrupted', {
    what: 'Interrupted: what was computed is saved.',
    cure: 'Resume the run to go on from there.',
    settings: ['resume'],
    written: 'model-untouched',
  });
}
