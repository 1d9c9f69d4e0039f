import { Failure } from '../contract/failure.js';
import { allMetricNames, type TableMetric } from '../contract/metrics.js';

type Arm = 'before' | 'control' | 'frelu';

/** A quantity on the left of a comparison that is an improvement already: positive is better, whatever the metric. */
type Improvement = 'delta' | 'delta.control' | 'low' | 'low.control';

type AtLeast = '>=' | '>';
export type Operator = AtLeast | '<=' | '<';

/** What is compared as after / before. */
export type Ratio = 'latency' | 'size' | 'memory';

export type Clause = { readonly text: string } & (
  | { readonly kind: 'established' }
  | {
      readonly kind: 'arms';
      readonly left: Arm;
      readonly operator: AtLeast;
      readonly right: Arm;
      readonly margin: number;
    }
  | { readonly kind: 'level'; readonly left: Arm; readonly operator: AtLeast; readonly level: number }
  | { readonly kind: 'improvement'; readonly left: Improvement; readonly operator: AtLeast; readonly amount: number }
  /** frelu - before of a metric in its own unit, as far as its 95 % interval establishes it */
  | { readonly kind: 'change'; readonly metric: TableMetric; readonly operator: Operator; readonly amount: number }
  | { readonly kind: 'value'; readonly metric: TableMetric; readonly operator: Operator; readonly amount: number }
  | { readonly kind: 'ratio'; readonly of: Ratio; readonly operator: '<=' | '<'; readonly amount: number }
  /** the change of the recall of one class, or of every one (null), as far as it is established */
  | { readonly kind: 'class'; readonly name: string | null; readonly operator: AtLeast; readonly amount: number }
  /** the improvement of the judged metric over one slice (COLUMN=VALUE), or over every one (null), as far as it is established */
  | { readonly kind: 'slice'; readonly name: string | null; readonly operator: AtLeast; readonly amount: number }
);

/** A parsed acceptance rule: every clause must hold. `always` has none. */
export interface AcceptanceRule {
  readonly text: string;
  readonly clauses: readonly Clause[];
}

const grammar = `A rule is "always", or goals joined by "&&", all on the test split:
  established               an improvement that the 95 % interval establishes, of at least the smallest effect worth writing, with nothing
                            that is guarded (log loss, calibration, the worst class and slice, latency, size) established worse
  accuracy>+0.002           a change of a metric, as far as its 95 % interval establishes it; accuracy>-0.001: at most so much worse
  logLoss<+0.01             likewise, where lower is better
  accuracy>=0.9             the metric itself
  class(cat)>-0.02          the change of one class's recall, established; classes>-0.05: of every class
  slice(site=north)>-0.02   the improvement over one slice of the test split, established; slices>-0.05: over every slice
  latency<1.05              after over before; size and memory likewise
  frelu>=before             at least as good as the original model
  frelu>before+0.002        better than it by more than 0.002
  frelu>control             better than the same training without FReLU
  frelu>=0.9                the judged metric itself
  delta>=0.2%               the improvement over the original model (delta.control: over the control arm)
  low>0                     the lower end of the improvement's 95 % interval (low.control likewise)
With frelu, delta and low, ">=" reads "at least as good as" and ">" "better than", also where a lower metric is better. Numbers may end in %.`;

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
  if (text === 'established') return { kind: 'established', text };
  const match = /^((?:class|slice)\(.+\)|[A-Za-z][A-Za-z0-9.]*)\s*(>=|>|<=|<)\s*(\S.*)$/.exec(text);
  if (match === null) return null;
  const [, left = '', operator = '', right = ''] = match;
  if (!isOperator(operator)) return null;
  return (
    armClause(text, left, operator, right) ??
    improvementClause(text, left, operator, right) ??
    ratioClause(text, left, operator, right) ??
    groupClause(text, left, operator, right) ??
    metricClause(text, left, operator, right)
  );
}

function armClause(text: string, left: string, operator: Operator, right: string): Clause | null {
  if (!isArm(left) || !isAtLeast(operator)) return null;
  const level = parseNumber(right);
  if (level !== null) return { kind: 'level', text, left, operator, level };
  const [, arm = '', sign, marginText] = /^([a-z]+)\s*(?:([+-])\s*(\S+))?$/.exec(right) ?? [];
  const margin = marginText === undefined ? 0 : parseNumber(marginText);
  if (!isArm(arm) || left === arm || margin === null) return null;
  return { kind: 'arms', text, left, operator, right: arm, margin: sign === '-' ? -margin : margin };
}

