import type { SettingHint } from './settings.js';

/** What went wrong, in the terms a caller can act on; the command line maps each to its exit code. */
export type FailureKind =
  /** wrong usage: an option, a value, a combination of them (exit code 2) */
  | 'usage'
  /** an unusable input: a model or data file (exit code 3) */
  | 'input'
  /** the acceptance rule was not met, the model is untouched (exit code 4) */
  | 'rejected'
  /** another run holds the lock, or the files are not what the journal says (exit code 5) */
  | 'locked'
  /** interrupted by the user; a run can be resumed (exit code 130) */
  | 'interrupted';

export const exitCodes: Readonly<Record<FailureKind, number>> = {
  usage: 2,
  input: 3,
  rejected: 4,
  locked: 5,
  interrupted: 130,
};

/** What a failed call left behind, as far as the place that failed knows it. */
export type Written =
  /** nothing at all */
  | 'nothing'
  /** perhaps checkpoints and reports of the run; the model is as it was */
  | 'model-untouched'
  /** the model is as it was, and what had been written beside it was removed again */
  | 'removed-again'
  /** the model is as it was, but what was written beside it still lies there: the next change of the model removes it */
  | 'left-beside'
  /** the model is whole, but whether it is the old or the new one was not found out; the next change of it goes on */
  | 'model-whole'
  /** the model is the new one, whole; what follows the commit failed */
  | 'model-replaced'
  /** the model is the earlier version that a rollback restored */
  | 'model-restored'
  /** of several files that were to be replaced, those that `what` names */
  | 'files-replaced';

export interface Fault {
  /** the file or thing, and what is wrong with it, in whole sentences without the cure */
  readonly what: string;
  /** what to do about it, in whole sentences; '' only where nothing can be done */
  readonly cure: string;
  /** the settings that `cure` speaks of; the command line puts its options for them behind the cure */
  readonly settings?: readonly SettingHint[];
  /** left out where only the caller knows */
  readonly written?: Written;
  /** where something is not certain: the ways to go on, for a caller who can ask which */
  readonly ways?: readonly Way[];
}

/** One answer to what is not certain. */
export interface Way {
  /** for people: what is taken to be so */
  readonly name: string;
  /** what says it, each with its value; one without a value is a switch */
  readonly settings: readonly SettingHint[];
}

/**
 * An error that the user can act on: `what` is wrong, what `cure`s it, the `settings` that do, and what was `written`. `cause`,
 * JavaScript's own, is what was thrown below, if anything. `message` is `what` and `cure` in one text, without names of options.
 * Anything else that is thrown is a defect of ours (exit code 1).
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly what: string;
  readonly cure: string;
  readonly settings: readonly SettingHint[];
  /** null: this place does not know; the caller may */
  readonly written: Written | null;
  /** none where nothing is left to choose */
  readonly ways: readonly Way[];

  constructor(
    readonly kind: FailureKind,
    fault: Fault,
    options?: ErrorOptions,
  ) {
    const { what, cure, settings = [], written = null, ways = [] } = fault;
    super(cure === '' ? what : `${what} ${cure}`, options);
    this.what = what;
    this.cure = cure;
    this.settings = settings;
    this.written = written;
    this.ways = ways;
  }
}

/** ONNX Runtime loaded a model, and then failed to run it: memory, the device, an operator. `message` is ONNX Runtime's. */
export class ExecutionError extends Error {
  override readonly name = 'ExecutionError';
  /** the execution provider that it ran on, by ONNX Runtime's name; null where that is not known */
  readonly provider: string | null;

  constructor(message: string, options: ErrorOptions & { readonly provider?: string } = {}) {
    super(message, options);
    this.provider = options.provider ?? null;
  }

  /** Whether memory did not suffice; on WebGPU, where an allocation fails later than it is made, it shows in what reads it. */
  get outOfMemory(): boolean {
    return /failed to allocate memory|bad_alloc|out of memory|outofmemory|\[Invalid Buffer/i.test(this.message);
  }
}

/** What was thrown, in words. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
