import { present } from '../contract/present.js';
import { holm } from './paired.js';

/** A part of a model that was left out for a moment, as it was looked at last. */
export interface Trial<Figures> {
  readonly kept: Figures;
  readonly without: Figures;
  /** that the model without it is better by chance alone, adjusted (Holm) over all parts that were there; null: it is no better without */
  readonly pValue: number | null;
  readonly eliminated: boolean;
}

export interface Elimination<Figures> {
  /** one for each part, in their order */
  readonly trials: readonly Trial<Figures>[];
  /** of the model without what was eliminated */
  readonly left: Figures;
}

/** How a model is measured, and how two measurements are held against each other. */
export interface Measurement<Measured, Figures> {
  /** without some parts, by their places */
  measure(without: ReadonlySet<number>): Promise<Measured>;
  /** what is kept of a measurement */
  figures(measured: Measured): Figures;
  /** that `without` is better than `kept` by chance alone; null where it is no better */
  pValue(kept: Measured, without: Measured): number | null;
  isBetter(candidate: Figures, best: Figures): boolean;
}

/** below which a part is established to harm */
const level = 0.05;

/**
 * Backward elimination: each part is left out alone; of those whose absence is established to be better, the one whose absence is best goes for
 * good, and those that were better without are measured again in the model that is left, until none is established.
 * @param most how many measurements may be taken, 2 more than there are parts at least; what harms and was not reached stays
 */
export async function eliminate<Measured, Figures>(
  parts: number,
  most: number,
  { measure, figures, pValue, isBetter }: Measurement<Measured, Figures>,
): Promise<Elimination<Figures>> {
  const gone = new Set<number>();
  const trials = new Map<number, Trial<Figures>>();
  let kept = await measure(gone);
  let spent = 1;
  let open = Array.from({ length: parts }, (_, part) => part);
  while (open.length > 0 && spent + open.length < most) {
    const chances = new Map<number, number | null>();
    const found = new Map<number, Figures>();
    for (const part of open) {
      const without = await measure(new Set([...gone, part]));
      chances.set(part, pValue(kept, without));
      found.set(part, figures(without));
    }
    spent += open.length;
    const there = Array.from({ length: parts }, (_, part) => part).filter((part) => !gone.has(part));
    // a part that is needed was tested as well
    const adjusted = holm(there.map((part) => chances.get(part) ?? 1));
    for (const [part, without] of found) {
      const chance = chances.get(part) === null ? null : (adjusted[there.indexOf(part)] ?? null);
      trials.set(part, { kept: figures(kept), without, pValue: chance, eliminated: false });
    }
    const harmful = open.filter((part) => (trials.get(part)?.pValue ?? 1) < level);
    const [first, ...others] = harmful;
    if (first === undefined) break;
    const without = (part: number): Figures => present(found.get(part), 'a part that was left out');
    const worst = others.reduce((best, part) => (isBetter(without(part), without(best)) ? part : best), first);
    gone.add(worst);
    trials.set(worst, { ...present(trials.get(worst), 'its trial'), eliminated: true });
    open = open.filter((part) => part !== worst && chances.get(part) !== null);
    // what was measured without it was not kept: predictions may be large
    kept = await measure(gone);
    spent++;
  }
  return {
    trials: Array.from({ length: parts }, (_, part) => present(trials.get(part), `the trial of part ${part}`)),
    left: figures(kept),
  };
}
