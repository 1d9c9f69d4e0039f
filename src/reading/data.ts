import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type { ClassReading } from '../contract/reading.js';
import type { DuplicateCounts, SplitDescription } from '../contract/result.js';
import type { NamedTask } from '../contract/settings.js';
import type { Dataset, Targets } from '../data/dataset.js';
import { isDense } from '../data/dense-masks.js';
import { encodeAs, encodeFrom } from '../data/encoding.js';
import { cacheLimit, createInputs, type FedSamples, type NamedInputs } from '../data/inputs.js';
import type { ReadOptions } from '../data/open.js';
import { type ModelInput, type PreprocessingOptions, planPreprocessing } from '../data/preprocess.js';
import { findPreprocessorConfig, readPreprocessorConfig } from '../data/preprocessor-config.js';
import { joinSamples, type OtherTargets, otherTargets, type SampleSet } from '../data/samples.js';
import { openSlices, type Slice } from '../data/slices.js';
import {
  countRepeats,
  narrowSplit,
  type Selection,
  type Split,
  splitDataset,
  unseenPositions,
  wholeSelection,
  wholeSplit,
} from '../data/split.js';
import type { Model } from '../model/model.js';
import { dtypeName } from '../model/tensor.js';
import type { SampleShapes, Signature, SignatureInput } from '../runtime/predictor.js';
import { openingAnomalies } from './anomaly-classes.js';
import { anomalyLabels } from './anomaly-labels.js';
import { type ClassNames, matchClasses, namesOfData } from './class-names.js';
import type { Measure } from './measures.js';
import {
  bareNames,
  type NamedKeys,
  namesOfOthers,
  type OpenData,
  type OpenedData,
  type OpenOptions,
  openerOf,
  type WantedByGraphs,
} from './opened.js';
import { type DataOptions, targetKindOf } from './options.js';
import { type OwnGraphs, wantedNames } from './own-graphs.js';
import { readingSlices } from './slice-columns.js';

/** Some samples of a data set, ready to be fed to the model. */
export interface DataPart extends FedSamples {
  readonly split: Selection;
  /** what is measured of each sample beside the model's output; left out: nothing */
  readonly measures?: readonly Measure[];
}

/** A part of a run, whose samples are known again. */
export interface RunPart extends DataPart {
  readonly split: Split;
}

export interface RunData {
  readonly train: RunPart;
  readonly validation: RunPart;
  readonly test: RunPart;
  /** null for data without classes */
  readonly classes: ClassReading | null;
  /** the output that the targets were found by; null where they have no output's name */
  readonly target: string | null;
  /** of the test part; of data that are evaluated, of all of it */
  readonly slices: readonly Slice[];
}

/** A model that is to be fed, as far as the data need to know it. */
export interface FedModel {
  readonly model: Model;
  readonly signature: Signature;
  /** the classes that the model or an option tells, in the order of its output; null: nobody does */
  readonly classNames: ClassNames | null;
  /** the loss and the metric that are graphs of the user's; left out: there are none */
  readonly own?: OwnGraphs | null;
}

/** A part with what is known of its targets. */
export interface OpenedPart extends DataPart, Pick<RunData, 'classes' | 'target' | 'slices'> {}

/**
 * Opens one data set whole: for `evaluate` and `compare`. A folder that holds several parts gives its test part.
 * @param unlabelled targets are not asked for
 */
export async function openEvaluationData(
  fed: FedModel,
  options: DataOptions,
  task: NamedTask | null,
  named: NamedKeys = bareNames,
  unlabelled = false,
): Promise<OpenedPart> {
  const open = openerFor(fed, named, task);
  const asked = { ...readOptions(options, task), ...(unlabelled && { requireTargets: false }) };
  const reading = await readingSlices(open, options.data, asked, fed.signature, options.slices);
  const whole = await open(options.data, reading);
  const opened = (await whole.companion('test', whole.targets, reading)) ?? whole;
  const { targets, classes } = inOrder(opened, fed.classNames);
  const datasets = opened === whole ? opened.datasets : asTraining(opened.datasets, whole.datasets);
  const inputs = await inputsOf(fed, datasets, options);
  const samples = samplesOf(datasets, targets, opened.others, wantedInOrder(opened, fed.classNames));
  const split = wholeSelection(samples);
  const slices = await slicesOf({ samples, split }, options);
  return { inputs, samples, split, classes, target: opened.target, slices };
}

