import { describe, expect, it } from 'vitest';
import type { ClassDelta, Delta, LatencyComparison, SliceDelta } from '../../src/contract/result.js';
import { judgeAcceptance } from '../../src/evaluation/acceptance.js';
import { classDeltas, pairedDelta } from '../../src/evaluation/compare.js';
import type { Evidence } from '../../src/evaluation/evidence.js';
import { guardedMetrics } from '../../src/evaluation/guards.js';
import type { Scores, Truth } from '../../src/evaluation/metrics.js';
import { parseAcceptanceRule, parseMinEffect } from '../../src/evaluation/rule.js';
import { judge } from '../../src/evaluation/verdict.js';
import { createRandom, type Random } from '../../src/math/random.js';
import { headline } from '../../src/report/headline.js';
import { texts } from '../../src/report/languages.js';

const nothing: Evidence = {
  delta: { vsBefore: change({}), vsControl: null },
  metrics: [],
  unseen: null,
  perClass: [],
  slices: [],
  latency: null,
  size: null,
  memory: null,
};

/** An accuracy from 0.9 by so many points, with so wide an interval on each side. */
function change({ by = 0.01, half = 0.005, ...more }: Partial<Delta> & { by?: number; half?: number }): Delta {
  return {
    metric: 'accuracy',
    higherIsBetter: true,
    baseline: 0.9,
    candidate: 0.9 + by,
    value: by,
    ci95: [by - half, by + half],
    pValue: null,
    test: 'mcnemar-exact',
    interval: 'newcombe-paired',
    fixed: 30,
    broken: 10,
    count: 2000,
    ...more,
  };
}

const error = (metric: 'rmse' | 'logLoss' | 'ece', baseline: number, by: number, half: number): Delta =>
  change({ metric, higherIsBetter: false, baseline, candidate: baseline + by, by, half, fixed: null, broken: null });

const classFall = (fixed: number, broken: number): ClassDelta => ({
  index: 0,
  name: 'cat',
  count: 500,
  before: 0.9,
  control: null,
  frelu: 0.9 + (fixed - broken) / 500,
  delta: (fixed - broken) / 500,
  fixed,
  broken,
  pValue: null,
  pHolm: null,
});

const slow = (ratio: number, low: number): LatencyComparison => ({
  before: 10,
  after: 10 * ratio,
  ratio,
  ci95: [low, ratio + 0.05],
  runs: 200,
  batchSize: 1,
});

/** What a person reads first, and what a release gate takes from it. */
function outcome(evidence: Partial<Evidence>, rule = 'established', minEffect: string | null = null) {
  const all = { ...nothing, ...evidence };
  const acceptance = judgeAcceptance(parseAcceptanceRule(rule), all, minEffect);
  const { verdict, reasons } = judge(all.delta, acceptance);
  const said = headline({ verdict, reasons, written: acceptance.met, acceptance }, texts.en);
  const missed = acceptance.goals.flatMap(({ code, subject, met }) => (met ? [] : [`${code} ${subject}`]));
  return { exit: acceptance.met ? 0 : 4, said, missed: missed.join(', ') };
}

const control = (by: number, half = 0.005) => change({ baseline: 0.91 - by, candidate: 0.91, by, half });
const further = 'Adopt the further training: what FReLU adds to it is not established';

