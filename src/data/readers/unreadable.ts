import { Failure } from '../../contract/failure.js';

/** So many images are named at once: whoever has more of them has another trouble than single files. */
const mostNamed = 5;

/** How long others are looked for, in milliseconds. */
const patience = 10_000;

/** Images that are tried between two looks at the clock. */
const together = 64;

export interface Trial {
  /** how many images there are */
  readonly count: number;
  /** images that need no trial: they were read, or are known to be unreadable */
  readonly isKnown: (index: number) => boolean;
  /** which of some images cannot be read */
  readonly failing: (indices: readonly number[]) => Promise<readonly number[]>;
  /** what is wrong with one; null: nothing */
  readonly fault: (index: number) => Promise<Failure | null>;
}

/**
 * What is wrong with an image, and with others of its data set that were not read yet, so that it does not take a run for each to find
 * them: five at most, and those that are found in ten seconds.
 */
export async function withOthers(first: Failure, { count, isKnown, failing, fault }: Trial): Promise<Failure> {
  const faults = [first];
  const untried = Array.from({ length: count }, (_, index) => index).filter((index) => !isKnown(index));
  const end = performance.now() + patience;
  let tried = 0;
  while (tried < untried.length && faults.length < mostNamed && performance.now() < end) {
    const some = untried.slice(tried, tried + together);
    tried += some.length;
    for (const index of await failing(some)) {
      const found = await fault(index);
      if (found !== null) faults.push(found);
    }
  }
  if (faults.length === 1) return first;
  const whats = faults.slice(0, mostNamed).map(({ what }) => what);
  const isAll = tried === untried.length && faults.length <= mostNamed;
  const what = [...whats, ...(isAll ? [] : ['There may be more of them.'])].join(' ');
  return new Failure('input', { what, cure: 'Replace or remove them.' }, { cause: first.cause });
}