/** A part as the whole of the training part teaches: its columns by their names, its words by the categories there. */
function asTraining(datasets: readonly Dataset[], training: readonly Dataset[]): readonly Dataset[] {
  return datasets.map((dataset, i) => {
    const trained = present(training[i], 'the data of an input');
    return encodeAs(dataset, encodeFrom(trained, wholeSelection(trained).indices));
  });
}

/**
 * Opens training, validation and test data: the test set that is named, or that belongs to the training data, or a
 * stratified part of it; validation is always split off the training data.
 * @throws Failure('input') when a data set cannot be read or does not fit the model
 */
export async function openRunData(
  fed: FedModel,
  options: DataOptions,
  task: NamedTask | null,
  seed: number,
  named: NamedKeys = bareNames,
): Promise<RunData> {
  const open = openerFor(fed, named, task);
  const asked = readOptions(options, task);
  const reading = await readingSlices(open, options.data, asked, fed.signature, options.slices);
  const opened = await open(options.data, { ...reading, ...(options.test !== null && { isTraining: true }) });
  const { targets, classes } = inOrder(opened, fed.classNames);
  const wanted = wantedInOrder(opened, fed.classNames);
  // labels that are numbers mean the same in every part; words are numbered by those of training
  const others: OpenOptions = {
    ...reading,
    ...(targets.kind === 'class' && targets.numbered !== true && { classNames: targets.names }),
    namesOfOthers: namesOfOthers(opened.others),
    ...normalClassOf(opened),
  };
  const ownTest =
    options.test === null
      ? await opened.companion('test', targets, others)
      : await openTestSet(open, options.test, others);
  const ownValidation = await opened.companion('validation', targets, others);
  const splits = await splitDataset(samplesOf(opened.datasets, targets, opened.others, wanted), {
    seed,
    validationFraction: ownValidation === null ? options.validationFraction : 0,
    testFraction: ownTest === null ? options.testFraction : 0,
  });
  const datasets = opened.datasets.map((dataset) => encodeFrom(dataset, splits.train.indices));
  const inputs = await inputsOf(fed, datasets, options);
  const samples = samplesOf(datasets, targets, opened.others, wanted);
  const partOf = async (own: OpenedData | null, split: Split): Promise<RunPart> => {
    if (own === null) return { inputs, samples, split };
    const ownWanted = wantedInOrder(own, fed.classNames);
    const encoded = own.datasets.map((dataset, i) => encodeAs(dataset, present(datasets[i], 'the data of an input')));
    return {
      inputs: await inputsOf(fed, encoded, options),
      samples: samplesOf(encoded, own.targets, own.others, ownWanted),
      split: await wholeSplit(samplesOf(own.datasets, own.targets, own.others, ownWanted)),
    };
  };
  const train = { inputs, samples, split: splits.train };
  const validation = await partOf(ownValidation, splits.validation);
  const test = await partOf(ownTest, splits.test);
  const told = { classes, target: opened.target, slices: await slicesOf(test, options) };
  if (task !== 'anomaly') return { train, validation, test, ...told };
  return { train: await normalOnly(train), validation: await normalOnly(validation), test, ...told };
}

/** What the training part calls normal samples, where it has a word for them. */
function normalClassOf({ classes }: OpenedData): Pick<OpenOptions, 'normalClass'> {
  const [normal] = classes?.names ?? [];
  return normal === undefined ? {} : { normalClass: normal };
}

function openerFor(fed: FedModel, named: NamedKeys, task: NamedTask | null): OpenData {
  const open = openerOf(fed, named, wantedByGraphs(fed, task));
  return task === 'anomaly' ? openingAnomalies(open, fed.classNames) : open;
}