function improvementClause(text: string, left: string, operator: Operator, right: string): Clause | null {
  const amount = parseNumber(right);
  if (!isImprovement(left) || !isAtLeast(operator) || amount === null) return null;
  return { kind: 'improvement', text, left, operator, amount };
}

function ratioClause(text: string, left: string, operator: Operator, right: string): Clause | null {
  const amount = parseNumber(right);
  if (!isRatio(left) || isAtLeast(operator) || amount === null || /^[+-]/.test(right)) return null;
  return { kind: 'ratio', text, of: left, operator, amount };
}

function groupClause(text: string, left: string, operator: Operator, right: string): Clause | null {
  const amount = parseNumber(right);
  if (!isAtLeast(operator) || amount === null) return null;
  if (left === 'classes') return { kind: 'class', text, name: null, operator, amount };
  if (left === 'slices') return { kind: 'slice', text, name: null, operator, amount };
  const [, kind, name] = /^(class|slice)\((.+)\)$/.exec(left) ?? [];
  if ((kind !== 'class' && kind !== 'slice') || name === undefined) return null;
  return { kind, text, name, operator, amount };
}

function metricClause(text: string, left: string, operator: Operator, right: string): Clause | null {
  const metric = allMetricNames.find((name) => name === left);
  const amount = parseNumber(right);
  if (metric === undefined || amount === null) return null;
  return { kind: /^[+-]/.test(right) ? 'change' : 'value', text, metric, operator, amount };
}

function parseNumber(text: string): number | null {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(%?)$/i.exec(text);
  return match === null ? null : Number(match[1]) / (match[2] === '%' ? 100 : 1);
}

const isIn =
  <T extends string>(names: readonly T[]) =>
  (text: string): text is T =>
    names.some((name) => name === text);
const isArm = isIn<Arm>(['before', 'control', 'frelu']);
const isImprovement = isIn<Improvement>(['delta', 'delta.control', 'low', 'low.control']);
const isRatio = isIn<Ratio>(['latency', 'size', 'memory']);
const isOperator = isIn<Operator>(['>=', '>', '<=', '<']);
const isAtLeast = isIn<AtLeast>(['>=', '>']);

/** Whether a rule can only be judged with a control arm: with `--no-control` it is a wrong usage. */
export function needsControl(rule: AcceptanceRule): boolean {
  return rule.clauses.some((clause) => {
    if (clause.kind === 'arms') return clause.left === 'control' || clause.right === 'control';
    if (clause.kind === 'level') return clause.left === 'control';
    return clause.kind === 'improvement' && clause.left.endsWith('.control');
  });
}

/**
 * The smallest improvement worth writing: of an amount in the metric's own unit, or of a share of the original's value for
 * metrics without a scale of their own.
 */
export type MinEffect = { readonly kind: 'absolute' | 'relative'; readonly amount: number };

/** 0.002, 0.2 %: @throws Failure('usage') for anything else, and below 0 */
export function parseMinEffect(text: string): string {
  const amount = parseNumber(text.trim());
  if (amount !== null && amount >= 0) return text.trim();
  throw new Failure('usage', {
    what: `"${text}" is not a size of an effect.`,
    cure: 'Write a number of the metric such as 0.002, or one with %.',
    settings: ['minEffect'],
  });
}

/** Of metrics from 0 to 1: a tenth of a percentage point. */
const leastOfShares = 0.001;
/** Of errors and losses, which have the unit of the data: half a percent of the original's. */
const leastOfErrors = 0.005;

/** @param said as `parseMinEffect` takes it; null: the metric's default. A percentage of an error is one of the original's. */
export function minEffectOf(higherIsBetter: boolean, said: string | null): MinEffect {
  if (said === null) {
    return higherIsBetter ? { kind: 'absolute', amount: leastOfShares } : { kind: 'relative', amount: leastOfErrors };
  }
  const amount = parseNumber(said) ?? 0;
  return { kind: said.endsWith('%') && !higherIsBetter ? 'relative' : 'absolute', amount };
}
