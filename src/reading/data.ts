import { present } from '../contract/present.js';
import type { ClassReading } from '../contract/reading.js';
import type { DuplicateCounts, SplitDescription, Task } from '../contract/result.js';
import type { Dataset, Targets } from '../data/dataset.js';
import { encodeAs, encodeFrom } from '../data/encoding.js';
import { createInputs, type Inputs } from '../data/inputs.js';
import { openCompanion, openDataset, type ReadOptions } from '../data/open.js';
import { type ModelInput, type Preprocessing, planPreprocessing } from '../data/preprocess.js';
import { findPreprocessorConfig, readPreprocessorConfig } from '../data/preprocessor-config.js';
import { countLeaks, countRepeats, type Split, type SplitSamples, splitDataset, wholeSplit } from '../data/split.js';
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
  const { dataset: opened, classes } = inOrder(await openDataset(options.data, reading), fed.classNames);
  const { targets } = opened;
  // labels that are numbers mean the same in every part; words are numbered by those of training
  const others =
    targets.kind === 'class' && targets.numbered !== true ? { ...reading, classNames: targets.names } : reading;
  const ownTest = await openTestSet(opened, options.test, others);
  const ownValidation = await openCompanion(opened, 'validation', others);
  const splits = await splitDataset(opened, {
    seed,
    validationFraction: ownValidation === null ? options.validationFraction : 0,
    testFraction: ownTest === null ? options.testFraction : 0,
  });
  const dataset = withTargets(encodeFrom(opened, splits.train.indices), targets);
  const preprocessing = await preprocessingFor(fed, dataset, options);
  const inputs = createInputs(dataset, preprocessing);
  const partOf = async (own: Dataset | null, split: Split): Promise<DataPart> => {
    if (own === null) return { inputs, split };
    const encoded = withTargets(encodeAs(own, dataset), own.targets);
    return {
      inputs: createInputs(encoded, await preprocessingFor(fed, encoded, options)),
      split: await wholeSplit(own),
    };
  };
  return {
    train: { inputs, split: splits.train },
    validation: await partOf(ownValidation, splits.validation),
    test: await partOf(ownTest, splits.test),
    preprocessing,
    classes,
  };
}

/** A data set with other targets; the same one where they are the same. */
function withTargets(dataset: Dataset, targets: Targets): Dataset {
  if (dataset.targets === targets) return dataset;
  // what a table learns is computed when it is asked for: the fields of the copy ask the original
  return Object.create(dataset, { targets: { value: targets, enumerable: true } });
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
      return { dataset: withTargets(dataset, { kind: 'class', labels, names: known.names }), classes: known };
    }
  }
}

/** The same parts, each data set with the targets that `change` makes of its own. */
export function retarget(data: RunData, change: (targets: Targets) => Targets): RunData {
  const changed = new Map<Inputs, Inputs>();
  const inputsOf = (inputs: Inputs): Inputs => {
    const known = changed.get(inputs) ?? retargetInputs(inputs, change);
    changed.set(inputs, known);
    return known;
  };
  const partOf = ({ inputs, split }: DataPart): DataPart => ({ inputs: inputsOf(inputs), split });
  return { ...data, train: partOf(data.train), validation: partOf(data.validation), test: partOf(data.test) };
}

/**
 * The same samples in the same order, prepared for another model.
 * @throws Failure('input') when they do not fit its input
 */
export async function refeed(
  data: Pick<RunData, 'train' | 'validation' | 'test'>,
  fed: Pick<FedModel, 'model' | 'signature'>,
  options: DataOptions,
): Promise<Pick<RunData, 'train' | 'validation' | 'test'>> {
  const prepared = new Map<Inputs, Inputs>();
  const partOf = async ({ inputs, split }: DataPart): Promise<DataPart> => {
    const { dataset } = inputs;
    const own = prepared.get(inputs) ?? createInputs(dataset, await preprocessingFor(fed, dataset, options));
    prepared.set(inputs, own);
    return { inputs: own, split };
  };
  return {
    train: await partOf(data.train),
    validation: await partOf(data.validation),
    test: await partOf(data.test),
  };
}

export function retargetInputs(inputs: Inputs, change: (targets: Targets) => Targets): Inputs {
  const dataset = withTargets(inputs.dataset, change(inputs.dataset.targets));
  return dataset === inputs.dataset ? inputs : { ...inputs, dataset };
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
  { model, signature }: Pick<FedModel, 'model' | 'signature'>,
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

export async function findDuplicates({ train, validation, test }: RunData): Promise<DuplicateCounts> {
  const samples = ({ inputs, split }: DataPart): SplitSamples => ({ dataset: inputs.dataset, split });
  return {
    withinTest: await countRepeats(samples(test)),
    testInTraining: await countLeaks([samples(train), samples(validation)], samples(test)),
  };
}

/** A name for every output of the model: those of the classes, then numbers where the model knows more of them. */
export function classNamesFor({ classes }: Pick<RunData, 'classes'>, count: number): string[] {
  return Array.from({ length: count }, (_, i) => classes?.names[i] ?? String(i));
}
