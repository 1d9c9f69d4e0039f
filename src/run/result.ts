import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import type {
  ArmResult,
  BeforeAfter,
  Environment,
  MigrateResult,
  SettingValue,
  SiteResult,
  TfjsAgreement,
} from '../contract/result.js';
import { type AcceptanceRule, judgeAcceptance } from '../evaluation/acceptance.js';
import { classDeltas, pairedDelta } from '../evaluation/compare.js';
import { monitoringBaseline } from '../evaluation/drift.js';
import {
  calibrationBins,
  confusionCells,
  confusionMatrix,
  evaluateMetrics,
  type Scores,
  type Truth,
} from '../evaluation/metrics.js';
import { judge } from '../evaluation/verdict.js';
import { type Activations, activationsProvider, observeActivations } from '../judge/activations.js';
import { attributionScope, compareAttributions } from '../judge/attribution.js';
import { channelValues } from '../judge/channel-values.js';
import { changedExamples } from '../judge/examples.js';
import { inferenceCost } from '../judge/inference-cost.js';
import { compareLatency, timedRuns } from '../judge/latency.js';
import { checkStaged, requantizationCost, tfjsAgreement } from '../judge/tfjs-check.js';
import { describeModel, describePlan } from '../model/describe.js';
import type { ModelProto } from '../model/graph.js';
import type { OperationCounts } from '../model/operation-counts.js';
import type { SiteParameters } from '../model/plan.js';
import { sourceOf } from '../model/source.js';
import { classNamesFor, describeSplit, findDuplicates } from '../reading/data.js';
import { type Predictions, predict, withPredictor } from '../reading/predictions.js';
import { truthOf } from '../reading/task.js';
import type { StagedModel } from '../upgrade/staging.js';
import { packageVersion } from '../version.js';
import type { ArmsOutcome, Prepared, TrainedArm } from './migrate.js';
import type { MigrateOptions } from './options.js';
import type { RunPlace } from './place.js';

/** What the judging of a run needs to know. */
export interface Judged {
  readonly options: MigrateOptions;
  readonly rule: AcceptanceRule;
  readonly prepared: Prepared;
  readonly arms: ArmsOutcome;
  readonly staged: StagedModel;
  readonly run: RunPlace;
  readonly started: Date;
  warn(message: string): void;
}

/**
 * Judges the trained models on the test split and puts together the result. The frelu arm is judged as its files read
 * back; the control arm as it would have been written. Nothing is written here: `written` is false.
 */
