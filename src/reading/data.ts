import { present } from '../contract/present.js';
import type { ClassReading } from '../contract/reading.js';
import type { DuplicateCounts, SplitDescription, Task } from '../contract/result.js';
import type { Dataset } from '../data/dataset.js';
import { createInputs, type Inputs } from '../data/inputs.js';
import { openCompanion, openDataset, type ReadOptions } from '../data/open.js';
import { type ModelInput, type Preprocessing, planPreprocessing } from '../data/preprocess.js';
import { findPreprocessorConfig, readPreprocessorConfig } from '../data/preprocessor-config.js';
import { countDuplicates, countRepeats, type Split, splitDataset, wholeSplit } from '../data/split.js';
import type { Model } from '../model/model.js';
import { dtypeName } from '../model/tensor.js';
import type { Signature } from '../runtime/predictor.js';
import { type ClassNames, matchClasses } from './class-names.js';
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
  /** null for data without classes */
  readonly classes: ClassReading | null;
}

/** A model that is to be fed, as far as the data need to know it. */
export interface FedModel {
  readonly model: Model;
  readonly signature: Signature;
  /** the classes that the model or an option tells, in the order of its output; null: nobody does */
  readonly classNames: ClassNames | null;
}

/** Opens one data set whole: for `evaluate` and `compare`. A folder that holds several parts gives its test part. */
export async function openEvaluationData(
  fed: FedModel,
  options: DataOptions,
  task: Task | null,
): Promise<DataPart & Pick<RunData, 'classes'>> {
  const reading = readOptions(options, task);
  const opened = await openDataset(options.data, reading);
  const { dataset, classes } = inOrder((await openCompanion(opened, 'test', reading)) ?? opened, fed.classNames);
  const preprocessing = await preprocessingFor(fed, dataset, options);
  return { inputs: createInputs(dataset, preprocessing), split: await wholeSplit(dataset), classes };
}

/**
 * Opens training, validation and test data: the test set that is named, or that belongs to the training data, or a
 * stratified part of it; validation is always split off the training data.
 * @throws Failure('input') when a data set cannot be read or does not fit the model
 */
export async function openRunData(
  fed: FedModel,
  options: DataOptions,
  task: Task | null,
  seed: number,
): Promise<RunData> {
  const reading = readOptions(options, task);
  const { dataset, classes } = inOrder(await openDataset(options.data, reading), fed.classNames);
  const { targets } = dataset;
  const testSet = await openTestSet(
    dataset,
    options.test,
    targets.kind === 'class' ? { ...reading, classNames: targets.names } : reading,
  );
  const preprocessing = await preprocessingFor(fed, dataset, options);
  const splits = await splitDataset(dataset, {
    seed,
    validationFraction: options.validationFraction,
    testFraction: testSet === null ? options.testFraction : 0,
  });
  const inputs = createInputs(dataset, preprocessing);
  const test =
    testSet === null
      ? { inputs, split: splits.test }
      : {
          inputs: createInputs(testSet, await preprocessingFor(fed, testSet, options)),
          split: await wholeSplit(testSet),
        };
  return {
    train: { inputs, split: splits.train },
    validation: { inputs, split: splits.validation },
    test,
    preprocessing,
    classes,
  };
}

/** A data set with its labels in the order of the model's classes, where it is known and they are the same. */
function inOrder(dataset: Dataset, known: ClassNames | null): { dataset: Dataset; classes: ClassReading | null } {
  const { targets, path } = dataset;
  if (targets.kind !== 'class') return { dataset, classes: null };
  const own: ClassReading = { names: targets.names, origin: path, source: 'data' };
  if (known === null) return { dataset, classes: own };
  switch (matchClasses(targets, known, path)) {
    case 'unrelated':
      return { dataset, classes: own };
    case 'rename':
      return { dataset, classes: known };
    case 'reorder': {
      const columns = targets.names.map((name) => known.names.indexOf(name));
      const labels = targets.labels.map((label) => present(columns[label], `the class ${label} of ${path}`));
      return { dataset: { ...dataset, targets: { kind: 'class', labels, names: known.names } }, classes: known };
    }
  }
}

/** The same parts, each data set with other targets. */
export function withTargets(data: RunData, change: (dataset: Dataset) => Dataset): RunData {
  const changed = new Map<Inputs, Inputs>();
  const inputsOf = (inputs: Inputs): Inputs => {
    const known = changed.get(inputs) ?? { ...inputs, dataset: change(inputs.dataset) };
    changed.set(inputs, known);
    return known;
  };
  const partOf = ({ inputs, split }: DataPart): DataPart => ({ inputs: inputsOf(inputs), split });
  return { ...data, train: partOf(data.train), validation: partOf(data.validation), test: partOf(data.test) };
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

/** The input of a model, as preprocessing needs to know it. */
export function modelInputOf(model: Model, { inputShape, elementType }: Signature): ModelInput {
  const layout = model.format === 'onnx' ? {} : { layout: 'NHWC' as const };
  return { shape: inputShape, dtype: dtypeName(elementType), ...layout };
}

async function preprocessingFor(
  { model, signature }: FedModel,
  dataset: Dataset,
  options: DataOptions,
): Promise<Preprocessing> {
  const { preprocessorConfig: path } = options;
  const found = path === null ? await findPreprocessorConfig(model.path) : await readPreprocessorConfig(path);
  const config = found === null ? {} : { preprocessorConfig: found };
  return planPreprocessing(dataset, modelInputOf(model, signature), { ...config, ...options.preprocessing });
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

export async function findDuplicates({ train, test }: RunData): Promise<DuplicateCounts> {
  const a = { dataset: train.inputs.dataset, split: train.split };
  const b = { dataset: test.inputs.dataset, split: test.split };
  return { withinTest: await countRepeats(b), testInTraining: await countDuplicates(a, b) };
}

/** A name for every output of the model: those of the classes, then numbers where the model knows more of them. */
export function classNamesFor({ classes }: Pick<RunData, 'classes'>, count: number): string[] {
  return Array.from({ length: count }, (_, i) => classes?.names[i] ?? String(i));
}
