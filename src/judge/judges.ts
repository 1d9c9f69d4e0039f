import type { Decision } from '../contract/result.js';
import { agreement } from './agreement.js';
import { arms } from './arms.js';
import { baseline } from './baseline.js';
import { changedAnswers } from './changed-answers.js';
import { classes } from './classes.js';
import { convergence } from './convergence.js';
import { costs } from './costs.js';
import { delta } from './delta.js';
import { explanations } from './explanations.js';
import { guarded } from './guarded.js';
import type { Judge } from './judge.js';
import { outputs } from './outputs.js';
import { spread } from './over-seeds.js';
import { samples } from './samples.js';
import { sites } from './sites.js';
import { slices } from './slices.js';
import type { Subject } from './subject.js';
import { timing } from './timing.js';
import { unseen } from './unseen.js';
import { verdict } from './verdict.js';

/** Everything that is measured of a run, in this order: what decides comes first, what explains after it. */
export const judges = [
  samples,
  arms,
  convergence,
  spread,
  delta,
  guarded,
  unseen,
  classes,
  slices,
  costs,
  timing,
  verdict,
  changedAnswers,
  outputs,
  agreement,
  sites,
  baseline,
  explanations,
] as const;

type PartOf<J> = J extends Judge<infer Part> ? Part : never;
type Merged<Union> = (Union extends unknown ? (part: Union) => void : never) extends (part: infer All) => void
  ? All
  : never;

/** The fields of a run's result that the judges give. */
export type Measured = Merged<PartOf<(typeof judges)[number]>>;

/**
 * Asks every judge, one after another.
 * @param between called before each: whoever wants to stop throws there, and what was measured stays in the subject's store
 * @param decided called with the verdict as soon as it stands; what is measured then explains it
 */
export async function measureAll(
  subject: Subject,
  between: () => void,
  decided: (verdict: Decision) => void,
): Promise<Measured> {
  let measured = {};
  for (const judge of judges) {
    between();
    measured = { ...measured, ...(await judge.of(subject)) };
    if (judge === verdict) decided(await verdict.of(subject));
  }
  if (isComplete(measured)) return measured;
  throw new Error(`of the result only ${Object.keys(measured).join(', ')} were measured`);
}

function isComplete(measured: object): measured is Measured {
  return judges.every(({ gives }) => gives.every((field) => field in measured));
}
