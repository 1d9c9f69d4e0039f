/** Thrown by a converter: this use of its layer or operator is not covered. Gathered, so that a user sees all of them at once. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';

  constructor(
    reason: string,
    /** what to do about it, where that is known */
    readonly cure: string | null = null,
  ) {
    super(reason);
  }
}
