import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type {
  ClassReading,
  InputReading,
  MaskReading,
  OutputReading,
  Reading,
  ReadingSource,
  RuntimeReading,
  SanityReading,
} from '../contract/reading.js';
import type { SettingHint } from '../contract/settings.js';
import { gatherInputs } from '../data/batches.js';
import type { MapReading, Targets } from '../data/dataset.js';
import { createInputs, type NamedInputs } from '../data/inputs.js';
import { checkLabels } from '../data/labels.js';
import { planPreprocessing } from '../data/preprocess.js';
import { otherTargets } from '../data/samples.js';
import { rowsAt } from '../math/rows.js';
import { type Head, headsOf } from '../model/head.js';
import type { Model } from '../model/model.js';
import { readSource } from '../model/source.js';
import { dtypeName, elementCount } from '../model/tensor.js';
import type { Signature, SignatureInput } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import { wholeRange } from '../runtime/tensors.js';
import { type ChosenOutput, chooseOutput, type ObservedHead, type TaskKind } from './choose-output.js';
import { type DataPart, evenly, evenPositions, modelInputOf } from './data.js';
import { type InputCandidate, inputCandidates } from './input-candidates.js';
import type { DataOptions, ReadingOptions, TaskOptions } from './options.js';
import type { OwnGraphs } from './own-graphs.js';
import { measuresOf, type OwnMeasure, ownMeasures } from './own-measures.js';
import { type Predictions, predict, withPredictor } from './predictions.js';
import { checkRuntime, soundSession } from './runtime.js';
import { checkReading, type Sanity } from './sanity.js';
import { ends, storedRange } from './stored-range.js';
import { type RowTargets, targetsFor, wantedOf } from './targets.js';
import { chooseTask, lossName, type RunTask, truthOf } from './task.js';
import { type Agreement, agree, type DescribedValues, describeValues } from './values.js';

/** What is to be read, and on which samples. */
export interface ReadingQuestion {
  readonly model: Model;
  /** of the model; its output is the first one */
  readonly signature: Signature;
  /** on these the outputs are looked at, all of them */
  readonly part: DataPart;
  /** labelled samples that judge nothing: those that are trained on, or where nothing is trained the same as `part` */
  readonly labelled: DataPart;
  readonly classes: ClassReading | null;
  /** the loss and the metric that are graphs of the user's; left out: there are none */
  readonly own?: OwnGraphs | null;
  /** the output that the targets bear the name of; null: which one they are of is told by their width */
  readonly target: string | null;
  /** of a segmentation whose masks are not asked for: the size of its maps */
  readonly maps?: Pick<MaskReading, 'height' | 'width'>;
  readonly options: {
    readonly data: DataOptions;
    readonly task: TaskOptions;
    readonly reading: ReadingOptions;
  };
  readonly session: InferenceSession.SessionOptions;
}

/** A model as it is read. */
export interface ModelReading {
  /** with the output that is judged, where a map was cut off the tensor in it */
  readonly signature: Signature;
  /** the graph's output that is judged */
  readonly output: string;
  readonly task: RunTask;
  /** what the targets are to it */
  readonly kind: TaskKind;
  /** how its maps are held against masks; null for targets of another kind */
  readonly map: MapReading | null;
  readonly reading: Reading;
  /** what the model says about `part` */
  readonly predictions: Predictions;
  /** the outputs that are trained beside it */
  readonly others: readonly OtherReading[];
}

/** An output that is trained beside the one that is judged. */
export interface OtherReading extends Pick<ModelReading, 'signature' | 'output' | 'task' | 'kind'> {
  /** of `part`, as the output is trained on them: what distils itself is not among them */
  readonly predictions: Predictions;
}

const probed = 8;
const [fewestSamples, mostSamples] = [100, 1000];
/** values of inputs that the readings are compared on: the samples of large images are fewer */
const comparedValues = 2e7;

/**
 * Reads a model whose answers are rows: which output the data are about, what it says, what is learned, and whether the model does on labelled
 * samples what a trained one does. Nothing is guessed: what is not certain is refused with the setting that says it.
 * @throws Failure('input') where no output fits the data, or several do
 */
