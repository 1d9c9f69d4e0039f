import type { MetricName, TableMetric } from '../contract/metrics.js';
import type { Acceptance, Delta, Goal } from '../contract/result.js';
import type { Evidence } from './evidence.js';
import { classChange, guards, sliceName } from './guards.js';
import { improvement, improvementInterval, sliceImprovement } from './improvement.js';
import { type AcceptanceRule, type Clause, minEffectOf, type Operator } from './rule.js';

/** The metrics that a rule names: they are compared with those that are guarded. */
export function namedMetrics(rule: AcceptanceRule): readonly TableMetric[] {
  return rule.clauses.flatMap((clause) => (clause.kind === 'change' || clause.kind === 'value' ? [clause.metric] : []));
}

/**
 * Judges a rule. Comparisons are between values as they are, without rounding; what has no value (a NaN metric, no control arm, no
 * interval) meets no comparison.
 * @param minEffect the smallest improvement worth writing, as `parseMinEffect` takes it; null: the metric's default
 */
export function judgeAcceptance(rule: AcceptanceRule, evidence: Evidence, minEffect: string | null = null): Acceptance {
  const goals = rule.clauses.flatMap((clause) =>
    clause.kind === 'established' ? established(evidence, minEffect) : [goalOf(clause, evidence)],
  );
  return { rule: rule.text, met: goals.every(({ met }) => met), goals };
}

/** The default: an improvement that is established, large enough, not the further training's alone, and bought with nothing else. */
function established(evidence: Evidence, said: string | null): readonly Goal[] {
  const { vsBefore, vsControl } = evidence.delta;
  const { metric, higherIsBetter, baseline } = vsBefore;
  const value = improvement(vsBefore);
  const effect = minEffectOf(higherIsBetter, said);
  const least = effect.kind === 'absolute' ? effect.amount : effect.amount * Math.abs(baseline ?? 0);
  const [, controlHigh = null] = improvementInterval(vsControl) ?? [];
  return [
    aboveZero('established', vsBefore),
    ...testable(evidence),
    { code: 'effect', subject: metric, met: value !== null && value >= least, value, bound: least },
    ...(vsControl === null
      ? []
      : [
          {
            code: 'control',
            subject: metric,
            met: controlHigh === null || controlHigh >= 0,
            value: controlHigh,
            bound: 0,
          } as const,
        ]),
    ...guards(evidence),
  ];
}

/** The improvement is established: the lower end of its interval is above 0. */
function aboveZero(code: 'established' | 'unseen', delta: Delta): Goal {
  const [low = null] = improvementInterval(delta) ?? [];
  return { code, subject: delta.metric, met: low !== null && low > 0, value: low, bound: 0 };
}

/** What the test samples themselves have to allow: what training has seen, or one class alone, says little of the data to come. */
function testable({ unseen, perClass }: Evidence): readonly Goal[] {
  const occurring = perClass.filter(({ count }) => count > 0).length;
  return [
    ...(unseen === null ? [] : [aboveZero('unseen', unseen)]),
    ...(perClass.length < 2
      ? []
      : [{ code: 'classes', subject: 'classes', met: occurring >= 2, value: occurring, bound: 2 } as const]),
  ];
}

type Said = Exclude<Clause, { kind: 'established' }>;

function goalOf(clause: Said, evidence: Evidence): Goal {
  const { value, bound, met } = compared(clause, evidence);
  return { code: 'said', subject: clause.text, met, value, bound };
}

interface Compared {
  readonly value: number | null;
  readonly bound: number | null;
  readonly met: boolean;
}

function compared(clause: Said, evidence: Evidence): Compared {
  switch (clause.kind) {
    case 'arms':
    case 'level':
    case 'improvement':
      return comparedArms(clause, evidence.delta);
    case 'change': {
      const delta = deltaOf(clause.metric, evidence);
      const [low, high] = delta?.ci95 ?? [null, null];
      return against(isAbove(clause.operator) ? low : high, clause.operator, clause.amount);
    }
    case 'value':
      return against(deltaOf(clause.metric, evidence)?.candidate ?? null, clause.operator, clause.amount);
    case 'ratio': {
      const pair = evidence[clause.of];
      const ratio = pair === null || pair.before === 0 ? null : pair.after / pair.before;
      return against(ratio, clause.operator, clause.amount);
    }
    case 'class': {
      const rows = evidence.perClass.filter(({ name }) => clause.name === null || clause.name === name);
      const lows = rows.flatMap((row) => classChange(row, rows.length)?.[0] ?? []);
      return against(lows.length === 0 ? null : Math.min(...lows), clause.operator, clause.amount);
    }
    case 'slice': {
      const rows = evidence.slices.filter((slice) => clause.name === null || clause.name === sliceName(slice));
      const lows = rows.flatMap((slice) => sliceImprovement(slice)?.[0] ?? []);
      // what one of them cannot tell is not established
      const low = lows.length === 0 || lows.length < rows.length ? null : Math.min(...lows);
      return against(low, clause.operator, clause.amount);
    }
  }
}

function deltaOf(metric: MetricName, { delta, metrics }: Evidence): Delta | null {
  return [delta.vsBefore, ...metrics].find((each) => each.metric === metric) ?? null;
}

function comparedArms(
  clause: Extract<Said, { kind: 'arms' | 'level' | 'improvement' }>,
  { vsBefore, vsControl }: Evidence['delta'],
): Compared {
  const direction = vsBefore.higherIsBetter ? 1 : -1;
  const arms = { before: vsBefore.baseline, control: vsControl?.baseline ?? null, frelu: vsBefore.candidate };
  switch (clause.kind) {
    case 'arms': {
      const [left, right] = [arms[clause.left], arms[clause.right]];
      const value = left === null || right === null ? null : direction * (left - right);
      return against(value, clause.operator, clause.margin);
    }
    case 'level': {
      const left = arms[clause.left];
      const { met } = against(left === null ? null : direction * left, clause.operator, direction * clause.level);
      return { value: left, bound: clause.level, met };
    }
    case 'improvement': {
      const of = clause.left.endsWith('.control') ? vsControl : vsBefore;
      const value = clause.left.startsWith('delta') ? improvement(of) : (improvementInterval(of)?.[0] ?? null);
      return against(value, clause.operator, clause.amount);
    }
  }
}

const isAbove = (operator: Operator): boolean => operator.startsWith('>');

function against(value: number | null, operator: Operator, bound: number): Compared {
  if (value === null) return { value, bound, met: false };
  switch (operator) {
    case '>':
      return { value, bound, met: value > bound };
    case '>=':
      return { value, bound, met: value >= bound };
    case '<':
      return { value, bound, met: value < bound };
    case '<=':
      return { value, bound, met: value <= bound };
  }
}
