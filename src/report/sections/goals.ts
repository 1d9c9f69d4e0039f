import { isTableMetric } from '../../contract/metrics.js';
import type { Goal } from '../../contract/result.js';
import type { Rich, Section, Table } from '../document.js';
import type { Texts } from '../text/en.js';
import { type Context, named, numeric, paragraph } from './context.js';

/** What the acceptance rule asks for, one goal a row, and whether it is so; null where it asks for nothing. */
export function goals(context: Context): Section | null {
  const { result, text } = context;
  const { rule, met, goals: all } = result.acceptance;
  if (all.length === 0) return null;
  const words = text.goals;
  return {
    id: 'goals',
    title: words.title,
    blocks: [paragraph(text.summary.rule(rule, met)), goalTable(context, () => true), paragraph(words.note)],
  };
}

/** The goals that are shown, one a row. */
export function goalTable(context: Context, isShown: (goal: Goal) => boolean): Table {
  const { result, text } = context;
  const words = text.goals;
  return {
    kind: 'table',
    caption: words.table,
    columns: [named(words.goal), numeric(words.value), numeric(words.bound), named(words.met)],
    rows: result.acceptance.goals.flatMap((goal, i): Rich[][] =>
      isShown(goal)
        ? [
            [
              [goalText(goal, text)],
              [goalFigure(goal, goal.value, `acceptance.goals.${i}.value`, context)],
              [goalFigure(goal, goal.bound, `acceptance.goals.${i}.bound`, context)],
              [goal.met ? words.yes : words.no],
            ],
          ]
        : [],
    ),
  };
}

/** What a goal asks for, in words. */
export function goalText(goal: Goal, text: Texts): string {
  return text.goals.texts[goal.code](goalTitle(goal, text));
}

/** What a goal is about, in words. */
export function goalTitle({ code, subject }: Goal, text: Texts): string {
  const { ofClass, ofSlice, subjects } = text.goals;
  const [, group, name = ''] = /^(class|slice) (.*)$/s.exec(subject) ?? [];
  if (code === 'guard' && group !== undefined) return group === 'class' ? ofClass(name) : ofSlice(name);
  return isTableMetric(subject) ? text.metrics[subject] : (subjects[subject] ?? subject);
}

/** What was compared, or with what, in the unit of what the goal is about. */
export function goalFigure(
  { subject, code }: Goal,
  value: number | null,
  field: string | null,
  { numbers, result }: Pick<Context, 'numbers' | 'result'>,
) {
  if (code === 'said') return numbers.real(value, field);
  if (isTableMetric(subject)) return numbers.metricChange(subject, value, field);
  if (subject.startsWith('slice ')) return numbers.metricChange(result.delta.vsBefore.metric, value, field);
  return subject.startsWith('class ') ? numbers.points(value, field) : numbers.real(value, field);
}
