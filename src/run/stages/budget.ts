import { Failure } from '../../contract/failure.js';
import { metricsOf } from '../../contract/metrics.js';
import { present } from '../../contract/present.js';
import type { BudgetPlan } from '../../contract/result.js';
import { pairedDelta } from '../../evaluation/compare.js';
import { guardedMetrics } from '../../evaluation/guards.js';
import { deltaOverSeeds } from '../../evaluation/seeds.js';
import { attributionPoints, attributionScope } from '../../judge/attribution.js';
import { scoresOf, truthOf } from '../../reading/task.js';
import { armsOf, epochsOf, revertsHarmful, seedsOf, stagesOf, trainingsOf } from '../arms.js';
import { type ArmCosts, type ArmSteps, ablationsWithin, armSeconds, judgingSeconds, stepsWithin } from '../budget.js';
import { deviceOf } from '../device.js';
import type { Pace } from '../pace.js';
import type { Run } from '../run.js';
import { defineStage } from '../runner.js';
import { baselineStage } from './baseline.js';
import { planStage } from './plan.js';
import { rateStage } from './rate.js';
import { readRunOf } from './reading.js';

/** What fits into a run's budget; null: it has none. */
export async function budgetOf(run: Run): Promise<BudgetPlan | null> {
  return run.options.training.budgetSeconds === null ? null : budgetStage.of(run);
}

/** The time of a run with a budget, before its first step, from what was measured until then; in seconds. */
export interface BudgetedTime {
  readonly seconds: number;
  /** what the run has taken */
  readonly spent: number;
  /** what judging will take */
  readonly evaluationSeconds: number;
  /** how many arms, with every seed, share what is left */
  readonly arms: number;
  /** what is left for one of them; below 0 where nothing is */
  readonly each: number;
  /** validations with sites taken back, of which there is time in each; their time is among the costs */
  readonly ablations: number;
  readonly costs: ArmCosts;
  readonly steps: ArmSteps;
}

export async function budgetedTimeOf(run: Run): Promise<BudgetedTime> {
  const seconds = present(run.options.training.budgetSeconds, 'the budget');
  const pace = present((await rateStage.of(run)).pace, 'the pace of the steps');
  const [costs, steps, evaluationSeconds] = [await costsOf(run, pace), stepsOf(run), await judging(run, pace)];
  const arms = trainingsOf(run.options.training);
  // measured last, since what is measured takes time too
  const spent = (performance.now() - run.began) / 1000;
  const each = (seconds - spent - evaluationSeconds) / arms;
  const validation = run.data.validation.split.count * (await baselineStage.of(run)).secondsPerSample;
  const ablations = revertsHarmful(run.options.training)
    ? ablationsWithin(ablationShare * each, validation, (await planStage.of(run)).plan.summary.migrate)
    : 0;
  const withAblation = { ...costs, end: costs.end + ablations * validation };
  return { seconds, spent, evaluationSeconds, arms, each, ablations, costs: withAblation, steps };
}

/** Of an arm's time, how much looking at its sites may take. */
const ablationShare = 0.1;

/**
 * So many steps of every arm with every seed as fit between what the run has taken until here and what judging will take. It is an
 * artifact: the arms of a resumed run take as many.
 */
export const budgetStage = defineStage<BudgetPlan>({
  name: 'budget',
  phase: null,
  fields: ['seconds', 'steps'],
  async compute(run) {
    const time = await budgetedTimeOf(run);
    const { seconds, evaluationSeconds, arms, each, ablations, costs, steps } = time;
    const fitting = stepsWithin(each, costs, steps);
    if (fitting < stagesOf(run.options).length) {
      throw tooSmall(time, arms * armSeconds(steps.most, costs, steps));
    }
    const plan: BudgetPlan = {
      seconds,
      evaluationSeconds,
      arms,
      armSeconds: armSeconds(fitting, costs, steps),
      steps: fitting,
      epochs: fitting / steps.perEpoch,
      epochsAsked: steps.most / steps.perEpoch,
      ablations,
    };
    run.hooks.onBudget(plan);
    return plan;
  },
});

