import { compensate } from '../../../transforms/rewrite/compensate.js';
import type { StartResult } from '../../contract/result.js';
import { evaluateMetrics } from '../../evaluation/metrics.js';
import { maxAbsDifference, meanAbsDifference, type Predictions, predict } from '../../reading/predictions.js';
import { scoresOf, truthOf } from '../../reading/task.js';
import { deviceOf } from '../device.js';
import { networksOf } from '../networks.js';
import type { Run } from '../run.js';
import { defineStage } from '../runner.js';
import { planStage } from './plan.js';
import { readingStage, readRunOf } from './reading.js';

/** What offsets change that do not begin at 0, before any training; null: they do. */
export async function startOf(run: Run): Promise<StartResult | null> {
  return run.options.training.initialOffset === 0 ? null : startStage.of(run);
}

/** The network that the frelu arm begins with against the model as it came, on the validation split. */
const startStage = defineStage<StartResult>({
  name: 'start',
  phase: null,
  fields: ['init', 'sites', 'maxAbsDiff'],
  async compute(run) {
    const { initialOffset } = run.options.training;
    const { plan } = await planStage.of(run);
    const { signature, data, task } = await readRunOf(run);
    const before = (await readingStage.of(run)).predictions;
    const begun = (await networksOf(run)).frelu.bake(new Map());
    const after = await predict(begun.model, signature, data.validation, (await deviceOf(run)).session);
    const { samples, split } = data.validation;
    const truth = truthOf(task, samples.targets, split.indices, before.values);
    const metricOf = (predictions: Predictions): number | null =>
      evaluateMetrics(scoresOf(task, predictions), truth)[task.metric]?.value ?? null;
    const start: StartResult = {
      init: initialOffset,
      sites: compensate(run.model.graph, plan, initialOffset).sites,
      maxAbsDiff: maxAbsDifference(before.values, after.values),
      meanAbsDiff: meanAbsDifference(before.values, after.values),
      samples: split.count,
      metric: { name: task.metric, before: metricOf(before), after: metricOf(after) },
    };
    tell(run, start);
    return start;
  },
});

/** At how many sites, and how well; the kinds that there are none of are left out. */
function compensationText({ whole, borders, rest }: StartResult['sites']): string {
  const kinds = [
    { count: whole, how: 'wholly' },
    { count: borders, how: 'but for the borders of zero padding' },
    { count: rest, how: 'in part or not at all' },
  ].filter(({ count }) => count > 0);
  return kinds
    .map(({ count, how }, i) => `${i === 0 ? ' at' : ', at'} ${count === 1 ? '1 site' : `${count} sites`} ${how}`)
    .join('');
}

function tell({ hooks }: Run, { init, sites, maxAbsDiff, meanAbsDiff, metric }: StartResult): void {
  const figure = (value: number | null): string => (value === null ? 'no value' : String(Number(value.toPrecision(4))));
  hooks.note(
    `b begins at ${init}. The constants behind the sites make up for it${compensationText(sites)}; ` +
      `before any training outputs differ by ${figure(meanAbsDiff)} on average, ${figure(maxAbsDiff)} at most; ` +
      `validation ${metric.name} ${figure(metric.before)}, then ${figure(metric.after)}`,
  );
}