export async function readRows(question: ReadingQuestion): Promise<ModelReading> {
  const { model, options, own = null } = question;
  const measures = await ownMeasures(question);
  const asked = { ...question, part: { ...question.part, measures: measuresOf(own, measures) } };
  const { part } = asked;
  const { samples } = part;
  const targets = rowsOnly(samples.targets);
  const heads = headsOf(model.graph);
  const named = options.reading.outputs[0]?.name ?? asked.target;
  const only = heads.length === 1 ? heads[0] : undefined;
  const alone = only === undefined ? null : await checkRuntime(asked, only.value);
  // a model of one output is run but once
  const first = only === undefined ? null : await predictHead(soundly(asked, alone), only, part);
  const observed =
    first === null
      ? await probe(asked, heads, probed)
      : heads.map((head) => ({ head, width: first.width, shape: first.shape }));
  if (first !== null && first.width > 1) checkLabels(targets, first.width, samples.path);
  const beside = otherTargets(samples);
  const candidates = observed.filter(({ head }) => !beside.has(head.output));
  const labelled = asked.labelled.samples;
  const judged = await readOutput(asked, candidates, first && { predictions: first, runtime: alone }, {
    named,
    targets,
    labelled: rowsOnly(labelled.targets),
    task: options.task,
    measures,
    triesInputs: true,
  });
  const others: ReadOutput[] = [];
  for (const [output, own] of beside) {
    const targets = present(otherTargets(labelled).get(output), `the targets of '${output}'`);
    if (own.kind === 'mask' || targets.kind === 'mask') throw masksBeside(samples.path);
    const task = { task: null, loss: null, metric: null, ...options.task.outputs?.[output] };
    others.push(
      await readOutput(asked, observed, null, {
        named: output,
        targets: own,
        labelled: targets,
        task,
        triesInputs: false,
        measures: [],
      }),
    );
  }
  const { chosen, task, sanity, runtime } = judged;
  return {
    signature: judged.signature,
    output: chosen.output,
    task,
    kind: chosen.task,
    map: null,
    predictions: judged.predictions,
    others: others.map(({ chosen: { output, task: kind }, signature, task, predictions }) => {
      return { signature, output, task, kind, predictions };
    }),
    reading: {
      inputs: await inputReadings(question),
      outputs: observed.map((each) => outputReading(each, judged, others)),
      choice: [chosen.why, ...others.map(({ chosen: { output } }) => phrase('choice.beside', { name: output }))].join(
        ' ',
      ),
      task: task.task,
      loss: lossName(task),
      classes: judged.targets.kind === 'class' ? question.classes : null,
      sanity,
      untrained: null,
      data: dataSentences(part),
      runtime,
      trusted: options.reading.trustReading,
    },
  };
}

/** One output, with the targets that it has. */
interface OutputQuestion {
  /** null: the one that fits */
  readonly named: string | null;
  /** of the part that is looked at */
  readonly targets: RowTargets;
  /** of the labelled samples */
  readonly labelled: RowTargets;
  readonly task: TaskOptions;
  /** whether other ways of preparing the inputs are tried: one output tells enough of them */
  readonly triesInputs: boolean;
  /** by the user's own graphs */
  readonly measures: readonly OwnMeasure[];
}

/** An output as the reading describes it. */
interface DescribedOutput extends Pick<ModelReading, 'task'> {
  readonly chosen: ChosenOutput;
  readonly agreement: Agreement;
  /** null without labels */
  readonly sanity: SanityReading | null;
  /** as its targets have them; null for a task without classes */
  readonly classes: readonly string[] | null;
}

/** What cures the reading of an output that is not the judged one is said of it alone. */
function ofOutput(output: string, { better, alternatives, ...sanity }: SanityReading): SanityReading {
  const settingsOf = (settings: readonly SettingHint[]): readonly SettingHint[] =>
    settings.flatMap((hint): readonly SettingHint[] => {
      const [name, value] = typeof hint === 'string' ? [hint, null] : hint;
      if (name === 'output') return [];
      if (name === 'task' || name === 'loss' || name === 'metric')
        return [[name, `${output}=${value ?? name.toUpperCase()}`]];
      return name === 'classes' ? [[name, `${output}=FILE`]] : [hint];
    });
  return {
    ...sanity,
    better: better && { ...better, settings: settingsOf(better.settings) },
    alternatives: alternatives.map(settingsOf),
  };
}

/** The question with sessions that compute what the file says. */
export function soundly(question: ReadingQuestion, runtime: RuntimeReading | null): ReadingQuestion {
  return { ...question, session: soundSession(question.session, runtime) };
}

interface ReadOutput extends DescribedOutput, Pick<ModelReading, 'signature' | 'predictions'> {
  /** as the output is trained on them */
  readonly targets: Targets;
  /** null where ONNX Runtime computes what the file says */
  readonly runtime: RuntimeReading | null;
}

/**
 * @param first what the only output of a model says; null where it was not run yet
 * @throws Failure('input') where no output fits the targets, or several do, or it cannot be read
 */
