import type { Acceptance, Delta, Goal, VerdictName, VerdictReason } from '../contract/result.js';
import { improvementInterval } from './improvement.js';

export interface Verdict {
  readonly verdict: VerdictName;
  /** in the order in which they are worth reading */
  readonly reasons: readonly VerdictReason[];
  /** the reasons as one English text */
  readonly why: string;
}

type Standing = 'better' | 'worse' | 'undecided';

/**
 * The verdict on a migration, from the paired intervals of the test split:
 *
 * - the interval against `before` spans zero, or does not exist: inconclusive;
 * - it lies above zero, but not on the samples that training has not seen, or with one class alone, and the rule asks for that: inconclusive;
 * - it lies below zero: reject;
 * - it lies above zero: adopt, unless the control arm is better still by its interval (train more, without FReLU), or the
 *   acceptance rule asks for more than was reached: reject.
 *
 * @param untrained no epoch of the frelu arm was better than the model as it came, which was kept
 *
 * Whether the improvement is FReLU's own or the additional training's is a reason, and never hidden in the verdict.
 */
export function judge(
  delta: { readonly vsBefore: Delta; readonly vsControl: Delta | null },
  acceptance: Acceptance,
  untrained = false,
): Verdict {
  const { vsBefore, vsControl } = delta;
  const standing = standingOf(vsBefore);
  if (standing === null) {
    const reasons: VerdictReason[] = [{ code: 'not-measurable' }];
    return { verdict: 'inconclusive', reasons, why: explain(reasons) };
  }
  const control = standingOf(vsControl);
  const reasons: VerdictReason[] = [
    vsBefore.fixed === 0 && vsBefore.broken === 0
      ? { code: 'identical-predictions' }
      : { code: standing === 'undecided' ? 'undecided-against-before' : `${standing}-than-before` },
  ];
  if (untrained) reasons.unshift({ code: 'training-brought-nothing' });
  if (vsControl === null) reasons.push({ code: 'no-control' });
  else if (control !== null) {
    reasons.push({ code: control === 'undecided' ? 'undecided-against-control' : `${control}-than-control` });
  }
  if (!acceptance.met) reasons.push(...missed(acceptance, standing));
  const verdict = verdictOf(standing, control, acceptance);
  return { verdict, reasons, why: explain(reasons) };
}

/** What of the rule was missed and is not said by the intervals already. */
function missed({ goals }: Acceptance, standing: Standing): readonly VerdictReason[] {
  const failed = new Set(goals.flatMap(({ code, met }) => (met ? [] : [code])));
  const reasons: VerdictReason[] = [];
  if (standing === 'better') {
    if (failed.has('effect')) reasons.push({ code: 'effect-too-small' });
    if (failed.has('unseen')) reasons.push({ code: 'undecided-on-unseen' });
    if (failed.has('classes')) reasons.push({ code: 'one-class' });
  }
  if (failed.has('guard')) reasons.push({ code: 'guarded-worse' });
  if (failed.has('said')) reasons.push({ code: 'rule-not-met' });
  return reasons;
}

/** Goals that fail where the test samples cannot tell, whatever their interval. */
const untold: ReadonlySet<Goal['code']> = new Set(['unseen', 'classes']);

function verdictOf(standing: Standing, control: Standing | null, acceptance: Acceptance): VerdictName {
  if (standing === 'undecided') return 'inconclusive';
  const failed = acceptance.goals.filter(({ met }) => !met);
  const isUntold = failed.length > 0 && failed.every(({ code }) => untold.has(code));
  if (standing === 'better' && control !== 'worse' && isUntold) return 'inconclusive';
  if (standing === 'worse' || control === 'worse' || !acceptance.met) return 'reject';
  return 'adopt';
}

function standingOf(delta: Delta | null): Standing | null {
  const interval = improvementInterval(delta);
  if (interval === null) return null;
  const [low, high] = interval;
  if (low > 0) return 'better';
  return high < 0 ? 'worse' : 'undecided';
}

/** What each reason says, in English; reports in other languages have their own. */
export const reasonSentences: Readonly<Record<VerdictReason['code'], string>> = {
  'better-than-before':
    'The migrated model is better than the original: the whole 95 % interval lies on the good side of zero.',
  'worse-than-before':
    'The migrated model is worse than the original: the whole 95 % interval lies on the bad side of zero.',
  'undecided-against-before':
    'The 95 % interval of the difference to the original spans zero: these test data cannot tell the two models apart.',
  'better-than-control':
    'It is also better than the same training without FReLU, so the gain is not only that of training longer.',
  'worse-than-control':
    'The same training without FReLU does better: the whole 95 % interval of the difference to it lies on the bad side of zero.',
  'undecided-against-control':
    'The difference to the same training without FReLU spans zero: what changed cannot be attributed to FReLU.',
  'no-control': 'There was no control arm, so what changed cannot be told from the effect of training longer.',
  'training-brought-nothing':
    'No epoch of the FReLU arm was better on the validation data than the model as it came, which is therefore what was kept: training brought nothing.',
  'identical-predictions': 'Both models are right and wrong on exactly the same test samples.',
  'not-measurable': 'The metric or its interval has no value for these models and data, so nothing can be concluded.',
  'effect-too-small': 'That improvement is established, but smaller than the smallest that is worth writing.',
  'guarded-worse':
    'Something that is guarded beside the judged metric is established to be worse by more than its margin.',
  'undecided-on-unseen':
    'On the test samples that training and validation have not seen, that improvement is not established.',
  'one-class':
    'The test split holds samples of one class alone, which cannot tell whether the model still knows the others.',
  'rule-not-met': 'The acceptance rule is not met.',
};

function explain(reasons: readonly VerdictReason[]): string {
  return reasons.map(({ code }) => reasonSentences[code]).join(' ');
}
