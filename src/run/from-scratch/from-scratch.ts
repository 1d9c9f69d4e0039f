import type {
  FreshWeightsResult,
  FromScratchArm,
  FromScratchResult,
  FromScratchSeed,
} from '../../contract/from-scratch.js';
import { present } from '../../contract/present.js';
import type { Delta } from '../../contract/result.js';
import { pairedDelta } from '../../evaluation/compare.js';
import { convergenceOf } from '../../evaluation/convergence.js';
import { type AnyScores, evaluateMetrics, finiteOrNull, type Truth } from '../../evaluation/metrics.js';
import { deltaOverSeeds } from '../../evaluation/seeds.js';
import { momentsOf } from '../../math/summary.js';
import { describeModel } from '../../model/describe.js';
import { dimsOf, elementCount } from '../../model/tensor.js';
import { describeSplit } from '../../reading/data.js';
import { predict } from '../../reading/predictions.js';
import { scoresOf, truthOf } from '../../reading/task.js';
import { keptValidation } from '../../training/criterion.js';
import { seedsOf } from '../arms.js';
import { blamingModels } from '../blame.js';
import { deviceOf } from '../device.js';
import { checkOptions, openRun } from '../open.js';
import { describePlace } from '../place.js';
import { checkInterrupt, enter, type Run } from '../run.js';
import { completeOptions, type MigrateRequest } from '../spec.js';
import { baselineStage } from '../stages/baseline.js';
import { environment, settingsOf } from '../stages/judge.js';
import { planStage } from '../stages/plan.js';
import { readingStage, readRunOf } from '../stages/reading.js';
import { type ScratchArm, scratchArms } from './arms.js';
import { completeScratchHooks, type ScratchHooks } from './hooks.js';
import { checkFromScratch, checkNormalization, scratchDefaults } from './options.js';
import { type ChosenRate, chooseRate, scratchRates } from './rates.js';
import { writeScratchReports } from './reports.js';
import { freshWeightsOf, type TrainedScratch, trainScratch } from './train.js';

/**
 * Trains the architecture of a model from fresh weights, with its ReLUs and with FReLU from several b, each with the same seeds: of one
 * seed, all arms begin with the same weights and see the same batches. The model is read for what it eats and says, and is left as it is;
 * nothing is written but the run's folder. A run that was interrupted is resumed as any other.
 * @throws Failure as `migrate` does; Failure('usage') for settings that a training from scratch has no use for
 */
export async function trainFromScratch(
  request: MigrateRequest,
  hooks: Partial<ScratchHooks> = {},
): Promise<FromScratchResult> {
  const training = scratchDefaults(request.training);
  const options = { ...completeOptions({ ...request, training }), dryRun: true, fromScratch: true } as const;
  checkFromScratch(options);
  const rule = checkOptions(options);
  const told = completeScratchHooks(hooks);
  return blamingModels([options.model], async () => {
    const closing: (() => Promise<void>)[] = [];
    try {
      return await experiment(await openRun(options, rule, { ...told, onArm: () => {} }, closing), told);
    } finally {
      for (const close of closing.toReversed()) await close();
    }
  });
}

/** A seed of an arm, with what it says of the test split; null where it was not trained to its end. */
interface JudgedSeed {
  readonly result: FromScratchSeed;
  readonly scores: AnyScores | null;
}

async function experiment(run: Run, hooks: ScratchHooks): Promise<FromScratchResult> {
  checkNormalization(run.model, run.options.training);
  await planStage.of(run);
  await readingStage.of(run);
  const { before } = await baselineStage.of(run);
  const { task, data } = await readRunOf(run);
  const { samples, split } = data.test;
  const truth = truthOf(task, samples.targets, split.indices, before.test.values);

  const rates = await scratchRates(run);
  enter(run, 'train');
  const arms = scratchArms(run.options);
  const chosen = new Map<ScratchArm, ChosenRate>();
  for (const arm of arms) chosen.set(arm, await chooseRate(run, arm, rates, hooks));
  const rateOf = (arm: ScratchArm): ChosenRate => present(chosen.get(arm), `the rate of ${arm.name}`);
  const judged = new Map<ScratchArm, JudgedSeed[]>(arms.map((arm) => [arm, []]));
  for (const seed of seedsOf(run.options)) {
    for (const arm of arms) {
      checkInterrupt(run);
      const { learningRate } = rateOf(arm);
      const trained = await trainScratch(run, arm, seed, { learningRate, hooks });
      judged.get(arm)?.push(await judgeSeed(trained, arm, seed, truth));
    }
  }
  const { place, model } = run;
  const settings = await settingsOfAll(run, rates);
  const [relu = []] = judged.values();
  const result: FromScratchResult = {
    run: describePlace(place),
    model: describeModel(model),
    device: (await deviceOf(run)).description,
    environment: environment(),
    task: task.task,
    data: {
      train: describeSplit(data.train),
      validation: describeSplit(data.validation),
      test: describeSplit(data.test),
    },
    settings,
    before: evaluateMetrics(scoresOf(task, before.test), truth),
    weights: await weightsOf(run),
    arms: [...judged].map(([arm, seeds]) => ({
      ...armOf(arm, seeds, relu, settings.metric, truth),
      learningRate: rateOf(arm).learningRate,
      rates: rateOf(arm).tried,
    })),
    report: [],
  };
  return writeScratchReports(result, place, run.options.languages);
}