export async function assembleResult(judged: Judged): Promise<MigrateResult> {
  const { options, rule, prepared, arms, staged, run, started, warn } = judged;
  const { model, signature, plan, data, task, device, before } = prepared;
  const { session } = device;

  const controlGraph = arms.control === null ? null : arms.controlNetwork.bake(arms.control.outcome.parameters);
  const written = sourceOf(staged.model);
  const predictSplits = (source: ModelProto | string) =>
    withPredictor(source, signature, session, async (predictOn) => ({
      test: await predictOn(data.test),
      validation: await predictOn(data.validation),
    }));
  const frelu = await predictSplits(written);
  const control = controlGraph === null ? null : await predictSplits(controlGraph.model);

  const truths = {
    test: truthOf(task, data.test.inputs.dataset.targets, data.test.split.indices, before.test.values),
    validation: truthOf(
      task,
      data.validation.inputs.dataset.targets,
      data.validation.split.indices,
      before.validation.values,
    ),
  };
  const scoresOf = ({ values, width }: Predictions): Scores => ({ values, width, kind: task.scores });
  const metricsOf = (predictions: { test: Predictions; validation: Predictions }) => ({
    test: evaluateMetrics(scoresOf(predictions.test), truths.test),
    validation: evaluateMetrics(scoresOf(predictions.validation), truths.validation),
  });
  const scores = {
    before: scoresOf(before.test),
    control: control === null ? null : scoresOf(control.test),
    frelu: scoresOf(frelu.test),
  };
  const bootstrap = { seed: options.seed };
  const delta = {
    vsBefore: pairedDelta(task.metric, scores.before, scores.frelu, truths.test, bootstrap),
    vsControl:
      scores.control === null ? null : pairedDelta(task.metric, scores.control, scores.frelu, truths.test, bootstrap),
  };
  const acceptance = judgeAcceptance(rule, delta);
  const { verdict, reasons, why } = judge(delta, acceptance);
  const costs = {
    before: await inferenceCost(model.graph, signature, data.preprocessing.shape),
    after: await inferenceCost(staged.model.graph, signature, data.preprocessing.shape),
  };
  const latency = await compareLatency(
    { source: sourceOf(model), signature },
    { source: written, signature },
    data.preprocessing.shape,
    { runs: timedRuns(costs.before.operations?.multiplyAdds ?? null, device.provider), session },
  );
  const counts = { before: costs.before.operations, after: costs.after.operations };
  const { test } = truths;
  const names = test.kind === 'class' ? classNamesFor(data, test.classes) : [];
  const parameters = arms.freluNetwork.sites(arms.frelu.outcome.parameters);
  const activations = await observeActivations(
    data.test,
    signature,
    plan.sites,
    model.graph,
    staged.model.graph,
    parameters,
  );
  const floorRates = activations.probes.flatMap((probe) => {
    const observed = activations.after.get(probe.site);
    return observed === undefined ? [] : [{ ...probe, share: observed.floored }];
  });
  const explained = attributionScope(data.test.split.count, counts.before?.multiplyAdds ?? null, device);
  const attribution = await compareAttributions(prepared, {
    ...explained,
    after: staged.model.graph,
    batchSize: options.training.batchSize,
    actual: (index) => truthInWords(test, names, index),
    warn,
  });

  return {
    run: {
      id: run.id,
      path: run.folder ?? '',
      started: started.toISOString(),
      seconds: (Date.now() - started.getTime()) / 1000,
    },
    model: describeModel(model),
    device: device.description,
    computedOn: {
      evaluation: device.provider,
      latency: device.provider,
      activations: activationsProvider,
      attribution: attribution === null ? null : explained.device.provider,
    },
    task: task.task,
    data: {
      train: describeSplit(data.train),
      validation: describeSplit(data.validation),
      test: describeSplit(data.test),
      duplicates: await findDuplicates(data),
    },
    settings: settingsOf(options, arms, data.preprocessing.sentence, task.metric, task.loss),
    environment: environment(),
    plan: { model: describeModel(model), ...describePlan(plan) },
    parity: prepared.parity,
    tfjs: await agreementOf(judged, truths.test, frelu.test),
    arms: {
      before: { ...metricsOf(before), epochs: 0, bestEpoch: null, seconds: 0, samplesPerSecond: null, curve: [] },
      control: control === null || arms.control === null ? null : armResult(metricsOf(control), arms.control),
      frelu: armResult(metricsOf(frelu), arms.frelu),
    },
    delta,
    perClass: test.kind === 'class' ? classDeltas(names, test.labels, scores) : [],
    confusion:
      test.kind === 'class'
        ? {
            before: confusionCells(confusionMatrix(scores.before, test.labels, test.classes)),
            frelu: confusionCells(confusionMatrix(scores.frelu, test.labels, test.classes)),
          }
        : null,
    calibration:
      test.kind === 'class'
        ? {
            before: calibrationBins(scores.before, test.labels),
            frelu: calibrationBins(scores.frelu, test.labels),
          }
        : null,
    examples: test.kind === 'class' ? await changedExamples(data.test, scores, test, names) : { fixed: [], broken: [] },
    sites: parameters.map((site) => siteResult(site, prepared, activations)),
    latency,
    size: {
      before: model.files.reduce((sum, { bytes }) => sum + bytes, 0),
      after: staged.model.files.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    memory: { before: costs.before.tensorBytes, after: costs.after.tensorBytes },
    operations: both(counts, ({ multiplyAdds }) => multiplyAdds),
    elementwise: both(counts, ({ elementwise }) => elementwise),
    spread: await spreadOf(judged, truths.test),
    attribution,
    monitoring: monitoringBaseline(
      await channelValues(data.test),
      scores.frelu,
      test.kind === 'class' ? names : null,
      floorRates,
    ),
    acceptance,
    verdict,
    reasons,
    why,
    written: false,
    files: [],
    report: [],
    rollback: null,
  };
}

/** A count of both models; null where one of them is not known. */
function both(
  { before, after }: { readonly before: OperationCounts | null; readonly after: OperationCounts | null },
  of: (counts: OperationCounts) => number,
): BeforeAfter | null {
  return before === null || after === null ? null : { before: of(before), after: of(after) };
}

function truthInWords(truth: Truth, names: readonly string[], index: number): string {
  if (truth.kind === 'class') return names[truth.labels[index] ?? -1] ?? String(truth.labels[index]);
  return Array.from(truth.values.subarray(index * truth.width, (index + 1) * truth.width), (value) =>
    String(Number(value.toPrecision(4))),
  ).join(', ');
}

/** The written files in TensorFlow.js, and what storing changed weights in quantised types cost. */
async function agreementOf(
  { prepared, staged, arms }: Judged,
  truth: Truth,
  stored: Predictions,
): Promise<TfjsAgreement | null> {
  const { model, verified, signature, data, task, device } = prepared;
  if (verified === null) return null;
  const after = await checkStaged(staged, arms.freluGraph, model);
  if (staged.patched.requantized.length === 0) return tfjsAgreement(verified, after, null);
  const exact = await predict(arms.freluGraph.model, signature, data.test, device.session);
  const metricOf = ({ values, width }: Predictions) =>
    evaluateMetrics({ values, width, kind: task.scores }, truth)[task.metric]?.value ?? null;
  const cost = requantizationCost(staged.patched, { exact: metricOf(exact), stored: metricOf(stored) });
  return tfjsAgreement(verified, after, cost);
}

function armResult(metrics: Pick<ArmResult, 'test' | 'validation'>, { outcome }: TrainedArm): ArmResult {
  const { epochs, bestEpoch, seconds, samplesPerSecond, curve } = outcome;
  return { ...metrics, epochs, bestEpoch, seconds, samplesPerSecond, curve };
}

function siteResult({ id, shift, offset }: SiteParameters, { plan }: Prepared, activations: Activations): SiteResult {
  const site = plan.sites.find((each) => each.id === id);
  const single = (values: Float32Array): number | readonly number[] =>
    site?.granularity === 'channel' ? [...values] : (values[0] ?? 0);
  return {
    id,
    form: site?.form ?? 'explicit',
    shift: shift.length === 0 ? null : single(shift),
    offset: single(offset),
    before: activations.before.get(id) ?? null,
    after: activations.after.get(id) ?? null,
  };
}

/** Every seed's two arms on the test split; empty for one seed. */
async function spreadOf({ arms, prepared, options }: Judged, truth: ReturnType<typeof truthOf>) {
  if (options.training.seeds === 1) return [];
  const { signature, data, task, device } = prepared;
  const metricOf = async (graph: ReturnType<typeof arms.controlNetwork.bake>) => {
    const { values, width } = await predict(graph.model, signature, data.test, device.session);
    return evaluateMetrics({ values, width, kind: task.scores }, truth)[task.metric]?.value ?? null;
  };
  const points = [];
  for (const [i, { seed, outcome }] of arms.frelus.entries()) {
    const control = arms.controls[i];
    points.push({
      seed,
      control: control === undefined ? null : await metricOf(arms.controlNetwork.bake(control.outcome.parameters)),
      frelu: await metricOf(arms.freluNetwork.bake(outcome.parameters)),
    });
  }
  return points;
}

function settingsOf(
  options: MigrateOptions,
  arms: ArmsOutcome,
  preprocessing: string,
  metric: string,
  loss: string,
): Record<string, SettingValue> {
  const { training, plan, data } = options;
  const { optimizer } = training;
  return {
    seed: options.seed,
    train: training.scope,
    epochs: training.epochs,
    budgetSeconds: training.budgetSeconds,
    batchSize: training.batchSize,
    patience: training.patience,
    learningRate: arms.learningRate,
    learningRateFound: training.learningRate === 'auto',
    offsetLearningRate: arms.offsetLearningRate,
    schedule: training.schedule,
    optimizer: optimizer.kind,
    momentum: optimizer.kind === 'sgd' ? optimizer.momentum : null,
    weightDecay: optimizer.weightDecay,
    clipNorm: training.clipNorm,
    labelSmoothing: training.labelSmoothing,
    batchNorm: training.batchNorm,
    metric,
    loss,
    epochKeptBy: options.task.metric === null ? 'validation loss' : 'validation metric',
    form: plan.form,
    padding: plan.padding,
    granularity: plan.granularity,
    init: training.initialOffset,
    include: plan.include,
    exclude: plan.exclude,
    seeds: training.seeds,
    seedKept: arms.frelu.seed,
    control: training.control,
    validationFraction: data.validationFraction,
    testFraction: data.test === null ? data.testFraction : null,
    preprocessing,
    scale: data.preprocessing.scale ?? null,
    mean: data.preprocessing.mean ?? null,
    std: data.preprocessing.std ?? null,
    layout: data.preprocessing.layout ?? null,
  };
}

function environment(): Environment {
  const processors = cpus();
  return {
    version: packageVersion,
    node: process.version,
    onnxruntime: versionOf('onnxruntime-node'),
    platform: `${process.platform} ${process.arch}`,
    cpu: processors[0]?.model.trim() ?? null,
    threads: processors.length,
  };
}

function versionOf(name: string): string {
  const description: unknown = createRequire(import.meta.url)(`${name}/package.json`);
  const known = typeof description === 'object' && description !== null && 'version' in description;
  return known && typeof description.version === 'string' ? description.version : 'unknown';
}
