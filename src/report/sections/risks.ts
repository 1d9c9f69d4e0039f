import { isTableMetric } from '../../contract/metrics.js';
import type { Rich } from '../document.js';
import type { Context } from './context.js';
import { goalFigure, goalText, goalTitle } from './goals.js';
import { lookedBefore } from './limits.js';
import { worseSlices } from './slices.js';

/** With fewer test samples than these, the smallest difference that could show is said. */
const fewSamples = 200;
/** Beyond this share of the test samples, those that repeat others are said. */
const manyRepeats = 0.01;
/** An accuracy on validation samples that is higher than on test samples by this and by so many standard errors is not chance. */
const [leastLead, surelyApart] = [0.01, 4];
/** From here on a slower call is said, though the rule allows it. */
const slowerCalls = 1.02;

/** What whoever decides has to know beside the figures, the heaviest first; never empty. */
export function risks(context: Context): readonly Rich[] {
  return [...losses(context), ...untold(context), ...costly(context), ...chance(context), ...untested(context)];
}

/** What the model lost, whatever the average says: goals that were missed, classes and slices, guarded metrics within their margins. */
export function losses(context: Context): readonly Rich[] {
  return [...missedGoals(context), ...worseClasses(context), ...worseGroups(context), ...paidFor(context)];
}

function missedGoals(context: Context): readonly Rich[] {
  const { result, text } = context;
  return result.acceptance.goals.flatMap((goal, i) =>
    goal.met
      ? []
      : [
          text.risks.missed(
            goalText(goal, text),
            goalFigure(goal, goal.value, `acceptance.goals.${i}.value`, context),
            goalFigure(goal, goal.bound, `acceptance.goals.${i}.bound`, context),
          ),
        ],
  );
}

function worseClasses({ result, text, numbers }: Context): readonly Rich[] {
  const worse = result.perClass
    .map((row, i) => ({ ...row, path: `perClass.${i}` }))
    .flatMap(({ delta, ...row }) =>
      delta !== null && delta < 0 && row.pHolm !== null && row.pHolm < 0.05 ? [{ ...row, delta }] : [],
    )
    .sort((a, b) => a.delta - b.delta);
  const [worst] = worse;
  if (worst === undefined) return [];
  const change = numbers.points(worst.delta, `${worst.path}.delta`);
  return [text.risks.worseClasses(numbers.count(worse.length, null), worst.name, change)];
}

function worseGroups(context: Context): readonly Rich[] {
  const { result, text, numbers } = context;
  const worse = worseSlices(context);
  const [worst] = worse;
  if (worst === undefined) return [];
  const { slice, path } = worst;
  const change = numbers.metricChange(result.delta.vsBefore.metric, slice.delta.value, `${path}.delta.value`);
  return [text.risks.worseSlices(numbers.count(worse.length, null), `${slice.column}: ${slice.value}`, change)];
}

/** Guarded metrics that are established to be worse, though by less than their margin. */
function paidFor(context: Context): readonly Rich[] {
  const { result, text } = context;
  return result.acceptance.goals.flatMap((goal, i) =>
    goal.code === 'guard' && goal.met && isTableMetric(goal.subject) && goal.value !== null && goal.value > 0
      ? [
          text.risks.paidFor(
            goalTitle(goal, text),
            goalFigure(goal, goal.value, `acceptance.goals.${i}.value`, context),
            goalFigure(goal, goal.bound, `acceptance.goals.${i}.bound`, context),
          ),
        ]
      : [],
  );
}

/** What the test samples cannot tell: how many there are, of which classes, and whether training has seen them. */
export function untold(context: Context): readonly Rich[] {
  const { result, text, numbers } = context;
  const { vsBefore } = result.delta;
  const count = numbers.count(vsBefore.count, 'delta.vsBefore.count');
  const { duplicates } = result.data;
  const repeats =
    duplicates !== null && duplicates.withinTest > manyRepeats * vsBefore.count
      ? [text.risks.repeats(numbers.count(duplicates.withinTest, 'data.duplicates.withinTest'), count)]
      : [];
  return [
    ...seenSamples(context),
    ...knownValidation(context),
    ...missingClasses(context),
    ...resolution(context),
    ...repeats,
  ];
}

