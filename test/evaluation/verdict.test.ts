import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import type { Acceptance, Delta } from '../../src/contract/result.js';
import { judgeAcceptance } from '../../src/evaluation/acceptance.js';
import type { Evidence } from '../../src/evaluation/evidence.js';
import { needsControl, parseAcceptanceRule } from '../../src/evaluation/rule.js';
import { judge } from '../../src/evaluation/verdict.js';

const delta = (
  baseline: number | null,
  candidate: number | null,
  ci95: Delta['ci95'],
  more: Partial<Delta> = {},
): Delta => ({
  metric: 'accuracy',
  higherIsBetter: true,
  baseline,
  candidate,
  value: baseline === null || candidate === null ? null : candidate - baseline,
  ci95,
  pValue: null,
  test: 'mcnemar-exact',
  interval: 'newcombe-paired',
  fixed: 3,
  broken: 2,
  count: 100,
  ...more,
});
const gain = delta(0.9, 0.91, [0.004, 0.016]);
const aboveControl = delta(0.905, 0.91, [0.001, 0.009]);
const level = delta(0.91, 0.91, [-0.003, 0.003]);
const loss = delta(0.91, 0.9, [-0.016, -0.004]);
const evidence = (vsBefore: Delta, vsControl: Delta | null): Evidence => ({
  delta: { vsBefore, vsControl },
  metrics: [],
  unseen: null,
  perClass: [],
  slices: [],
  latency: null,
  size: null,
  memory: null,
});
const meets = (rule: string, vsBefore: Delta, vsControl: Delta | null = null) =>
  judgeAcceptance(parseAcceptanceRule(rule), evidence(vsBefore, vsControl)).met;

describe('acceptance rules', () => {
  test.each([
    ['always', true],
    ['frelu>=before', true],
    ['frelu > before + 0.5%', true],
    ['frelu>before+0.02', false],
    ['frelu>control', true],
    ['frelu>=0.91', true],
    ['frelu>0.91', false],
    ['delta>=0.002', true],
    ['delta>=2%', false],
    ['delta.control>=0.004', true],
    ['low>0', true],
    ['low>0 && low.control>0.005', false],
  ])('%s', (rule, met) => {
    expect(meets(rule, gain, aboveControl)).toBe(met);
  });

  test('">=" reads "at least as good as" where a lower metric is better', () => {
    const lowerError = delta(0.5, 0.4, [-0.15, -0.05], { metric: 'mae', higherIsBetter: false });
    expect(meets('frelu>=before', lowerError)).toBe(true);
    expect(meets('delta>=0.05', lowerError)).toBe(true);
    expect(meets('low>0', lowerError)).toBe(true);
    expect(meets('frelu>=0.45', lowerError)).toBe(true);
    expect(meets('frelu>=0.3', lowerError)).toBe(false);
  });

  test('equal models are at least as good, not better', () => {
    expect(meets('frelu>=before', level)).toBe(true);
    expect(meets('frelu>before', level)).toBe(false);
  });

  test('what has no value meets no comparison', () => {
    const unknown = delta(0.9, null, null);
    expect(meets('frelu>=before', unknown)).toBe(false);
    expect(meets('low>-1', unknown)).toBe(false);
    expect(meets('frelu>=control', gain, null)).toBe(false);
    expect(meets('always', unknown)).toBe(true);
  });

  test('a rule that is none is a wrong usage that shows the grammar', () => {
    for (const text of [
      '',
      'better',
      'frelu>=frelu',
      'frelu<=before',
      'delta>=before',
      'frelu>=',
      'always && delta>0',
    ]) {
      const parse = () => parseAcceptanceRule(text);
      expect(parse).toThrow(Failure);
      expect(parse).toThrow(
        expect.objectContaining({
          cure: expect.stringMatching(/frelu>=before[\s\S]*delta>=0\.2%/),
          settings: ['accept'],
        }),
      );
    }
  });

  test('a rule about the control arm says that it needs one', () => {
    expect(
      ['frelu>control', 'delta.control>0', 'low.control>0', 'control>=before'].map((r) =>
        needsControl(parseAcceptanceRule(r)),
      ),
    ).toEqual([true, true, true, true]);
    expect(needsControl(parseAcceptanceRule('low>0 && frelu>=before'))).toBe(false);
  });
});

describe('verdict', () => {
  const met: Acceptance = { rule: 'frelu>=before', met: true, goals: [] };
  const codes = (vsBefore: Delta, vsControl: Delta | null, acceptance = met) => {
    const { verdict, reasons } = judge({ vsBefore, vsControl }, acceptance);
    return [verdict, ...reasons.map((reason) => reason.code)];
  };

  test('an interval above zero is adopted, and what the control says is said', () => {
    expect(codes(gain, aboveControl)).toEqual(['adopt', 'better-than-before', 'better-than-control']);
    expect(codes(gain, level)).toEqual(['adopt', 'better-than-before', 'undecided-against-control']);
    expect(codes(gain, null)).toEqual(['adopt', 'better-than-before', 'no-control']);
  });

  test('a control arm that is better still wins: train longer and keep ReLU', () => {
    expect(codes(gain, loss)).toEqual(['reject', 'better-than-before', 'worse-than-control']);
  });

  test('an interval that spans or touches zero is inconclusive, whatever the control says', () => {
    expect(codes(level, aboveControl)).toEqual(['inconclusive', 'undecided-against-before', 'better-than-control']);
    expect(codes(delta(0.9, 0.91, [0, 0.02]), null)[0]).toBe('inconclusive');
  });

  test('an interval below zero is rejected; so is a gain that misses the rule', () => {
    expect(codes(loss, null)).toEqual(['reject', 'worse-than-before', 'no-control']);
    expect(
      codes(gain, null, {
        rule: 'delta>=0.05',
        met: false,
        goals: [{ code: 'said', subject: 'delta>=0.05', met: false, value: 0.01, bound: 0.05 }],
      }),
    ).toEqual(['reject', 'better-than-before', 'no-control', 'rule-not-met']);
  });

  test('the direction of the metric is known', () => {
    const lowerError = delta(0.5, 0.4, [-0.15, -0.05], {
      metric: 'mae',
      higherIsBetter: false,
      fixed: null,
      broken: null,
    });
    expect(codes(lowerError, null)[0]).toBe('adopt');
  });

  test('identical predictions and metrics without a value', () => {
    expect(codes(delta(0.9, 0.9, [-0.04, 0.04], { fixed: 0, broken: 0 }), level).slice(0, 2)).toEqual([
      'inconclusive',
      'identical-predictions',
    ]);
    expect(codes(delta(null, null, null), null)).toEqual(['inconclusive', 'not-measurable']);
  });

  test('why is a text made of the reasons', () => {
    expect(judge({ vsBefore: gain, vsControl: null }, met).why).toMatch(/better than the original.*no control arm/);
  });
});
