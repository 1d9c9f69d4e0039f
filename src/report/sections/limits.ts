import type { Rich, Section } from '../document.js';
import { type Context, list } from './context.js';

/** What the conclusion does not cover. */
export function limits(context: Context): Section {
  const { result, text, numbers } = context;
  const words = text.limits;
  const { vsBefore, vsControl } = result.delta;
  const { duplicates } = result.data;
  const missing = words.untestedItems;
  const untested = [
    ...(result.latency === null ? [missing.latency] : []),
    ...(result.memory === null ? [missing.memory] : []),
    ...(result.attribution === null ? [missing.attribution] : []),
    ...(result.monitoring === null ? [missing.monitoring] : []),
    missing.robustness,
    missing.fairness,
    missing.production,
  ];
  return {
    id: 'limits',
    title: words.title,
    blocks: [
      list(
        words.samples(numbers.count(vsBefore.count, 'delta.vsBefore.count')),
        ...(vsBefore.count < 30 ? [words.few] : []),
        ...(result.task === 'segmentation' ? [text.segmentation.limits] : []),
        words.looks,
        ...lookedBefore(context),
        result.spread.length > 1 ? words.seeds(numbers.count(result.spread.length, null)) : words.oneSeed,
        ...(vsControl === null ? [words.noControl] : []),
        ...(duplicates === null ? [words.duplicates] : duplicates.testInTraining > 0 ? [words.leak] : []),
        words.untested(untested.join(text.listGap)),
      ),
    ],
  };
}

/** Whether this test split was judged on before. */
export function lookedBefore({ result, text, numbers }: Context): readonly Rich[] {
  const { look, planned } = result.looks;
  const count = numbers.count(look, 'looks.look');
  if (planned > 1) return [text.limits.plannedLooks(count, numbers.count(planned, 'looks.planned'))];
  return look > 1 ? [text.limits.manyLooks(count)] : [];
}