function seenSamples({ result, text, numbers }: Context): readonly Rich[] {
  const { data, unseen, delta } = result;
  if (data.duplicates === null || data.duplicates.testInTraining === 0) return [];
  const told = text.risks.leak(
    numbers.count(data.duplicates.testInTraining, 'data.duplicates.testInTraining'),
    numbers.count(delta.vsBefore.count, 'delta.vsBefore.count'),
  );
  if (unseen?.ci95 == null) return [told];
  return [
    [
      ...told,
      text.sentenceGap,
      ...text.risks.unseen(
        numbers.count(unseen.count, 'unseen.count'),
        numbers.metricChange(unseen.metric, unseen.value, 'unseen.value'),
        numbers.metricRange(unseen.metric, unseen.ci95, 'unseen.ci95'),
      ),
    ],
  ];
}

/**
 * A model that does far better on validation than on test samples was trained on the former, as one is that comes from others: no epoch of
 * further training looks as good there as the model did before it.
 */
function knownValidation({ result, text, numbers }: Context): readonly Rich[] {
  const { before } = result.arms;
  const [validation, test] = [before.validation.accuracy?.value ?? null, before.test.accuracy?.value ?? null];
  const counts = [result.data.validation?.count ?? 0, result.data.test.count] as const;
  if (validation === null || test === null || counts[0] === 0) return [];
  const pooled = (validation * counts[0] + test * counts[1]) / (counts[0] + counts[1]);
  const standardError = Math.sqrt(pooled * (1 - pooled) * (1 / counts[0] + 1 / counts[1]));
  if (!(validation - test > leastLead && validation - test > surelyApart * standardError)) return [];
  return [
    text.risks.knownValidation(
      numbers.share(validation, 'arms.before.validation.accuracy.value'),
      numbers.share(test, 'arms.before.test.accuracy.value'),
    ),
  ];
}

/** as many names as a sentence holds */
const mostNames = 5;

function missingClasses({ result, text, numbers }: Context): readonly Rich[] {
  const absent = result.perClass.filter(({ count }) => count === 0);
  if (absent.length === 0 || result.delta.vsBefore.count === 0) return [];
  const names = absent.slice(0, mostNames).map(({ name }) => name);
  const all = [...names, ...(absent.length > mostNames ? ['…'] : [])].join(text.listGap);
  const alone = absent.length === result.perClass.length - 1 ? [text.risks.oneClass, text.sentenceGap] : [];
  return [[...alone.flat(), ...text.risks.absent(numbers.count(absent.length, null), all)]];
}

/** The half of the interval: a smaller difference could not have shown. */
function resolution({ result, text, numbers }: Context): readonly Rich[] {
  const { metric, ci95, count } = result.delta.vsBefore;
  if (ci95 === null || (count >= fewSamples && result.verdict !== 'inconclusive')) return [];
  const half = numbers.metricChange(metric, (ci95[1] - ci95[0]) / 2, null);
  return [text.risks.resolution(numbers.count(count, 'delta.vsBefore.count'), half)];
}

/** Explanations that moved, calls that take longer. */
function costly({ result, text, numbers }: Context): readonly Rich[] {
  const moved = (result.attribution ?? []).some(({ control }) => {
    const [, high] = control?.difference?.ci95 ?? [null, null];
    return high !== null && high < 0;
  });
  const low = result.latency?.ci95?.[0] ?? null;
  return [
    ...(moved ? [text.risks.explanations] : []),
    ...(low !== null && low > slowerCalls ? [text.risks.slower(numbers.ratio(low, 'latency.ci95.0'))] : []),
  ];
}

/** Looks at the test split, and the chance in training. */
function chance(context: Context): readonly Rich[] {
  const { result, text } = context;
  return [...lookedBefore(context), ...(result.spread.length > 1 ? [] : [text.risks.oneSeed])];
}

/** What no run of this program tests. */
function untested({ text }: Context): readonly Rich[] {
  const { robustness, fairness, production } = text.limits.untestedItems;
  return [text.limits.untested([robustness, fairness, production].join(text.listGap))];
}
