/** A value that a run keeps: which one, and how it is told that what was read is one. */
export interface Artifact<T> {
  readonly stage: string;
  /** of several of one stage: 'control-0' */
  readonly key: string;
  is(value: unknown): value is T;
  /** Why a value that is one is of no use to whoever asks; left out: every one is. */
  refusal?(value: T): string | null;
}

/**
 * An artifact that is an object with all of these fields. What they hold is not looked at: the store vouches by checksum for what
 * this program wrote, and `fields` for its being of this kind.
 */
export function artifact<T extends object>(
  stage: string,
  key: string,
  fields: readonly (keyof T & string)[],
): Artifact<T> {
  const is = (value: unknown): value is T =>
    typeof value === 'object' && value !== null && fields.every((field) => field in value);
  return { stage, key, is };
}