/** What all arms have in common: the b that FReLU starts from, and the rates, are each arm's. */
async function settingsOfAll(run: Run, rates: readonly number[]): Promise<FromScratchResult['settings']> {
  const { task, data } = await readRunOf(run);
  const { seed, training } = run.options;
  const [learningRate = Number.NaN] = rates;
  const rated = { ...run, options: { ...run.options, training: { ...training, learningRate } } };
  const whole = await settingsOf(rated, { task, data, arms: { frelu: { seed } } });
  const { init: _init, seedKept, control, learningRate: _rate, offsetLearningRate, ...settings } = whole;
  return { ...settings, learningRateFound: training.learningRate === 'auto' };
}

async function judgeSeed(
  { run, networks, trained: { outcome, failed } }: TrainedScratch,
  { network, init }: ScratchArm,
  seed: number,
  truth: Truth,
): Promise<JudgedSeed> {
  if (outcome === null) {
    const none = { epochs: 0, bestEpoch: null, seconds: 0, retreats: [], curve: [], offsets: null };
    return { result: { seed, failed, test: null, validation: null, ...none }, scores: null };
  }
  const { signature, data, task } = await readRunOf(run);
  const graph = networks[network].bake(outcome.parameters);
  const scores = scoresOf(task, await predict(graph.model, signature, data.test, (await deviceOf(run)).session));
  const { loss, metric } = keptValidation(outcome);
  const { epochs, bestEpoch, seconds, retreats, curve } = outcome;
  return {
    result: {
      seed,
      failed: null,
      test: evaluateMetrics(scores, truth),
      validation: { metric: task.metric, value: metric, loss: finiteOrNull(loss) },
      epochs,
      bestEpoch,
      seconds,
      retreats,
      curve,
      offsets: init === null ? null : spreadOf(networks.frelu.sites(outcome.parameters).map(({ offset }) => offset)),
    },
    scores,
  };
}

function spreadOf(offsets: readonly Float32Array[]): FromScratchSeed['offsets'] {
  const all = offsets.flatMap((values) => [...values]);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return { lowest: Math.min(...all), mean, highest: Math.max(...all) };
}

function armOf(
  { network, init }: ScratchArm,
  seeds: readonly JudgedSeed[],
  relu: readonly JudgedSeed[],
  metric: string,
  truth: Truth,
): Omit<FromScratchArm, 'learningRate' | 'rates'> {
  const values = seeds.flatMap(({ result }) => result.test?.[metric]?.value ?? []);
  const moments = momentsOf(values);
  const pairs = network === 'relu' ? [] : pairsOf(seeds, relu);
  return {
    network,
    init,
    seeds: seeds.map(({ result }) => result),
    mean: moments?.mean ?? values[0] ?? null,
    deviation: moments?.deviation ?? null,
    vsRelu: deltaOf(pairs, metric, truth),
    convergence: pairs.flatMap(({ baseline, candidate }) => {
      const [control, frelu] = [baseline.result, candidate.result].map(({ curve, bestEpoch }) => ({
        curve,
        bestEpoch: present(bestEpoch, 'the epoch that was kept'),
      }));
      return control === undefined || frelu === undefined ? [] : [convergenceOf(baseline.result.seed, control, frelu)];
    }),
  };
}

interface Pair {
  readonly baseline: JudgedSeed;
  readonly candidate: JudgedSeed;
}

/** The seeds that both arms were trained with to their ends. */
function pairsOf(seeds: readonly JudgedSeed[], relu: readonly JudgedSeed[]): readonly Pair[] {
  return seeds.flatMap((candidate) => {
    const baseline = relu.find(({ result }) => result.seed === candidate.result.seed);
    const both = baseline !== undefined && baseline.scores !== null && candidate.scores !== null;
    return both ? [{ baseline, candidate }] : [];
  });
}

/** Over several seeds with the chance of training; of one alone that of the test samples. */
function deltaOf(pairs: readonly Pair[], metric: string, truth: Truth): Delta | null {
  const scores = pairs.map(({ baseline, candidate }) => ({
    baseline: present(baseline.scores ?? undefined, 'the scores of the ReLU arm'),
    candidate: present(candidate.scores ?? undefined, 'the scores of a FReLU arm'),
  }));
  const [only] = scores;
  if (only === undefined) return null;
  if (scores.length > 1) return deltaOverSeeds(metric, scores, truth);
  return pairedDelta(metric, only.baseline, only.candidate, truth);
}

/** Layers that keep values in a range in which a deep network learns at all. */
const normalizing: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'LayerNormalization',
  'InstanceNormalization',
  'GroupNormalization',
  'RMSNormalization',
]);

async function weightsOf(run: Run): Promise<FreshWeightsResult> {
  const { framework, drawn, kept } = await freshWeightsOf(run);
  const { graph } = run.model;
  const names = [...new Set(drawn.map(({ rule }) => rule.name))];
  return {
    framework,
    rules: names.map((name) => {
      const own = drawn.filter(({ rule }) => rule.name === name);
      const elements = own.map((each) => elementCount(dimsOf(present(graph.initializer(each.name), each.name))));
      return { name, tensors: own.length, elements: elements.reduce((sum, count) => sum + count, 0) };
    }),
    kept,
    normalizations: graph.nodes.filter(({ opType }) => normalizing.has(opType)).length,
  };
}
