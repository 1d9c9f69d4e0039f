/** What the parts of training one arm cost, in seconds. */
export interface ArmCosts {
  /** until the first step of a batch size has been taken */
  readonly setup: number;
  readonly step: number;
  /** a validation, and whatever else ends an epoch */
  readonly epochEnd: number;
  /** once, after the last step */
  readonly end: number;
}

/** How an arm's samples become steps. */
export interface ArmSteps {
  readonly perEpoch: number;
  /** of all epochs that were asked for */
  readonly most: number;
  /** whether the last batch of an epoch is smaller than the others, and so is a step of its own */
  readonly hasPartial: boolean;
}

/** Seconds that an arm of so many steps takes; the model as it came is validated too. */
export function armSeconds(steps: number, { setup, step, epochEnd, end }: ArmCosts, per: ArmSteps): number {
  const setups = per.hasPartial && steps >= per.perEpoch ? 2 : 1;
  return setups * setup + steps * step + (1 + Math.ceil(steps / per.perEpoch)) * epochEnd + end;
}

/** The most steps, of those that were asked for, that an arm takes within so many seconds; 0: not even one. */
export function stepsWithin(seconds: number, costs: ArmCosts, per: ArmSteps): number {
  return mostWithin(seconds, per.most, (steps) => armSeconds(steps, costs, per));
}

/** The largest whole number up to `most` whose cost, which grows with it, is within a limit; 0: not even that of 1 is. */
export function mostWithin(limit: number, most: number, cost: (count: number) => number): number {
  let [fits, tooMany] = [0, most + 1];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (cost(middle) <= limit) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/** Of many sites, neighbours are taken back together: so many parts at most. */
const mostParts = 16;

/** Validations that looking at the sites of an arm may take: each taken back once, and those that harm again. */
export const ablationsFor = (sites: number): number => 2 * Math.min(sites, mostParts) + 3;

/** The same within so many seconds, of which one takes `each`; 0 where there is no time for two parts. */
export function ablationsWithin(seconds: number, each: number, sites: number): number {
  const affordable = Math.min(ablationsFor(sites), Math.floor(seconds / each));
  return partsWithin(affordable) < Math.min(2, sites) ? 0 : affordable;
}

/** How many parts so many validations suffice for. */
export const partsWithin = (validations: number): number =>
  Math.min(mostParts, Math.max(0, Math.floor((validations - 3) / 2)));

/** What the judging of a run's models goes by. */
export interface JudgedRun {
  /** trained arms that are judged: 2, or 1 without control */
  readonly arms: number;
  readonly seeds: number;
  readonly validation: number;
  readonly test: number;
  /** seconds that one sample takes forwards, prepared and in batches */
  readonly forward: number;
  /** samples whose attribution maps are made, each over so many points forwards and back; 0: none are */
  readonly explained: { readonly samples: number; readonly points: number };
  /** seconds of all bootstraps of the test split */
  readonly bootstraps: number;
  readonly isTensorFlow: boolean;
  readonly languages: number;
}

/** A pass back costs about as much as one forward, and what goes through them is put together and drawn besides. */
const passesPerPoint = 3;
/** Samples that go through a network that shows what enters its activations. */
const probedSamples = 4 * 256;
/** What does not depend on the model: files written and read back, calls timed, pictures drawn. */
const fixedSeconds = 1.5;
/** The page, its charts and drawings, as two cores take them. */
const reportSeconds = 1.2;
/** TensorFlow.js is loaded, and runs the model before and after. */
const tensorFlowSeconds = 2;

/** Seconds that the run takes after the last step. */
export function judgingSeconds(run: JudgedRun): number {
  const { arms, seeds, validation, test, forward, explained } = run;
  const predicted = arms * (validation + test) + (seeds > 1 ? arms * seeds * test : 0);
  const explaining = explained.samples * explained.points * (arms + 1) * passesPerPoint;
  return (
    (predicted + probedSamples + explaining) * forward +
    run.bootstraps +
    fixedSeconds +
    reportSeconds * run.languages +
    (run.isTensorFlow ? tensorFlowSeconds : 0)
  );
}