const slicesOf = ({ samples, split }: Pick<DataPart, 'samples' | 'split'>, { slices }: DataOptions) =>
  slices === undefined ? [] : openSlices(samples, split.indices, slices);

/** What a model of normal samples is trained on: where there are labels, none that is an anomaly. */
async function normalOnly(part: RunPart): Promise<RunPart> {
  const labels = anomalyLabels(part.samples.path, part.samples.targets);
  if (labels === null) return part;
  return { ...part, split: await narrowSplit(part.samples, part.split, (index) => labels[index] === 0) };
}

/** The samples of a model's data sets, with targets. */
function samplesOf(
  datasets: readonly Dataset[],
  targets: Targets,
  others: OtherTargets,
  wanted: OtherTargets,
): SampleSet {
  const [only, ...further] = datasets;
  const single = only !== undefined && further.length === 0 && others.size === 0 && wanted.size === 0;
  return single ? withTargets(only, targets) : joinSamples(datasets, targets, others, wanted);
}

function wantedByGraphs({ own = null }: FedModel, task: NamedTask | null): WantedByGraphs {
  if (own === null) return { names: [], only: false };
  return { names: wantedNames(own), only: own.loss !== null && task === null };
}

/** What graphs of the user's read; classes that are words in the order of the model's, where it is known. */
function wantedInOrder({ wanted, path }: OpenedData, known: ClassNames | null): OtherTargets {
  return new Map([...wanted].map(([name, targets]) => [name, inOrder({ targets, path }, known).targets] as const));
}

/** A data set with other targets; the same one where they are the same. */
function withTargets<Set extends { readonly targets: Targets }>(dataset: Set, targets: Targets): Set {
  if (dataset.targets === targets) return dataset;
  // what a table learns is computed when it is asked for: the fields of the copy ask the original
  return Object.create(dataset, { targets: { value: targets, enumerable: true } });
}

/** Labels in the order of the model's classes, where it is known and they are the same. */
function inOrder(
  { targets, path, classes }: Pick<OpenedData, 'targets' | 'path' | 'classes'>,
  told: ClassNames | null,
): { targets: Targets; classes: ClassReading | null } {
  if (classes !== undefined) return { targets, classes };
  const known = told === null ? null : namesOfData(told, targets);
  // which names are those of a mask's values is known with the model's maps
  if (targets.kind === 'mask' || isDense(targets)) return { targets, classes: known };
  if (targets.kind !== 'class') return { targets, classes: null };
  const own: ClassReading = { names: targets.names, origin: path, source: 'data' };
  if (known === null) return { targets, classes: own };
  switch (matchClasses(targets, known, path)) {
    case 'unrelated':
      return { targets, classes: own };
    case 'rename':
      return { targets, classes: known };
    case 'reorder': {
      const columns = targets.names.map((name) => known.names.indexOf(name));
      const labels = targets.labels.map((label) => present(columns[label], `the class ${label} of ${path}`));
      return { targets: { kind: 'class', labels, names: known.names }, classes: known };
    }
  }
}

type ChangeTargets = (targets: Targets, path: string) => Targets;

/** The same parts, each with the targets that `change` makes of its own. */
export function retarget(data: RunData, change: ChangeTargets): RunData {
  const changed = new Map<SampleSet, SampleSet>();
  const partOf = (part: RunPart): RunPart => {
    const samples = changed.get(part.samples) ?? retargetPart(part, change).samples;
    changed.set(part.samples, samples);
    return { ...part, samples };
  };
  return { ...data, train: partOf(data.train), validation: partOf(data.validation), test: partOf(data.test) };
}

/** The same parts, of each of which this is measured. */
export function measuring(data: RunData, measures: readonly Measure[]): RunData {
  if (measures.length === 0) return data;
  const { train, validation, test } = data;
  return {
    ...data,
    train: { ...train, measures },
    validation: { ...validation, measures },
    test: { ...test, measures },
  };
}

