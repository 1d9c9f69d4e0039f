import { Failure } from '../contract/failure.js';
import type { Acceptance, Delta } from '../contract/result.js';

type Arm = 'before' | 'control' | 'frelu';
type Operator = '>=' | '>';

/** A quantity on the left of a comparison that is an improvement already: positive is better, whatever the metric. */
type Improvement = 'delta' | 'delta.control' | 'low' | 'low.control';

type Clause =
  | {
      readonly kind: 'arms';
      readonly left: Arm;
      readonly operator: Operator;
      readonly right: Arm;
      readonly margin: number;
    }
  | { readonly kind: 'level'; readonly left: Arm; readonly operator: Operator; readonly level: number }
  | { readonly kind: 'improvement'; readonly left: Improvement; readonly operator: Operator; readonly amount: number };

/** A parsed acceptance rule: every clause must hold. `always` has none. */
export interface AcceptanceRule {
  readonly text: string;
  readonly clauses: readonly Clause[];
}

const grammar = `A rule is "always", or comparisons joined by "&&":
  frelu>=before             at least as good as the original model, on the test split
  frelu>before+0.002        better than it by more than 0.002
  frelu>control             better than the same training without FReLU
  frelu>=0.9                the metric itself
  delta>=0.2%               the improvement over the original model (delta.control: over the control arm)
  low>0                     the lower end of the improvement's 95 % interval (low.control likewise)
">=" reads "at least as good as" and ">" "better than", also where a lower metric is better. Numbers may end in %.`;

const armNames: ReadonlySet<string> = new Set<Arm>(['before', 'control', 'frelu']);
const improvementNames: ReadonlySet<string> = new Set<Improvement>(['delta', 'delta.control', 'low', 'low.control']);

/** @throws Failure('usage') that lists the grammar, when `text` is not a rule */
export function parseAcceptanceRule(text: string): AcceptanceRule {
  const trimmed = text.trim();
  if (trimmed === 'always') return { text: trimmed, clauses: [] };
  const clauses = trimmed.split('&&').map((part) => {
    const clause = parseClause(part.trim());
    if (clause === null) {
      throw new Failure('usage', {
        what: `"${part.trim()}" is not an acceptance rule.`,
        cure: `${grammar}\nWrite the rule in this form.`,
        settings: ['accept'],
      });
    }
    return clause;
  });
  return { text: trimmed, clauses };
}

function parseClause(text: string): Clause | null {
  const match = /^([a-z.]+)\s*(>=|>)\s*(?:([a-z]+)\s*(?:([+-])\s*(\S+))?|(\S+))$/.exec(text);
  if (match === null) return null;
  const [, left, symbol, rightArm, sign, marginText, amountText] = match;
  if (left === undefined) return null;
  const operator = symbol === '>' ? '>' : '>=';
  if (rightArm !== undefined) {
    const margin = marginText === undefined ? 0 : parseNumber(marginText);
    if (!isArm(left) || !isArm(rightArm) || left === rightArm || margin === null) return null;
    return { kind: 'arms', left, operator, right: rightArm, margin: sign === '-' ? -margin : margin };
  }
  const amount = amountText === undefined ? null : parseNumber(amountText);
  if (amount === null) return null;
  if (isArm(left)) return { kind: 'level', left, operator, level: amount };
  return isImprovement(left) ? { kind: 'improvement', left, operator, amount } : null;
}

function parseNumber(text: string): number | null {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(%?)$/i.exec(text);
  return match === null ? null : Number(match[1]) / (match[2] === '%' ? 100 : 1);
}

function isArm(text: string): text is Arm {
  return armNames.has(text);
}

function isImprovement(text: string): text is Improvement {
  return improvementNames.has(text);
}

/** Whether a rule can only be judged with a control arm: with `--no-control` it is a wrong usage. */
export function needsControl(rule: AcceptanceRule): boolean {
  return rule.clauses.some(
    (clause) =>
      clause.left === 'control' ||
      clause.left === 'delta.control' ||
      clause.left === 'low.control' ||
      (clause.kind === 'arms' && clause.right === 'control'),
  );
}

/**
 * Judges a rule on the test split's deltas. Comparisons are between metric values as they are, without rounding;
 * a quantity that has no value (a NaN metric, no control arm) meets no comparison.
 */
export function judgeAcceptance(
  rule: AcceptanceRule,
  delta: { readonly vsBefore: Delta; readonly vsControl: Delta | null },
): Acceptance {
  return { rule: rule.text, met: rule.clauses.every((clause) => holds(clause, delta.vsBefore, delta.vsControl)) };
}

function holds(clause: Clause, vsBefore: Delta, vsControl: Delta | null): boolean {
  const direction = vsBefore.higherIsBetter ? 1 : -1;
  const arms: Record<Arm, number | null> = {
    before: vsBefore.baseline,
    control: vsControl?.baseline ?? null,
    frelu: vsBefore.candidate,
  };
  const left = clause.kind === 'improvement' ? null : arms[clause.left];
  switch (clause.kind) {
    case 'arms': {
      const right = arms[clause.right];
      return left !== null && right !== null && meets(direction * (left - right), clause.operator, clause.margin);
    }
    case 'level':
      return left !== null && meets(direction * left, clause.operator, direction * clause.level);
    case 'improvement': {
      const of = clause.left.endsWith('.control') ? vsControl : vsBefore;
      const amount = clause.left.startsWith('delta') ? improvement(of) : (improvementInterval(of)?.[0] ?? null);
      return amount !== null && meets(amount, clause.operator, clause.amount);
    }
  }
}

function meets(left: number, operator: Operator, right: number): boolean {
  return operator === '>' ? left > right : left >= right;
}

/** The delta with its sign turned so that positive is better. */
export function improvement(delta: Delta | null): number | null {
  if (delta === null || delta.value === null) return null;
  return delta.higherIsBetter ? delta.value : -delta.value;
}

/** The 95 % interval of `improvement`. */
export function improvementInterval(delta: Delta | null): readonly [low: number, high: number] | null {
  if (delta === null || delta.ci95 === null) return null;
  const [low, high] = delta.ci95;
  return delta.higherIsBetter ? [low, high] : [-high, -low];
}
