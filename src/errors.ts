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

/**
 * An error that the user can act on. `message` names the file, what is wrong with it and what to do.
 * Anything else that is thrown is a defect of ours (exit code 1).
 */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** ONNX Runtime loaded a model, and then failed to run it: memory, the device, an operator. `message` is ONNX Runtime's. */
export class ExecutionError extends Error {
  override readonly name = 'ExecutionError';

  /** Whether memory did not suffice; on WebGPU, where an allocation fails later than it is made, it shows in what reads it. */
  get outOfMemory(): boolean {
    return /failed to allocate memory|bad_alloc|out of memory|outofmemory|\[Invalid Buffer/i.test(this.message);
  }
}

/** What was thrown, in words. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
