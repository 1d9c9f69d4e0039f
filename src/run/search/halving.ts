/*
 * Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): many candidates are trained for a little, the better half of them
 * goes on from where it stands, and so on. The last ones get what a run without a search gets.
 */

/** How long a rung is, and how many are to go on after it. */
export interface Rung {
  /** of an open one, at most */
  readonly epochs: number;
  readonly survivors: number;
  /** it lasts for as long as a budget does */
  readonly isOpen?: true;
}

/** In which what the others have left has the rest of a budget; nobody waits for more of it, if the budget were days. */
export const openRung: Rung = { epochs: 50, survivors: 1, isOpen: true };

/** Of a training's epochs, what each rung has. */
const shares = [1, 2, 2] as const;
/** in which a rung's last one shares: 5 epochs are 1, 2 and 2 */
const parts = shares.reduce<number>((sum, share) => sum + share, 0);

/**
 * The rungs of a search over so many candidates of which the last is trained for `epochs` in all: after each, half of the candidates go
 * on, and after the last one is chosen. Fewer where there are not so many epochs.
 */
export function rungsOf(epochs: number, candidates: number): readonly Rung[] {
  const lengths = epochsOf(epochs);
  let left = candidates;
  return lengths.map((length, i) => {
    left = i === lengths.length - 1 ? 1 : Math.max(1, Math.ceil(left / 2));
    return { epochs: length, survivors: left };
  });
}

function epochsOf(epochs: number): readonly number[] {
  if (epochs < shares.length) return Array.from({ length: epochs }, () => 1);
  const first = shares.slice(0, -1).map((share) => Math.max(1, Math.round((epochs * share) / parts)));
  return [...first, epochs - first.reduce((sum, each) => sum + each, 0)];
}

/** The epochs that a trial has had before a rung. */
export function epochsBefore(rungs: readonly Rung[], rung: number): number {
  return rungs.slice(0, rung).reduce((sum, { epochs }) => sum + epochs, 0);
}

/** How many epochs one arm's search takes in all. */
export function epochsInAll(rungs: readonly Rung[], candidates: number): number {
  return rungs.reduce((sum, { epochs }, i) => sum + epochs * entering(rungs, candidates, i), 0);
}

/** How many trials a rung begins with. */
export function entering(rungs: readonly Rung[], candidates: number, rung: number): number {
  return rung === 0 ? candidates : (rungs[rung - 1]?.survivors ?? 0);
}