function stepsOf({ options, data }: Run): ArmSteps {
  const { count } = data.train.split;
  const size = Math.min(options.training.batchSize, count);
  const perEpoch = Math.ceil(count / size);
  const epochs = epochsOf(options);
  return { perEpoch, most: perEpoch * epochs, hasPartial: count % size !== 0 };
}

async function costsOf(run: Run, { setup, step }: Pace): Promise<ArmCosts> {
  const { batchNorm, average } = run.options.training;
  const { secondsPerSample: forward } = await baselineStage.of(run);
  const { train, validation } = run.data;
  const statistics = train.split.count * forward;
  return {
    setup,
    step,
    epochEnd: validation.split.count * forward + (average !== null && batchNorm === 'batch' ? statistics : 0),
    end: batchNorm === 'recalibrate' ? statistics : 0,
  };
}

async function judging(run: Run, { multiplyAdds }: Pace): Promise<number> {
  const { options, model } = run;
  const { data, task } = await readRunOf(run);
  const { secondsPerSample } = await baselineStage.of(run);
  const arms = armsOf(options).length;
  const [test, validation] = [data.test.split.count, data.validation.split.count];
  const isExplained = data.test.inputs.length === 1 && task.task !== 'segmentation';
  return judgingSeconds({
    arms,
    seeds: options.training.seeds,
    validation,
    test,
    forward: secondsPerSample,
    explained: {
      samples: isExplained ? attributionScope(test, multiplyAdds, arms + 1, await deviceOf(run)).samples : 0,
      points: attributionPoints,
    },
    bootstraps: await bootstrapSeconds(run),
    isTensorFlow: model.format !== 'onnx',
    languages: options.languages.length,
  });
}

/** What `bootstrapBca` evaluates: resamples, and the groups of its jackknife. */
const evaluations = 2200;

/** Seconds of the bootstraps that judge the run, by a few resamples of each. */
async function bootstrapSeconds(run: Run): Promise<number> {
  const { data, task } = await readRunOf(run);
  const { before } = await baselineStage.of(run);
  const { samples, split } = data.test;
  const truth = truthOf(task, samples.targets, split.indices, before.test.values);
  const scores = scoresOf(task, before.test);
  const secondsOf = (metric: string): number =>
    timed((resamples) => pairedDelta(metric, scores, scores, truth, { resamples }));
  const seeds = seedsOf(run.options).map(() => ({ baseline: scores, candidate: scores }));
  const together =
    seeds.length === 1 ? 0 : timed((resamples) => deltaOverSeeds(task.metric, seeds, truth, { resamples }));
  const there = metricsOf(truth.kind, truth.kind === 'class' ? truth.classes : 0);
  const beside = guardedMetrics.filter((name) => there.some((own) => own === name) && name !== task.metric);
  const classes = truth.kind === 'mask' ? truth.classes : 0;
  const looks = run.looks.planned === 1 ? 1 : 2;
  const arms = armsOf(run.options).length;
  const alone = (arms * seeds.length + classes) * secondsOf(task.metric);
  return looks * (alone + arms * together + beside.reduce((sum, name) => sum + secondsOf(name), 0));
}

/** Seconds of a whole bootstrap, by a few of its resamples. */
function timed(bootstrap: (resamples: number) => unknown): number {
  const secondsOf = (resamples: number): number => {
    const began = performance.now();
    bootstrap(resamples);
    return (performance.now() - began) / 1000;
  };
  // the difference is free of what is computed once for all resamples
  const [few, more] = [secondsOf(5), secondsOf(25)];
  return (evaluations * Math.max(0, more - few)) / 20;
}

export function tooSmall({ seconds, spent, evaluationSeconds: evaluation }: BudgetedTime, whole: number): Failure {
  const about = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const needed = spent + evaluation;
  return new Failure('usage', {
    what:
      `The budget of ${about(seconds)} leaves nothing to train with: what comes before the first step took ${about(spent)}, ` +
      `and evaluation takes about ${about(evaluation)}.`,
    cure: `Give more than ${about(needed)}: all epochs that were asked for take about ${about(needed + whole)}. Or leave the budget out.`,
    settings: ['budget'],
    written: 'model-untouched',
  });
}
