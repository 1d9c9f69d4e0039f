import { Failure } from '../contract/failure.js';
import type { MigrateResult, MonitoringBaseline, MonitorResult } from '../contract/result.js';
import { type DeviceName, losses } from '../contract/settings.js';
import type { PreprocessingOptions } from '../data/preprocess.js';
import { checkDrift, type DriftThresholds, worstLevel } from '../evaluation/drift.js';
import { activationsProvider, observeProbes } from '../judge/activations.js';
import { channelValues } from '../judge/channel-values.js';
import type { Model } from '../model/model.js';
import { evaluateSubject } from '../reading/evaluation.js';
import { type DataOptions, defaultReadingOptions, type TaskOptions } from '../reading/options.js';
import { type ChosenDevice, withDevice } from '../runtime/open-device.js';
import { blamingModels } from './blame.js';
import { describeData } from './evaluate.js';

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
  const { model, run } = options;
  const paths = model !== null ? [model] : run.written ? [writtenModel(run)] : [];
  return blamingModels(paths, () => withDevice(requested, (device) => monitorOn(device, options)));
}

const segmentation = { task: 'segmentation', loss: null, metric: null } as const;

function unlabelledTask({ settings }: MigrateResult): TaskOptions {
  return { task: 'distill', loss: losses.find((loss) => loss === settings.loss) ?? null, metric: null };
}

async function monitorOn(
  opening: Promise<ChosenDevice>,
  { run, data, thresholds, ...options }: Omit<MonitorOptions, 'device'>,
): Promise<MonitorResult> {
  const began = performance.now();
  const baseline = run.monitoring;
  if (baseline === null) {
    throw new Failure('input', {
      what: `The run ${run.run.id} took no monitoring baseline.`,
      cure: 'Migrate again to take one.',
      written: 'nothing',
    });
  }
  const path = options.model ?? writtenModel(run);
  const { masks } = run.reading;
  const { model, signature, part, scores } = await evaluateSubject(
    {
      model: path,
      data: { ...data, preprocessing: { ...preprocessingOf(run), ...data.preprocessing } },
      // labels are not needed, and not looked at
      task: masks === undefined ? unlabelledTask(run) : segmentation,
      ...(masks !== undefined && { maps: masks }),
      reading: {
        ...defaultReadingOptions,
        inputs: run.reading.inputs.flatMap(({ name, key }) => (key === undefined ? [] : [{ name, key }])),
        outputs: run.reading.outputs.flatMap(({ judged, name }) => (judged ? [{ name, key: null }] : [])),
      },
    },
    opening,
  );
  const device = await opening;
  if (options.model === null) requireUnchanged(run, model);
  const inputs = await channelValues(part);
  requireSameFeatures(baseline, inputs, data.data);
  const activations = await observeProbes(part, signature, model.graph, baseline.floorRates);
  const checks = checkDrift(
    baseline,
    {
      inputs,
      scores,
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
  throw new Failure('input', {
    what: `The run ${run.id} wrote no model, so there is none to watch.`,
    cure: 'Name the migrated model.',
    settings: ['model'],
    written: 'nothing',
  });
}

/** @throws Failure('input') where the files are no longer those that the run wrote: a rollback, or another migration */
function requireUnchanged({ run, files }: MigrateResult, model: Model): void {
  const present = new Set(model.files.map(({ sha256 }) => sha256));
  if (files.every(({ sha256 }) => present.has(sha256))) return;
  throw new Failure('input', {
    what: `${model.path}: this is not the model that the run ${run.id} wrote; it was rolled back or changed since.`,
    cure: 'Name the migrated model, or the run that wrote this one.',
    settings: ['model'],
    written: 'nothing',
  });
}

/** @throws Failure('input') for columns of other names, or in another order: the model would read one for the other */
function requireSameFeatures(
  { inputs }: MonitoringBaseline,
  found: readonly { readonly name: string }[],
  path: string,
): void {
  const at = inputs.findIndex(({ name }, i) => found[i]?.name !== name);
  if (at < 0) return;
  throw new Failure('input', {
    what: `${path}: its input ${at + 1} is '${found[at]?.name}', where the run had '${inputs[at]?.name}'.`,
    cure: "Give the columns by the run's names and in its order.",
    written: 'nothing',
  });
}

/** What the run was told about its samples. */
function preprocessingOf({ settings: { scale, mean, std, layout } }: MigrateResult): PreprocessingOptions {
  return {
    ...(scale !== null && { scale }),
    ...(mean !== null && { mean }),
    ...(std !== null && { std }),
    ...(layout !== null && { layout }),
  };
}
