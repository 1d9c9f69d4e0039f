import { describe, expect, it } from 'vitest';
import { maskClassDeltas, pairedDelta } from '../../src/evaluation/compare.js';
import { checkDrift, monitoringBaseline } from '../../src/evaluation/drift.js';
import { type MapLayout, tallyMasks } from '../../src/evaluation/metrics/masks.js';
import { evaluateMetrics, type MaskScores, maskConfusion, type Truth } from '../../src/evaluation/metrics.js';
import { createRandom } from '../../src/math/random.js';

/** Scores of images whose every pixel is answered with a class, by a logit of 2 beside zeros. */
function answered(
  labels: readonly (readonly number[])[],
  answers: readonly (readonly number[])[],
  columns = 3,
): MaskScores {
  const pixels = labels[0]?.length ?? 0;
  const tally = tallyMasks(labels.length, { columns, pixels, axis: 'last', scores: 'logits' });
  labels.forEach((own, i) => {
    const maps = (answers[i] ?? []).flatMap((answer) =>
      Array.from({ length: columns }, (_, c) => (c === answer ? 2 : 0)),
    );
    tally.add(Float32Array.from(maps), Float32Array.from(own));
  });
  return tally.scores();
}

const truthOf = ({ images, classes }: MaskScores): Truth => ({ kind: 'mask', images, classes });

describe('metrics of masks', () => {
  it('sum over all images before they divide', () => {
    // class 0: 3 of 4 either; class 1: 2 of 4; class 2 is neither there nor answered
    const scores = answered(
      [
        [0, 0, 1],
        [0, 1, 1],
      ],
      [
        [0, 0, 1],
        [0, 0, 1],
      ],
    );
    const { miou, pixelAccuracy, logLoss } = evaluateMetrics(scores, truthOf(scores));
    expect(miou).toEqual({ value: (3 / 4 + 2 / 3) / 2, higherIsBetter: true });
    expect(pixelAccuracy).toEqual({ value: 5 / 6, higherIsBetter: true });
    const [right, wrong] = [Math.log(Math.exp(2) + 2) - 2, Math.log(Math.exp(2) + 2)];
    expect(logLoss?.value).toBeCloseTo((5 * right + wrong) / 6, 12);
    expect(logLoss?.higherIsBetter).toBe(false);
    expect(maskConfusion(scores)).toEqual([
      [3, 0, 0],
      [1, 2, 0],
      [0, 0, 0],
    ]);
  });

  it('count a class that is answered though it is nowhere', () => {
    const scores = answered([[0, 0]], [[0, 2]]);
    expect(evaluateMetrics(scores, truthOf(scores)).miou?.value).toBe((1 / 2 + 0) / 2);
  });

  it('leave pixels of no class out, and have no value where all are, or an output is NaN', () => {
    const scores = answered([[0, -1, -1]], [[0, 1, 2]]);
    expect(evaluateMetrics(scores, truthOf(scores))).toMatchObject({ miou: { value: 1 }, pixelAccuracy: { value: 1 } });
    const none = answered([[-1, -1]], [[0, 1]]);
    expect(evaluateMetrics(none, truthOf(none))).toMatchObject({ miou: { value: null }, logLoss: { value: null } });
    const tally = tallyMasks(1, { columns: 2, pixels: 1, axis: 'first', scores: 'logits' });
    tally.add(Float32Array.of(1, Number.NaN), Float32Array.of(0));
    const nan = tally.scores();
    expect(evaluateMetrics(nan, truthOf(nan))).toMatchObject({ miou: { value: null }, pixelAccuracy: { value: null } });
  });

  const random = createRandom(4);
  const [pixels, classes] = [15, 4];
  const logits = Float32Array.from({ length: pixels * classes }, () => 3 * random.normal());
  const labels = Float32Array.from({ length: pixels }, (_, i) => (i % 5 === 0 ? -1 : random.below(classes)));
  const tallied = (layout: Omit<MapLayout, 'pixels'>, maps: Float32Array) => {
    const tally = tallyMasks(1, { pixels, ...layout });
    tally.add(maps, labels);
    return tally.scores();
  };
  const softmax = Float32Array.from(logits, (value, i) => {
    const start = i - (i % classes);
    return Math.exp(value) / logits.subarray(start, start + classes).reduce((sum, each) => sum + Math.exp(each), 0);
  });

  it('are the same for either layout, and for logits and their probabilities', () => {
    const last = tallied({ columns: classes, axis: 'last', scores: 'logits' }, logits);
    const first = Float32Array.from(logits, (_, i) => logits[(i % pixels) * classes + Math.floor(i / pixels)] ?? 0);
    expect(tallied({ columns: classes, axis: 'first', scores: 'logits' }, first)).toEqual(last);
    const shares = tallied({ columns: classes, axis: 'last', scores: 'probabilities' }, softmax);
    expect(shares.confusion).toEqual(last.confusion);
    expect(shares.losses[0]).toBeCloseTo(last.losses[0] ?? Number.NaN, 4);
    expect(shares.confidences[0]).toBeCloseTo(last.confidences[0] ?? Number.NaN, 5);
  });

  it('read one column as the logit, or the probability, of class 1', () => {
    const two = Float32Array.from(labels, (label) => Math.min(label, 1));
    const tally = (scores: MapLayout['scores'], maps: Float32Array) => {
      const counted = tallyMasks(1, { columns: 1, pixels, axis: 'first', scores });
      counted.add(maps, two);
      return counted.scores();
    };
    const z = logits.subarray(0, pixels);
    const own = tally('logits', z);
    const p = tally(
      'probabilities',
      z.map((value) => 1 / (1 + Math.exp(-value))),
    );
    expect(p.right).toEqual(own.right);
    expect(p.losses[0]).toBeCloseTo(own.losses[0] ?? Number.NaN, 4);
    expect(own.classes).toBe(2);
  });
});