/**
 * The same samples in the same order, prepared for another model of as many inputs.
 * @throws Failure('input') when they do not fit it
 */
export async function refeed(
  data: Pick<RunData, 'train' | 'validation' | 'test'>,
  fed: Pick<FedModel, 'model' | 'signature'>,
  options: DataOptions,
): Promise<Pick<RunData, 'train' | 'validation' | 'test'>> {
  const prepared = new Map<DataPart['inputs'], readonly NamedInputs[]>();
  const partOf = async (part: RunPart): Promise<RunPart> => {
    const datasets = part.inputs.map(({ dataset }) => dataset);
    const own = prepared.get(part.inputs) ?? (await inputsOf(fed, datasets, options));
    prepared.set(part.inputs, own);
    // of what this model says, nothing of the other's is measured
    return { ...part, inputs: own, measures: [] };
  };
  return {
    train: await partOf(data.train),
    validation: await partOf(data.validation),
    test: await partOf(data.test),
  };
}

export function retargetPart<Part extends FedSamples>(part: Part, change: ChangeTargets): Part {
  const { samples } = part;
  return { ...part, samples: withTargets(samples, change(samples.targets, samples.path)) };
}

async function openTestSet(open: OpenData, test: string, reading: OpenOptions): Promise<OpenedData> {
  const named = await open(test, reading);
  // a folder that holds training and test files was named for its test files
  return (await named.companion('test', named.targets, reading)) ?? named;
}

/** A task that is named says what targets are where the data leaves it open; distillation needs none. */
function readOptions({ target }: DataOptions, task: NamedTask | null): ReadOptions {
  const targetKind = targetKindOf(task);
  return {
    ...(target !== null && { target }),
    ...(targetKind !== undefined && { targetKind }),
    ...((task === 'distill' || task === 'anomaly') && { requireTargets: false }),
  };
}

/** Some samples of a split, evenly spaced. */
export function evenly(split: DataPart['split'], count: number): DataPart['split'] {
  if (split.count <= count) return split;
  const indices = evenPositions(split.count, count).map((i) => present(split.indices[i], 'a sample of the split'));
  return { ...split, indices, count };
}

/** `count` of the positions below `of`, evenly spaced; all where there are no more. */
export function evenPositions(of: number, count: number): Int32Array {
  const taken = Math.min(of, count);
  return Int32Array.from({ length: taken }, (_, i) => Math.floor((i * of) / taken));
}

/** An input of a model, as preprocessing needs to know it. */
export function modelInputOf(model: Model, { shape, elementType }: SignatureInput): ModelInput {
  const layout = model.format === 'onnx' ? {} : { layout: 'NHWC' as const };
  return { shape, dtype: dtypeName(elementType), ...layout };
}

/** The data sets as the model is fed with them, in the order of its inputs. */
async function inputsOf(
  { model, signature }: Pick<FedModel, 'model' | 'signature'>,
  datasets: readonly Dataset[],
  options: DataOptions,
): Promise<readonly NamedInputs[]> {
  const { preprocessorConfig: path } = options;
  const found = path === null ? await findPreprocessorConfig(model.path) : await readPreprocessorConfig(path);
  const config = found === null ? {} : { preprocessorConfig: found };
  const preprocessing = { ...config, ...options.preprocessing };
  const several = signature.inputs.length > 1;
  if (several) requirePixels(datasets, options);
  // the cache is for all of them together
  const cacheBytes = cacheLimit / signature.inputs.length;
  return signature.inputs.map((input, i) => {
    const dataset = present(datasets[i], `the data of the input '${input.name}'`);
    requireNumbers(model.path, input);
    requireExact(input, dataset);
    const own = several && !arePixels(dataset) ? asStored(dataset) : preprocessing;
    const planned = planPreprocessing(dataset, modelInputOf(model, input), own);
    return { name: input.name, ...createInputs(dataset, planned, cacheBytes) };
  });
}

const arePixels = ({ sample }: Dataset): boolean => sample.dtype === 'uint8' && sample.layout !== 'values';