describe('what is concluded, and whether the model is written', () => {
  it.each<[string, Partial<Evidence>, string, ReturnType<typeof outcome>]>([
    [
      'a win, and more than the control arm',
      { delta: { vsBefore: change({}), vsControl: control(0.008) } },
      'established',
      { exit: 0, said: 'Adopt', missed: '' },
    ],
    [
      'a win that the control arm has too',
      { delta: { vsBefore: change({}), vsControl: control(0.001) } },
      'established',
      { exit: 0, said: further, missed: '' },
    ],
    [
      'a win, and the control arm is better still',
      { delta: { vsBefore: change({}), vsControl: control(-0.008) } },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'control accuracy' },
    ],
    [
      'a loss',
      { delta: { vsBefore: change({ by: -0.01 }), vsControl: null } },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'established accuracy, effect accuracy' },
    ],
    [
      'a draw: a gain that chance explains',
      { delta: { vsBefore: change({ by: 0.003 }), vsControl: null } },
      'established',
      { exit: 4, said: 'Not decidable with these data', missed: 'established accuracy' },
    ],
    [
      'the same draw by a rule that asks for no more',
      { delta: { vsBefore: change({ by: 0.003 }), vsControl: null } },
      'frelu>=before',
      {
        exit: 0,
        said: 'Not decidable with these data; written all the same, as the rule frelu>=before asks for no more',
        missed: '',
      },
    ],
    [
      'a tiny win that is established',
      { delta: { vsBefore: change({ by: 0.0006, half: 0.0002 }), vsControl: null } },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'effect accuracy' },
    ],
    [
      'a tiny win of a regression, RMSE 0.1628 to 0.1627',
      { delta: { vsBefore: error('rmse', 0.1628, -0.0001, 0.00005), vsControl: null } },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'effect rmse' },
    ],
    [
      'a win of a regression',
      { delta: { vsBefore: error('rmse', 0.1628, -0.01, 0.004), vsControl: null } },
      'established',
      { exit: 0, said: 'Adopt', missed: '' },
    ],
    [
      'a win with worse calibration and log loss',
      { metrics: [error('logLoss', 0.3, 0.05, 0.02), error('ece', 0.02, 0.03, 0.01)] },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'guard logLoss, guard ece' },
    ],
    [
      'a win with a log loss that chance may have made worse',
      { metrics: [error('logLoss', 0.3, 0.02, 0.03)] },
      'established',
      { exit: 0, said: 'Adopt', missed: '' },
    ],
    [
      'a win in total and a loss in a class',
      { perClass: [classFall(0, 60), classFall(30, 10)] },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'guard class cat' },
    ],
    [
      'a win at a third more time',
      { latency: slow(1.33, 1.25) },
      'established',
      { exit: 4, said: 'Do not adopt', missed: 'guard latency' },
    ],
    [
      'a win whose time is not known well',
      { latency: slow(1.2, 0.98) },
      'established',
      { exit: 0, said: 'Adopt', missed: '' },
    ],
    [
      'a win that is one on the samples that training has seen',
      { unseen: change({ by: 0.002, half: 0.004, count: 1500 }) },
      'established',
      { exit: 4, said: 'Not decidable with these data', missed: 'unseen accuracy' },
    ],
    [
      'a win on test samples of which training has seen every one',
      { unseen: change({ value: null, ci95: null, count: 0 }) },
      'established',
      { exit: 4, said: 'Not decidable with these data', missed: 'unseen accuracy' },
    ],
    [
      'a win also on those that it has not seen',
      { unseen: change({ by: 0.008, count: 1500 }) },
      'established',
      { exit: 0, said: 'Adopt', missed: '' },
    ],
    [
      'a win on samples of one class',
      { perClass: [classFall(30, 10), { ...classFall(0, 0), count: 0, delta: null }] },
      'established',
      { exit: 4, said: 'Not decidable with these data', missed: 'classes classes' },
    ],
    [
      'a loss on samples that training has seen',
      {
        delta: { vsBefore: change({ by: -0.01 }), vsControl: null },
        unseen: change({ by: -0.01 }),
      },
      'established',
      {
        exit: 4,
        said: 'Do not adopt',
        missed: 'established accuracy, unseen accuracy, effect accuracy',
      },
    ],
    [
      'several goals, one of them missed',
      { latency: slow(1.06, 1.04) },
      'accuracy>+0.002 && latency<1.05',
      { exit: 4, said: 'Do not adopt', missed: 'said latency<1.05' },
    ],
    [
      'no worse than by a tenth of a point',
      { delta: { vsBefore: change({ by: 0, half: 0.0005 }), vsControl: null } },
      'accuracy>-0.001',
      {
        exit: 0,
        said: 'Not decidable with these data; written all the same, as the rule accuracy>-0.001 asks for no more',
        missed: '',
      },
    ],
    [
      'no value at all',
      { delta: { vsBefore: change({ candidate: null, value: null, ci95: null }), vsControl: null } },
      'established',
      { exit: 4, said: 'Not decidable with these data', missed: 'established accuracy, effect accuracy' },
    ],
  ])('%s', (_, evidence, rule, expected) => {
    expect(outcome(evidence, rule)).toEqual(expected);
  });

  it('takes the smallest effect from its option, in the unit of the metric or as a share of an error', () => {
    const accuracy = { delta: { vsBefore: change({ by: 0.01 }), vsControl: null } };
    expect(outcome(accuracy, 'established', '1%').exit).toBe(0);
    expect(outcome(accuracy, 'established', '0.011').exit).toBe(4);
    const rmse = { delta: { vsBefore: error('rmse', 200, -5, 1), vsControl: null } };
    expect(outcome(rmse, 'established', '2%').exit).toBe(0);
    expect(outcome(rmse, 'established', '3%').exit).toBe(4);
    expect(outcome(rmse, 'established', '5.5').exit).toBe(4);
    expect(() => parseMinEffect('-1')).toThrow(expect.objectContaining({ settings: ['minEffect'] }));
  });
});