async function readOutput(
  asked: ReadingQuestion,
  observed: readonly ObservedHead[],
  first: Pick<ReadOutput, 'predictions' | 'runtime'> | null,
  { named, targets: wanted, labelled, task: said, triesInputs, measures }: OutputQuestion,
): Promise<ReadOutput> {
  const { model, part, options } = asked;
  const chosen = chooseOutput(model.path, observed, wantedOf(wanted), named);
  const runtime = first === null ? await checkRuntime(asked, chosen.head.value) : first.runtime;
  const question = soundly(asked, runtime);
  const predictions = first?.predictions ?? (await predictHead(question, chosen.head, part));
  const described = describeValues(predictions.values, predictions.width);
  const targets = targetsFor(chosen, wanted);
  const { agreement, task } = readTask(asked, chosen, described, (agreement) =>
    chooseTask(chosen, agreement, targets, said, options.data.data, measures),
  );
  refuseLogSigmoid(model.path, chosen, agreement, task);
  refuseMaps(model.path, chosen, predictions, task);
  if (!options.reading.trustReading) refusePercentages(model.path, chosen, described, agreement, task);
  if (task.loss !== 'mse') checkLabels(targets, task.width === 1 ? 2 : task.width, part.samples.path);
  const signature = { ...question.signature, output: chosen.head.value };
  const own = targetsFor(chosen, labelled);
  const sanity =
    targets.kind === 'none'
      ? null
      : sanityReading(await checkSanity(question, signature, own, task, triesInputs, predictions), own);
  const classes = targets.kind === 'class' ? targets.names : null;
  return { chosen, agreement, targets, task, signature, predictions, sanity, runtime, classes };
}

/**
 * What an output's numbers are, and the task with them. Numbers within [0, 1] of which the graph says nothing are probabilities where each
 * is one of its own; those of classes that exclude each other would sum to 1: where they do not, they may be logits by their looks alone, and
 * are where the user trusts it.
 * @throws Failure('input') for such numbers otherwise
 */
function readTask(
  { model: { path }, options: { reading } }: ReadingQuestion,
  { head, output }: ChosenOutput,
  described: DescribedValues,
  taskOf: (agreement: Agreement) => RunTask,
): { readonly agreement: Agreement; readonly task: RunTask } {
  const agreement = agree(head, described);
  const task = taskOf(agreement);
  const areDistributions =
    agreement.meaning !== 'probabilities' || head.valueMeaning === 'probabilities' || described.rowsSumToOne;
  if (task.loss !== 'cross-entropy' || areDistributions) return { agreement, task };
  if (!reading.trustReading) {
    throw new Failure('input', {
      what: `${path}: whether '${output}' holds logits of classes cannot be told: ${agreement.evidence}.`,
      cure: 'Export the model with a softmax, or with what enters it, as the output; name another output; or trust that they are logits.',
      settings: ['output', 'trustReading'],
      ways: [{ name: 'they are logits', settings: ['trustReading'] }],
    });
  }
  const logits: Agreement = { ...agreement, meaning: 'logits' };
  return { agreement: logits, task: taskOf(logits) };
}

/** @throws Error for masks, which `readSegmentation` is for */
function rowsOnly(targets: Targets): RowTargets {
  if (targets.kind === 'mask') throw new Error('masks are read otherwise');
  return targets;
}

export function masksBeside(path: string): Failure {
  return new Failure('input', {
    what: `${path}: masks are not trained beside other targets.`,
    cure: 'Name one output.',
    settings: ['output'],
    written: 'nothing',
  });
}

/** @throws Failure('input') for scores of classes of which every row sums to 100, say: neither logits nor probabilities */
function refusePercentages(
  path: string,
  { output }: ChosenOutput,
  { rowSum, min }: DescribedValues,
  { meaning, evidence }: Agreement,
  { loss }: RunTask,
): void {
  if (loss !== 'cross-entropy' || meaning !== 'values' || rowSum === null || rowSum < 2 || min < 0) return;
  throw new Failure('input', {
    what: `${path}: '${output}' holds neither probabilities nor logits of classes: ${evidence}.`,
    cure: 'Export the model with probabilities or logits as the output, name another output, or trust that they are logits.',
    settings: ['output', 'trustReading'],
    ways: [{ name: 'they are logits all the same', settings: ['trustReading'] }],
  });
}

/**
 * The logarithms of softmaxes are logits too; those of sigmoids are not.
 * @throws Failure('input') for an output of them
 */