/** Beside other inputs, 8-bit numbers that are no picture are a mask or ids: they are fed as they are. */
const asStored = ({ sample }: Dataset): PreprocessingOptions => (sample.dtype === 'uint8' ? { scale: 1 } : {});

/** @throws Failure('usage') where what is said about pictures meets several inputs without one */
function requirePixels(datasets: readonly Dataset[], { preprocessing, data }: DataOptions): void {
  const given = (['scale', 'mean', 'std', 'layout', 'resize'] as const).filter(
    (name) => preprocessing[name] !== undefined,
  );
  if (given.length === 0 || datasets.some(arePixels)) return;
  throw new Failure('usage', {
    what: `${data}: the preparation of pictures (${given.join(', ')}) was given, but none of the model's inputs is one of 8-bit pixels.`,
    cure: 'Leave it out, and prepare the data before.',
    settings: given,
    written: 'nothing',
  });
}

/** @throws Failure('input') for an input of text, as scikit-learn's encoders of categories take it */
function requireNumbers(path: string, { name, elementType }: SignatureInput): void {
  if (dtypeName(elementType) !== 'string') return;
  throw new Failure('input', {
    what: `${path}: its input '${name}' takes text, and the model turns it into numbers itself: through that nothing can be fed or trained here.`,
    cure: 'Export what follows the encoders of the pipeline, and give data that they have encoded.',
    settings: ['model'],
    written: 'nothing',
  });
}

/** @throws Failure('input') for whole numbers that float32, in which samples are held, would round, where the model takes integers */
function requireExact({ name, elementType }: SignatureInput, { path, sample }: Dataset): void {
  if (sample.rounded === undefined || !/int/.test(dtypeName(elementType))) return;
  throw new Failure('input', {
    what: `${path}: the input '${name}' takes whole numbers, and ${sample.rounded} is beyond those that are exact here (2^24).`,
    cure: 'Number the ids anew, from 0 on.',
    written: 'nothing',
  });
}

/** The targets of an output that is trained beside the first. */
export function targetsOf({ samples }: FedSamples, output: string): Targets {
  return present(otherTargets(samples).get(output), `the targets of '${output}'`);
}

/** The shape of one sample of each input. */
export function sampleShapesOf({ inputs }: FedSamples): SampleShapes {
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, shape] as const));
}

/** What becomes of a stored sample, in one sentence; of several inputs, in one for each. */
export function preprocessingSentence({ inputs }: FedSamples): string {
  const [only, ...others] = inputs;
  if (only !== undefined && others.length === 0) return only.preprocessing.sentence;
  return inputs
    .map(({ name, preprocessing }) => phrase('input.named', { name, Sentence: preprocessing.sentence }))
    .join(' ');
}

/** Provenance for the report; `sha256` is over the samples' bytes and targets. */
export function describeSplit({ samples, split }: RunPart): SplitDescription {
  const { path, part, format, targets } = samples;
  return {
    path,
    part: part ?? null,
    format,
    count: split.count,
    classes: classCount(targets),
    sha256: split.contentSha256,
  };
}

/** The number of classes; null for targets without, and for masks before it is known how they are read. */
export function classCount(targets: Targets): number | null {
  if (targets.kind === 'mask') return targets.map?.classes ?? null;
  return targets.kind === 'class' ? targets.names.length : null;
}

export async function findDuplicates(data: RunData): Promise<DuplicateCounts> {
  const { test } = data;
  const unseen = await unseenTestSamples(data);
  return { withinTest: await countRepeats(test), testInTraining: test.split.count - unseen.length };
}

/** The positions in the test part of the samples that are in neither of the other parts. */
export function unseenTestSamples({ train, validation, test }: RunData): Promise<Int32Array> {
  return unseenPositions([train, validation], test);
}

/** A name for every output of the model: those of the classes, then numbers where the model knows more of them. */
export function classNamesFor({ classes }: Pick<RunData, 'classes'>, count: number): string[] {
  return Array.from({ length: count }, (_, i) => classes?.names[i] ?? String(i));
}