describe('goals in words of their own', () => {
  const all: Partial<Evidence> = {
    metrics: [error('logLoss', 0.3, -0.02, 0.005)],
    perClass: [classFall(10, 4)],
    latency: slow(1.04, 1.02),
    size: { before: 1000, after: 1020 },
    memory: { before: 100, after: 150 },
  };
  it.each([
    ['accuracy>+0.004', true],
    ['accuracy>+0.006', false],
    ['accuracy>=0.9', true],
    ['accuracy<0.9', false],
    ['logLoss<-0.01', true],
    ['logLoss<-0.018', false],
    ['logLoss<0.29', true],
    ['class(cat)>-0.02', true],
    ['class(cat)>+0.02', false],
    ['classes>-0.05', true],
    ['latency<1.05', true],
    ['size<=1.02', true],
    ['memory<1.4', false],
    ['ece<+0.1', false],
  ])('%s', (rule, met) => {
    expect(outcome(all, rule).exit).toBe(met ? 0 : 4);
  });

  it.each(['latency>1', 'latency<+1.05', 'speed<2', 'class()>0', 'classes<0.1', 'accuracy>', 'established>0'])(
    '%s is none',
    (rule) => {
      expect(() => parseAcceptanceRule(rule)).toThrow(expect.objectContaining({ kind: 'usage' }));
    },
  );
});

/** Two classifiers of one accuracy that are right on samples of their own, in 4 classes. */
function twins(random: Random, count: number): { truth: Extract<Truth, { kind: 'class' }>; a: Scores; b: Scores } {
  const classes = 4;
  const labels = Int32Array.from({ length: count }, () => random.below(classes));
  const hardness = Float64Array.from({ length: count }, () => random.uniform());
  const model = (): Scores => {
    const values = new Float32Array(count * classes);
    labels.forEach((label, i) => {
      const right = random.uniform() < (0.5 + 0.5 * (hardness[i] ?? 0)) ** 0.4;
      const said = right ? label : (label + 1 + random.below(classes - 1)) % classes;
      for (let c = 0; c < classes; c++) values[i * classes + c] = random.normal() * 0.3 + (c === said ? 2 : 0);
    });
    return { values, width: classes, kind: 'logits' };
  };
  return { truth: { kind: 'class', labels, classes }, a: model(), b: model() };
}