function refuseLogSigmoid(path: string, { output }: ChosenOutput, { meaning }: Agreement, { loss }: RunTask): void {
  if (meaning !== 'log-probabilities' || loss !== 'binary-cross-entropy') return;
  throw new Failure('input', {
    what: `${path}: '${output}' holds the logarithms of probabilities that do not exclude each other, which are not read.`,
    cure: 'Export the model with its sigmoid, or with what enters it, as the output; or name another output.',
    settings: ['output'],
  });
}

/**
 * From a teacher alone one distribution a sample is learned.
 * @throws Failure('input') for an output that gives several, one for each place
 */
function refuseMaps(
  path: string,
  { output }: ChosenOutput,
  { shape }: Predictions,
  { distilled, loss }: RunTask,
): void {
  if (!distilled || loss !== 'cross-entropy' || shape.filter((dim) => dim > 1).length < 2) return;
  throw new Failure('input', {
    what: `${path}: '${output}' gives classes for each of several places ([${shape.join(', ')}] a sample), which is not learned from a teacher here.`,
    cure: 'Give labelled data, such as images with masks, and leave the teacher out.',
    settings: ['data', 'task', 'teacher'],
    written: 'model-untouched',
  });
}

export function predictHead(
  { model, signature, session }: ReadingQuestion,
  head: Head,
  part: DataPart,
  limit?: number,
) {
  const read = { ...signature, output: head.value };
  return predict(readSource(model, read), read, part, session, limit);
}

/** How wide each output is, by running a few samples; null for labels, which nothing is trained through. */
export async function probe(
  question: ReadingQuestion,
  heads: readonly Head[],
  count: number,
): Promise<readonly ObservedHead[]> {
  const observed: ObservedHead[] = [];
  for (const head of heads) {
    if (head.valueMeaning === 'label') {
      observed.push({ head, width: null });
      continue;
    }
    const { width, shape } = await predictHead(question, head, question.part, count);
    observed.push({ head, width, shape });
  }
  return observed;
}

async function checkSanity(
  question: ReadingQuestion,
  signature: Signature,
  targets: Targets,
  task: RunTask,
  triesInputs: boolean,
  { values }: Predictions,
): Promise<Sanity> {
  const { model, part, labelled, session } = question;
  const size = labelled.inputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const count = Math.max(fewestSamples, Math.min(mostSamples, Math.floor(comparedValues / size)));
  const split = evenly(labelled.split, count);
  // where the labelled samples are those that were looked at, what the model says of them is known
  const isKnown = labelled.split === part.split && labelled.inputs === part.inputs;
  const known = isKnown ? rowsAt(values, task.width, evenPositions(labelled.split.count, count)) : null;
  const source = readSource(model, signature);
  const truth = truthOf(task, targets, split.indices, new Float32Array());
  if (truth.kind === 'mask' || truth.kind === 'anomaly' || truth.kind === 'own')
    throw new Error(`a truth of the kind ${truth.kind} is read otherwise`);
  const inputs = triesInputs ? await candidatesFor(question) : [];
  return withPredictor(source, signature, session, (predictOn) =>
    checkReading({
      truth,
      width: task.width,
      scores: task.scores,
      inputs,
      async predict(candidate, among) {
        if (candidate === null && among === null && known !== null) return known;
        const inputs = preparedBy(question, signature, candidate);
        const indices = among === null ? split.indices : among.map((i) => split.indices[i] ?? 0);
        const looked = { ...labelled, inputs, split: { ...split, indices, count: indices.length } };
        return (await predictOn(looked)).values;
      },
    }),
  );
}

/** The labelled samples prepared in another way; null: as given. */
export function preparedBy(
  { model, labelled, options }: ReadingQuestion,
  signature: Signature,
  candidate: InputCandidate | null,
): readonly NamedInputs[] {
  if (candidate === null) return labelled.inputs;
  return labelled.inputs.map(({ name, dataset }, i) => {
    const input = present(signature.inputs[i], `the input '${name}'`);
    const apply = { ...options.data.preprocessing, ...candidate.apply };
    return { name, ...createInputs(dataset, planPreprocessing(dataset, modelInputOf(model, input), apply)) };
  });
}

/** The usual ways of preparing a picture: of several inputs nobody could tell which of them is prepared wrongly. */
export async function candidatesFor({
  signature,
  labelled: { inputs, split },
}: Pick<ReadingQuestion, 'signature' | 'labelled'>): Promise<readonly InputCandidate[]> {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) return [];
  return inputCandidates({
    inForce: input.preprocessing,
    channelCount: channelsOf(input),
    stored: await storedRange(input, split),
    whole: wholeRange(signature.inputs[0]?.elementType ?? 0),
    bothLayouts: input.shape.length === 3 && input.shape[0] === input.shape[2],
  });
}