describe('two models on the same images', () => {
  const random = createRandom(9);
  const labels = Array.from({ length: 30 }, () => Array.from({ length: 40 }, () => random.below(3)));
  /** Images as a whole are easy or hard. */
  const answers = (share: number) =>
    labels.map((own) => {
      const easy = random.uniform() < share;
      return own.map((label) => (easy || random.uniform() < 0.5 ? label : (label + 1) % 3));
    });
  const before = answered(labels, answers(0.3));
  const frelu = answered(labels, answers(0.8));

  it('are told apart by images, not by pixels', () => {
    const delta = pairedDelta('miou', before, frelu, truthOf(before));
    expect(delta).toMatchObject({ metric: 'miou', count: 30, test: 'bootstrap-bca', fixed: null, broken: null });
    expect(delta.value).toBeGreaterThan(0);
    // the same pixels as one image each would be 40 times as sure
    const [low = 0, high = 0] = delta.ci95 ?? [];
    expect(high - low).toBeGreaterThan(0.1);
  });

  it('do not differ from themselves', () => {
    expect(pairedDelta('miou', before, before, truthOf(before))).toMatchObject({ value: 0, ci95: [0, 0], pValue: 1 });
  });

  it('are compared class by class, adjusted for their number', () => {
    const rows = maskClassDeltas(['a', 'b', 'c'], { before, control: null, frelu });
    expect(rows.map(({ name, count, control }) => [name, count, control])).toEqual([
      ['a', 30, null],
      ['b', 30, null],
      ['c', 30, null],
    ]);
    for (const { delta, before: from, frelu: to, pValue, pHolm } of rows) {
      expect(delta).toBeCloseTo((to ?? 0) - (from ?? 0), 12);
      expect(pHolm).toBeGreaterThanOrEqual(pValue ?? 1);
    }
  });

  it('are watched by the shares of pixels and the mean confidence of images', () => {
    const baseline = monitoringBaseline([], before, ['a', 'b', 'c'], []);
    expect(baseline.samples).toBe(30);
    expect(baseline.predicted?.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    const seen = { inputs: [], floorRates: new Map<string, number>() };
    const checks = checkDrift(baseline, { ...seen, scores: before });
    expect(checks.map(({ quantity, level }) => [quantity, level])).toEqual([
      ['predicted', 'ok'],
      ['confidence', 'ok'],
    ]);
    for (const { value } of checks) expect(value).toBeCloseTo(0, 12);
    const one = answered(
      labels,
      labels.map((own) => own.map(() => 2)),
    );
    expect(checkDrift(baseline, { ...seen, scores: one })[0]).toMatchObject({ quantity: 'predicted', level: 'alarm' });
  });
});