it('of a thousand pairs of models between which there is no difference, at most one in forty is adopted', () => {
  const random = createRandom(99);
  const rule = parseAcceptanceRule('established');
  let adopted = 0;
  for (let draw = 0; draw < 1000; draw++) {
    const { truth, a, b } = twins(random, 300 + random.below(700));
    const vsBefore = pairedDelta('accuracy', a, b, truth);
    const perClass = classDeltas(['0', '1', '2', '3'], truth.labels, { before: a, control: null, frelu: b });
    // the guards can only stop what is adopted: where nothing is, they need not be measured
    const first = { ...nothing, delta: { vsBefore, vsControl: null }, perClass };
    if (!judgeAcceptance(rule, first).met) continue;
    const metrics = guardedMetrics.map((metric) => pairedDelta(metric, a, b, truth, { resamples: 200 }));
    if (judgeAcceptance(rule, { ...first, metrics }).met) adopted++;
  }
  expect(adopted).toBeLessThanOrEqual(25);
  // and not because the rule adopts nothing
  const { truth, a } = twins(random, 800);
  const better = {
    ...a,
    values: a.values.map((value, i) => value + (truth.labels[Math.floor(i / 4)] === i % 4 ? 4 : 0)),
  };
  const delta = { vsBefore: pairedDelta('accuracy', a, better, truth), vsControl: null };
  expect(judgeAcceptance(rule, { ...nothing, delta }).met).toBe(true);
});

describe('slices', () => {
  const established = parseAcceptanceRule('established');
  const slice = (value: string, by: number, half: number): SliceDelta => ({
    column: 'site',
    value,
    before: 0.9,
    control: null,
    frelu: 0.9 + by,
    freluCi95: null,
    delta: change({ by, half: half / 1.3 }),
    simultaneous: [by - half, by + half],
    pHolm: null,
  });
  const gain = { ...nothing, delta: { vsBefore: change({}), vsControl: null } };
  const with_ = (...slices: SliceDelta[]): Evidence => ({ ...gain, slices });

  it('stop a win in total that is paid for by one of them, and name it', () => {
    const { met, goals } = judgeAcceptance(established, with_(slice('north', 0.02, 0.01), slice('south', -0.06, 0.02)));
    expect(met).toBe(false);
    expect(goals.filter((goal) => !goal.met).map(({ subject }) => subject)).toEqual(['slice site=south']);
  });

  it('stop nothing where so few samples cannot tell', () => {
    expect(judgeAcceptance(established, with_(slice('south', -0.2, 0.3))).met).toBe(true);
  });

  it('are named in a rule, one of them or all, and what cannot tell establishes nothing', () => {
    const evidence = with_(slice('north', 0.02, 0.01), slice('south', -0.06, 0.02));
    const holds = (rule: string, given = evidence) => judgeAcceptance(parseAcceptanceRule(rule), given).met;
    expect(holds('slice(site=north)>0')).toBe(true);
    expect(holds('slice(site=south)>-0.05')).toBe(false);
    expect(holds('slices>-0.1')).toBe(true);
    expect(holds('slices>-0.05')).toBe(false);
    const untold: SliceDelta = { ...slice('pier', 0, 1), simultaneous: null };
    expect(holds('slices>-0.1', with_(slice('north', 0.02, 0.01), untold))).toBe(false);
  });

  it('of an error are worse where it grew', () => {
    const worse: SliceDelta = {
      ...slice('south', 0, 0),
      delta: error('rmse', 0.2, 0.05, 0.01),
      simultaneous: [0.03, 0.07],
    };
    expect(judgeAcceptance(established, with_(worse)).met).toBe(false);
    expect(judgeAcceptance(parseAcceptanceRule('slices>0'), with_(worse)).met).toBe(false);
  });
});

it('takes no few constants in a small file for growth', () => {
  const met = (before: number, after: number) =>
    judgeAcceptance(parseAcceptanceRule('established'), {
      ...nothing,
      delta: { vsBefore: change({}), vsControl: null },
      size: { before, after },
    }).met;
  expect(met(2000, 3000)).toBe(true);
  expect(met(2e6, 2.1e6)).toBe(true);
  expect(met(2e6, 3e6)).toBe(false);
});
