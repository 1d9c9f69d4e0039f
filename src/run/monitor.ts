import { Failure } from '../contract/failure.js';
import type { MigrateResult, MonitoringBaseline, MonitorResult } from '../contract/result.js';
import type { DeviceName } from '../contract/settings.js';
import type { PreprocessingOptions } from '../data/preprocess.js';
import { checkDrift, type DriftThresholds, worstLevel } from '../evaluation/drift.js';
import { activationsProvider, observeProbes } from '../judge/activations.js';
import { channelValues } from '../judge/channel-values.js';
import { loadModel } from '../model/load.js';
import type { Model } from '../model/model.js';
import { sourceOf } from '../model/source.js';
import { openEvaluationData } from '../reading/data.js';
import { predict } from '../reading/predictions.js';
import { requireOneInput } from '../reading/requirements.js';
import { chooseTask } from '../reading/task.js';
import { type ChosenDevice, withDevice } from '../runtime/open-device.js';
import { signatureOf } from '../runtime/predictor.js';
import { describeData } from './evaluate.js';
import type { DataOptions } from './options.js';

export interface MonitorOptions {
  readonly run: MigrateResult;
  /** the migrated model; null: where the run wrote it */
  readonly model: string | null;
  /** preprocessing that is not given is the run's */
  readonly data: DataOptions;
  readonly device: DeviceName;
  readonly thresholds: DriftThresholds;
}

/**
 * Checks new data, with or without labels, against the baseline that a run took from its test split: what the model is
 * fed, what it answers, how sure it is, and how much its activations put on their floors.
 * @throws Failure('input') for a run without a baseline, and for a model or data that cannot be used
 */
export function monitor({ device: requested, ...options }: MonitorOptions): Promise<MonitorResult> {
  return withDevice(requested, (device) => monitorOn(device, options));
}

async function monitorOn(
  device: ChosenDevice,
  { run, data, thresholds, ...options }: Omit<MonitorOptions, 'device'>,
): Promise<MonitorResult> {
  const began = performance.now();
  const baseline = run.monitoring;
  if (baseline === null) {
    throw new Failure('input', `The run ${run.run.id} took no monitoring baseline. Migrate again to take one.`);
  }
  const path = options.model ?? writtenModel(run);
  const model = await loadModel(path);
  if (options.model === null) requireUnchanged(run, model);
  requireOneInput(model);
  const signature = signatureOf(model.graph);
  const given = { ...data, preprocessing: { ...preprocessingOf(run), ...data.preprocessing } };
  const part = await openEvaluationData(model, signature, given, 'distill');
  const { values, width } = await predict(sourceOf(model), signature, part, device.session);
  const loss = run.settings.loss;
  const task = chooseTask(
    model.graph,
    signature,
    { kind: 'none' },
    values,
    width,
    {
      task: 'distill',
      loss: loss === 'cross-entropy' || loss === 'binary-cross-entropy' || loss === 'mse' ? loss : null,
      metric: null,
    },
    data.data,
  );
  const inputs = await channelValues(part);
  requireSameFeatures(baseline, inputs, data.data);
  const activations = await observeProbes(part, signature, model.graph, baseline.floorRates);
  const checks = checkDrift(
    baseline,
    {
      inputs,
      scores: { values, width, kind: task.scores },
      floorRates: new Map([...activations].map(([site, { floored }]) => [site, floored])),
    },
    thresholds,
  );
  return {
    run: run.run.id,
    model: model.path,
    data: describeData(part),
    device: device.description,
    computedOn: { evaluation: device.provider, activations: activationsProvider },
    baselineSamples: baseline.samples,
    checks,
    level: worstLevel(checks),
    seconds: (performance.now() - began) / 1000,
  };
}

/** @throws Failure('input') where the run left the model as it was */
function writtenModel({ run, model, written, rollback, files }: MigrateResult): string {
  if (written && rollback !== null) return model.path;
  const [elsewhere] = files;
  if (written && elsewhere !== undefined) return elsewhere.path;
  throw new Failure(
    'input',
    `The run ${run.id} wrote no model, so there is none to watch. Name the migrated model: --model PATH.`,
  );
}

/** @throws Failure('input') where the files are no longer those that the run wrote: a rollback, or another migration */
function requireUnchanged({ run, files }: MigrateResult, model: Model): void {
  const present = new Set(model.files.map(({ sha256 }) => sha256));
  if (files.every(({ sha256 }) => present.has(sha256))) return;
  throw new Failure(
    'input',
    `${model.path}: this is not the model that the run ${run.id} wrote; it was rolled back or changed since. ` +
      'Name the migrated model (--model PATH), or the run that wrote this one.',
  );
}

/** @throws Failure('input') for columns of other names, or in another order: the model would read one for the other */
function requireSameFeatures(
  { inputs }: MonitoringBaseline,
  found: readonly { readonly name: string }[],
  path: string,
): void {
  const at = inputs.findIndex(({ name }, i) => found[i]?.name !== name);
  if (at < 0) return;
  throw new Failure(
    'input',
    `${path}: its input ${at + 1} is '${found[at]?.name}', where the run had '${inputs[at]?.name}'. ` +
      "Give the columns by the run's names and in its order.",
  );
}

/** What the run was told about its samples, as its settings keep it. */
function preprocessingOf({ settings }: MigrateResult): PreprocessingOptions {
  const { scale, mean, std, layout } = settings;
  return {
    ...(typeof scale === 'number' && { scale }),
    ...(Array.isArray(mean) && { mean: mean.filter((value) => typeof value === 'number') }),
    ...(Array.isArray(std) && { std: std.filter((value) => typeof value === 'number') }),
    ...((layout === 'NCHW' || layout === 'NHWC') && { layout }),
  };
}
