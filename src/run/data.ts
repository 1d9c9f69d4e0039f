import type { DuplicateCounts, SplitDescription, Task } from '../contract/result.js';
import type { Dataset } from '../data/dataset.js';
import { encodeAs, encodeFrom } from '../data/encoding.js';
import { createInputs, type Inputs } from '../data/inputs.js';
import { openCompanion, openDataset, type ReadOptions } from '../data/open.js';
import { type Preprocessing, planPreprocessing } from '../data/preprocess.js';
import { findPreprocessorConfig, readPreprocessorConfig } from '../data/preprocessor-config.js';
import { countLeaks, countRepeats, type Split, type SplitSamples, splitDataset, wholeSplit } from '../data/split.js';
import type { Model } from '../model/model.js';
import type { Signature } from '../runtime/predictor.js';
import type { DataOptions } from './options.js';

/** Some samples of a data set, ready to be fed to the model. */
export interface DataPart {
  readonly inputs: Inputs;
  readonly split: Split;
}

export interface RunData {
  readonly train: DataPart;
  readonly validation: DataPart;
  readonly test: DataPart;
  readonly preprocessing: Preprocessing;
  readonly classNames: readonly string[] | null;
}

/** Opens one data set whole: for `evaluate` and `compare`. A folder that holds several parts gives its test part. */
export async function openEvaluationData(
  model: Model,
  signature: Signature,
  options: DataOptions,
  task: Task | null,
): Promise<DataPart> {
  const reading = readOptions(options, task);
  const opened = await openDataset(options.data, reading);
  const dataset = (await openCompanion(opened, 'test', reading)) ?? opened;
  const preprocessing = await preprocessingFor(model, signature, dataset, options);
  return { inputs: createInputs(dataset, preprocessing), split: await wholeSplit(dataset) };
}

/**
 * Opens training, validation and test data: the test set that is named, or that belongs to the training data, or a
 * stratified part of it; validation is always split off the training data.
 * @throws Failure('input') when a data set cannot be read or does not fit the model
 */
export async function openRunData(
  model: Model,
  signature: Signature,
  options: DataOptions,
  task: Task | null,
  seed: number,
): Promise<RunData> {
  const reading = readOptions(options, task);
  const opened = await openDataset(options.data, reading);
  const classNames = opened.targets.kind === 'class' ? opened.targets.names : null;
  const named = await openTestSet(opened, options.test, classNames === null ? reading : { ...reading, classNames });
  const splits = await splitDataset(opened, {
    seed,
    validationFraction: options.validationFraction,
    testFraction: named === null ? options.testFraction : 0,
  });
  const dataset = encodeFrom(opened, splits.train.indices);
  const testSet = named === null ? null : encodeAs(named, dataset);
  const preprocessing = await preprocessingFor(model, signature, dataset, options);
  const inputs = createInputs(dataset, preprocessing);
  const test =
    testSet === null
      ? { inputs, split: splits.test }
      : {
          inputs: createInputs(testSet, await preprocessingFor(model, signature, testSet, options)),
          split: await wholeSplit(testSet),
        };
  return {
    train: { inputs, split: splits.train },
    validation: { inputs, split: splits.validation },
    test,
    preprocessing,
    classNames,
  };
}

async function openTestSet(dataset: Dataset, test: string | null, reading: ReadOptions): Promise<Dataset | null> {
  if (test === null) return openCompanion(dataset, 'test', reading);
  const named = await openDataset(test, reading);
  // a folder that holds training and test files was named for its test files
  return (await openCompanion(named, 'test', reading)) ?? named;
}

/** A task that is named says what targets are where the data leaves it open; distillation needs none. */
function readOptions({ target }: DataOptions, task: Task | null): ReadOptions {
  const column = target === null ? {} : { target };
  switch (task) {
    case null:
      return column;
    case 'classification':
      return { ...column, targetKind: 'class' };
    case 'multilabel':
    case 'regression':
      return { ...column, targetKind: 'values' };
    case 'distill':
      return { ...column, requireTargets: false };
  }
}

async function preprocessingFor(
  model: Model,
  signature: Signature,
  dataset: Dataset,
  options: DataOptions,
): Promise<Preprocessing> {
  const { preprocessorConfig: path } = options;
  const found = path === null ? await findPreprocessorConfig(model.path) : await readPreprocessorConfig(path);
  const config = found === null ? {} : { preprocessorConfig: found };
  const layout = model.format === 'onnx' ? {} : { layout: 'NHWC' as const };
  return planPreprocessing(
    dataset,
    { shape: signature.inputShape, ...layout },
    { ...config, ...options.preprocessing },
  );
}

/** Provenance for the report; `sha256` is over the samples' bytes and targets. */
export function describeSplit({ inputs, split }: DataPart): SplitDescription {
  const { dataset } = inputs;
  return {
    path: dataset.path,
    part: dataset.part ?? null,
    format: dataset.format,
    count: split.count,
    classes: dataset.targets.kind === 'class' ? dataset.targets.names.length : null,
    sha256: split.contentSha256,
  };
}

export async function findDuplicates({ train, validation, test }: RunData): Promise<DuplicateCounts> {
  const samples = ({ inputs, split }: DataPart): SplitSamples => ({ dataset: inputs.dataset, split });
  return {
    withinTest: await countRepeats(samples(test)),
    testInTraining: await countLeaks([samples(train), samples(validation)], samples(test)),
  };
}

/** A name for every output of the model: the data's names, then numbers where the model knows more classes. */
export function classNamesFor({ classNames }: Pick<RunData, 'classNames'>, classes: number): string[] {
  return Array.from({ length: classes }, (_, i) => classNames?.[i] ?? String(i));
}