function channelsOf({ shape, preprocessing }: NamedInputs): number {
  if (preprocessing.channels === 'none' || shape.length < 3) return 1;
  return present(preprocessing.channels === 'first' ? shape[0] : shape.at(-1), 'the channel axis of the input');
}

/** What was taken to be so of the data, and learned of them: columns, gaps, categories. */
export function dataSentences({ inputs }: DataPart): readonly string[] {
  return inputs.flatMap(({ dataset }) => dataset.encoding?.sentences ?? []);
}

/** How each input is fed. */
export async function inputReadings(question: ReadingQuestion): Promise<InputReading[]> {
  const { signature, part } = question;
  const fed = await gatherInputs(part.inputs, evenly(part.split, 64).indices);
  return part.inputs.map((inputs, i) => {
    const input = present(signature.inputs[i], `the input '${inputs.name}'`);
    return inputReading(question, input, inputs, present(fed[inputs.name], `samples of '${inputs.name}'`).values);
  });
}

function inputReading(
  { model, options }: ReadingQuestion,
  { name, elementType }: SignatureInput,
  { preprocessing, shape }: NamedInputs,
  fed: Float32Array,
): InputReading {
  const { min, max } = ends(fed);
  const { scale, mean, std, channelOrder } = preprocessing.sources;
  const key = options.reading.inputs.find((each) => each.name === name)?.key;
  // the surest of them: what was said about one was said about all
  const source = present(
    readingSources.find((each) => [scale, mean, std, channelOrder].some((source) => source === each)),
    'the source of the preprocessing',
  );
  return {
    name,
    ...(key === undefined ? {} : { key }),
    dtype: dtypeName(elementType),
    shape,
    preprocessing: preprocessing.sentence,
    scale: preprocessing.scale,
    mean: preprocessing.mean,
    std: preprocessing.std,
    layout:
      options.data.preprocessing.layout ?? (model.format === 'onnx' ? layoutOf(preprocessing.channels, shape) : 'NHWC'),
    range: min <= max ? [min, max] : null,
    source,
    settings: ['scale', 'mean', 'std', 'layout', 'channelOrder', 'preprocess'],
  };
}

const readingSources: readonly ReadingSource[] = ['option', 'preprocessor-config', 'dtype', 'default'];

function layoutOf(channels: 'first' | 'last' | 'none', shape: readonly number[]): InputReading['layout'] {
  if (shape.length !== 3 || channels === 'none') return null;
  return channels === 'first' ? 'NCHW' : 'NHWC';
}

export function outputReading(
  { head, width }: ObservedHead,
  judged: DescribedOutput,
  others: readonly DescribedOutput[] = [],
): OutputReading {
  const isJudged = head.output === judged.chosen.output;
  const read = isJudged ? judged : others.find(({ chosen }) => chosen.output === head.output);
  const described = { name: head.output, dtype: head.dtype, width, judged: isJudged };
  if (read === undefined) {
    const meaning = head.valueMeaning === 'logits-or-values' ? 'values' : head.valueMeaning;
    return { ...described, meaning, evidence: head.evidence, lossAt: null };
  }
  const { agreement, task, sanity } = read;
  const { meaning, evidence } = agreement;
  return {
    ...described,
    meaning: task.loss === 'mse' ? 'values' : meaning === 'values' ? task.scores : meaning,
    evidence,
    lossAt: task.lossFile === undefined ? lossAt(head, task) : head.output,
    ...(!isJudged && { loss: task.loss, task: task.task }),
    ...(!isJudged && read.classes !== null && { classes: read.classes }),
    ...(isJudged || sanity === null ? {} : { sanity: ofOutput(head.output, sanity) }),
  };
}

function lossAt(head: Head, { loss }: Pick<RunTask, 'loss'>): string {
  return loss === 'mse' ? head.value : head.logits;
}

export function sanityReading(
  { status, samples, metric, asGiven, chance, best, alike, sentence }: Sanity,
  targets: Targets,
): SanityReading {
  const order =
    best?.order && targets.kind === 'class'
      ? best.order.map((label, column) => targets.names[label] ?? `(output ${column})`).join(', ')
      : null;
  return {
    status,
    samples,
    metric,
    asGiven,
    chance,
    better:
      best === null
        ? null
        : {
            name: best.name,
            metric: best.metric,
            asGiven: best.asGiven,
            value: best.value,
            pValue: best.p,
            settings: best.settings,
          },
    alternatives: alike.map(({ settings }) => settings),
    sentence: order === null ? sentence : `${sentence} ${phrase('sanity.order', { names: order })}`,
  };
}
