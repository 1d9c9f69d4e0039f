import type { Subject } from './subject.js';

/** A part of a run's result: some fields of it, as one measurement gives them. */
export interface Judge<Part extends object = object> {
  /** the fields that it gives; of a judge that only others need, no fields of the result */
  readonly gives: readonly string[];
  /** the judges whose parts it reads */
  readonly needs: readonly Judge[];
  /** The part for a subject: measured once, and kept in the subject's store between runs. */
  of(subject: Subject): Promise<Part>;
}

/**
 * Declares a judge. A new measurement is a file with one of these, a row in `judges`, and its field in the result's type.
 * @param measure reads other judges' parts by their `of`; it may change nothing but what it returns
 */
export function defineJudge<Part extends object>({
  gives,
  needs = [],
  measure,
}: {
  readonly gives: readonly (keyof Part & string)[];
  readonly needs?: readonly Judge[];
  measure(subject: Subject): Part | Promise<Part>;
}): Judge<Part> {
  const measured = new WeakMap<Subject, Promise<Part>>();
  const loadOrMeasure = async (subject: Subject): Promise<Part> =>
    (await subject.kept(gives)) ?? subject.keep(gives, await measure(subject));
  return {
    gives,
    needs,
    of(subject) {
      const known = measured.get(subject) ?? loadOrMeasure(subject);
      measured.set(subject, known);
      return known;
    },
  };
}
