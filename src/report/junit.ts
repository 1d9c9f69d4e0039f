import type { Goal, MigrateResult, SliceDelta } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { metricGuard, sliceGuard, sliceName } from '../evaluation/guards.js';
import { printable } from '../printable.js';
import { plain } from './document.js';
import { texts } from './languages.js';
import { escapeMarkup } from './markup.js';
import { numbersIn } from './numbers.js';
import { verdictText } from './report.js';
import type { Context } from './sections/context.js';
import { goalFigure, goalText } from './sections/goals.js';

interface Case {
  readonly name: string;
  /** in words; null where it passes */
  readonly failure: string | null;
}

interface Suite {
  readonly name: string;
  /** what a reader groups the cases by */
  readonly group: string;
  readonly cases: readonly Case[];
}

/**
 * The verdict as a JUnit report: a case for each goal of the rule, and for each slice and each guarded metric, which fail where a loss of
 * more than the margin of the rule `established` is established, whatever the run's own rule asks for.
 */
export function renderJunit(result: MigrateResult, language: Language): string {
  const text = texts[language];
  const context: Context = { result, text, numbers: numbersIn(language, text) };
  const suites = [goalSuite(context), sliceSuite(context), guardSuite(context)].filter(({ cases }) => cases.length > 0);
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'frelu-migrate', ...counts(all), time: result.run.seconds })}>`,
    ...suites.flatMap((suite) => suiteLines(suite, context)),
    '</testsuites>',
    '',
  ].join('\n');
}

function goalSuite(context: Context): Suite {
  const { text, result } = context;
  const { rule, goals, met } = result.acceptance;
  const words = text.junit;
  const cases = goals.map((goal) => caseOf(goalText(goal, text), goal, context));
  return {
    name: words.goals(rule),
    group: 'goals',
    cases:
      cases.length > 0 ? cases : [{ name: words.asksNothing(rule), failure: met ? null : plain(verdictText(context)) }],
  };
}

function sliceSuite(context: Context): Suite {
  const { text, result } = context;
  const caseOfSlice = (slice: SliceDelta): Case => {
    const name = text.junit.slice(sliceName(slice));
    const [goal] = sliceGuard(slice);
    // without an interval nothing is established of it
    return goal === undefined ? { name, failure: null } : caseOf(name, goal, context);
  };
  return { name: text.junit.slices, group: 'slices', cases: result.slices.map(caseOfSlice) };
}

function guardSuite(context: Context): Suite {
  const { text, result } = context;
  const guarded = result.guarded.filter(({ metric }) => metric !== result.delta.vsBefore.metric).flatMap(metricGuard);
  return {
    name: text.junit.guarded,
    group: 'guarded',
    cases: guarded.map((goal) => caseOf(goalText(goal, text), goal, context)),
  };
}

function caseOf(name: string, goal: Goal, context: Context): Case {
  if (goal.met) return { name, failure: null };
  const figure = (value: number | null) => plain([goalFigure(goal, value, null, context)]);
  return { name, failure: context.text.junit.measured(name, figure(goal.value), figure(goal.bound)) };
}

function suiteLines({ name, group, cases }: Suite, { result }: Context): string[] {
  return [
    `  <testsuite${attributes({ name, ...counts(cases), errors: 0, skipped: 0, timestamp: result.run.started.replace(/\..*$/, ''), time: 0 })}>`,
    '    <properties>',
    ...Object.entries({
      run: result.run.id,
      model: result.model.path,
      sha256: result.model.sha256,
      verdict: result.verdict,
    }).map(([key, value]) => `      <property${attributes({ name: key, value })}/>`),
    '    </properties>',
    ...cases.flatMap((each) => caseLines(each, group)),
    '  </testsuite>',
  ];
}

function caseLines({ name, failure }: Case, group: string): string[] {
  const opening = `    <testcase${attributes({ name, classname: `frelu-migrate.${group}`, time: 0 })}`;
  return failure === null
    ? [`${opening}/>`]
    : [
        `${opening}>`,
        `      <failure${attributes({ message: failure, type: 'not met' })}>${escaped(failure)}</failure>`,
        '    </testcase>',
      ];
}

function counts(cases: readonly Case[]) {
  return { tests: cases.length, failures: cases.filter(({ failure }) => failure !== null).length };
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');
}

/** What XML has no place for at all, not even escaped, is written out as `printable` writes control characters. */
function escaped(text: string): string {
  return escapeMarkup(
    printable(text).replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`),
  );
}
