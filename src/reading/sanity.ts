import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type { SettingHint } from '../contract/settings.js';
import {
  correctness,
  metricOf,
  predictedClasses,
  type RowTruth,
  type Scores,
  sigmoid,
  truthCount,
} from '../evaluation/metrics.js';
import { holm, mcnemarExact, pairedCounts } from '../evaluation/paired.js';
import { rowsAt } from '../math/rows.js';
import { findClassOrder, isAnotherOrder } from './class-order.js';
import { evenPositions } from './data.js';
import { areGuessedClasses, areGuessedLabels } from './guess.js';
import type { InputCandidate } from './input-candidates.js';
import { meanTest } from './statistics.js';

/** What is judged: a right-or-wrong share, the log loss where only the size of probabilities differs, R2 of values, mean IoU of masks. */
export type SanityMetric = 'accuracy' | 'logLoss' | 'r2' | 'miou';

/** A reading that is far better than the one as given. */
export interface BetterReading {
  /** what is read otherwise, for people: 'pixels scaled to [-1, 1]', 'the classes in another order' */
  readonly name: string;
  readonly metric: SanityMetric;
  /** how many samples both were measured on: a half where the other half was needed to find the reading */
  readonly samples: number;
  /** the metric as given, and read this way */
  readonly asGiven: number;
  readonly value: number;
  readonly settings: readonly SettingHint[];
  /** of the paired test, adjusted for the number of readings that were tried (Holm) */
  readonly p: number;
  /** output i stands for the class `order[i]` of the data, or none where that is not one; null where it is not the order that differs */
  readonly order: readonly number[] | null;
}

export interface Sanity {
  /** 'suspect': no better than a guess, or another reading is far better. Nothing is switched */
  readonly status: 'fine' | 'suspect';
  readonly metric: SanityMetric;
  readonly samples: number;
  /** null where the outputs hold a NaN, or there is nothing to measure */
  readonly asGiven: number | null;
  /** what a guess that knows nothing reaches: one of K classes, the mean of the targets */
  readonly chance: number;
  readonly best: BetterReading | null;
  /** what does as well as the best: which of them it is, the samples do not tell */
  readonly alike: readonly BetterReading[];
  readonly sentence: string;
}

/** What labels say of rows; nothing else tells how well a model is read. */
type LabelTruth = Extract<RowTruth, { kind: 'class' | 'multilabel' | 'values' }>;

export interface SanityQuestion {
  /** of at most a thousand labelled samples of the training part */
  readonly truth: LabelTruth;
  readonly width: number;
  /** how the outputs are read; log-probabilities are logits */
  readonly scores: Scores['kind'];
  /** other ways of preparing the inputs */
  readonly inputs: readonly InputCandidate[];
  /**
   * the outputs [samples, width] with the inputs prepared in this way; null: as given. A Failure means that this way does not
   * fit the data
   * @param among positions of the samples; null: all
   */
  readonly predict: (candidate: InputCandidate | null, among: Int32Array | null) => Promise<Float32Array>;
}

/** Fewer samples say nothing. */
const enoughSamples = 20;

/** The family-wise level of all readings that are tried on one model. */
export const level = 1e-3;

/** The least that another reading must gain to be far better: accuracy, R2; and of the log loss, this share of it. */
export const leastGain = 0.05;
/**
 * The least share of the errors that another way of preparing the inputs must take away: a network that was hardly trained
 * is right now more and now less often, whatever it is fed with, without any of it being what it was trained on.
 */
const leastShareOfErrors = 0.15;
/** Two readings whose gains differ by less do equally well. */
const alikeGain = 0.02;
const leastFit = 0.1;
const leastLogLoss = 0.1;

/**
 * Whether a model does on labelled data what a trained model does, before it is trained any further: better than a guess,
 * and not far better when inputs or outputs are read in another of the usual ways. Everything that is tried is compared on the same
 * samples with a paired test, adjusted for how many were tried, and must gain a good deal: a weak model, few samples or
 * unequal classes are no fault.
 */
export async function checkReading(question: SanityQuestion): Promise<Sanity> {
  const { truth, width, scores: kind, inputs, predict } = question;
  const scores: Scores = { values: await predict(null, null), width, kind };
  const given = judge(scores, truth);
  if (given.count < enoughSamples) {
    return finding(given, 'fine', null, phrase('sanity.tooFew', { count: given.count }));
  }
  if (scores.values.some(Number.isNaN)) {
    const rows = nanRows(scores);
    return finding(given, 'suspect', null, phrase('sanity.nan', { rows, count: given.count }));
  }
  const trials = [...outputTrials(scores, truth)];
  if (given.hasRoom) {
    for (const candidate of inputs) {
      const trial = await inputTrial(candidate, scores, truth, predict);
      if (trial !== null) trials.push(trial);
    }
  }
  const adjusted = holm(trials.map(({ p }) => p));
  const better = trials.flatMap((trial, i) => {
    const p = adjusted[i] ?? 1;
    return trial.isFar && p < level ? [{ ...trial, p }] : [];
  });
  const best = bestOf(better);
  if (best !== null) {
    const alike = better.filter((other) => other !== best && isAlike(other, best));
    return { ...finding(given, 'suspect', readingOf(best), betterSentence(best, alike)), alike: alike.map(readingOf) };
  }
  return given.isGuess
    ? finding(given, 'suspect', null, guessSentence(given))
    : finding(given, 'fine', null, fineSentence(given, chanceText(given)));
}

/** How the reading as given does. */
export interface Judged {
  readonly metric: SanityMetric;
  readonly count: number;
  readonly value: number;
  readonly chance: number;
  /** no better than a guess, as far as the samples tell */
  readonly isGuess: boolean;
  /** another way of preparing the inputs could still be far better */
  readonly hasRoom: boolean;
}

/** Another reading before the number of trials is known. */
interface Trial extends BetterReading {
  /** it gains a good deal, however sure that is */
  readonly isFar: boolean;
}

function judge(scores: Scores, truth: LabelTruth): Judged {
  const count = truthCount(truth);
  const everything = Int32Array.from({ length: count }, (_, i) => i);
  if (truth.kind === 'values') {
    const value = metricOf(scores, truth)('r2')(everything);
    const worse = meanTest(squaredErrors(scores.values, truth), squaredErrors(null, truth));
    const isGuess = value < -leastFit && worse.p < level;
    return { metric: 'r2', count, value, chance: 0, isGuess, hasRoom: !(value > 1 - leastFit) };
  }
  const value = metricOf(scores, truth)('accuracy')(everything);
  const chance = truth.kind === 'class' ? 1 / truth.classes : 2 ** -truth.width;
  const isGuess =
    truth.kind === 'class'
      ? areGuessedClasses(predictedClasses(scores), truth.labels, truth.classes)
      : areGuessedLabels(scores.values, truth);
  return { metric: 'accuracy', count, value, chance, isGuess, hasRoom: value <= 1 - leastGain };
}

/** Other readings of the outputs, which need no other run. */
function* outputTrials(scores: Scores, truth: LabelTruth): Generator<Trial> {
  if (truth.kind === 'values') {
    yield* valueTrials(scores, truth);
    return;
  }
  yield* kindTrials(scores, truth);
  if (truth.kind === 'class') yield* classTrials(scores, truth);
}

/** Probabilities that are read as logits, and the other way round, where the numbers themselves allow it. */
function* kindTrials(scores: Scores, truth: Exclude<LabelTruth, { kind: 'values' }>): Generator<Trial> {
  const inUnit = scores.values.every((value) => value >= 0 && value <= 1 + 1e-3);
  const isOneColumn = scores.width === 1 || truth.kind === 'multilabel';
  if (scores.kind === 'logits' && inUnit && (isOneColumn || sumToOne(scores))) {
    yield logLossTrial(phrase('reading.probabilities'), scores, { ...scores, kind: 'probabilities' }, truth);
  }
  if (scores.kind === 'probabilities' && !inUnit) {
    yield logLossTrial(phrase('reading.logits'), scores, { ...scores, kind: 'logits' }, truth);
  }
}

function sumToOne({ values, width }: Scores): boolean {
  for (let at = 0; at < values.length; at += width) {
    const sum = values.subarray(at, at + width).reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > 2e-3) return false;
  }
  return true;
}

function logLossTrial(
  name: string,
  given: Scores,
  other: Scores,
  truth: Exclude<LabelTruth, { kind: 'values' }>,
): Trial {
  const count = truthCount(truth);
  const losses = (scores: Scores): Float64Array => {
    const loss = metricOf(scores, truth)('logLoss');
    return Float64Array.from({ length: count }, (_, i) => loss(Int32Array.of(i)));
  };
  const { p, first: value, second: asGiven } = meanTest(losses(other), losses(given));
  const isFar = value < (1 - leastLogLoss) * asGiven;
  return {
    name,
    metric: 'logLoss',
    samples: count,
    asGiven,
    value,
    settings: ['task', 'output'],
    p,
    isFar,
    order: null,
  };
}

/** The classes in another order, or counted from another number. */
function* classTrials(scores: Scores, truth: Extract<LabelTruth, { kind: 'class' }>): Generator<Trial> {
  const { labels, classes } = truth;
  const predicted = predictedClasses(scores);
  for (const by of [-1, 1]) {
    const order = Int32Array.from({ length: classes }, (_, output) => output - by);
    const fits = labels.every((label) => label + by >= 0 && label + by < classes);
    const name = phrase(by === 1 ? 'reading.firstLeftOut' : 'reading.fromOne');
    if (fits && classes > 2) yield orderTrial(name, predicted, labels, order, null);
  }
  if (classes === 2) yield orderTrial(phrase('reading.twoSwapped'), predicted, labels, Int32Array.of(1, 0), null);
  const found = findClassOrder(predicted, labels, classes);
  if (found !== null) yield orderTrial(phrase('reading.otherOrder'), predicted, labels, found.order, found.heldOut);
}

function orderTrial(
  name: string,
  predicted: Int32Array,
  labels: Int32Array,
  order: Int32Array,
  heldOut: Int32Array | null,
): Trial {
  const samples = heldOut ?? Int32Array.from(labels, (_, i) => i);
  const given = Uint8Array.from(samples, (i) => Number(predicted[i] === labels[i]));
  const other = Uint8Array.from(samples, (i) => Number(order[predicted[i] ?? -1] === labels[i]));
  const trial = accuracyTrial(name, given, other);
  const isFar = trial.isFar && isAnotherOrder(predicted, labels, order, samples);
  return { ...trial, isFar, settings: ['classes'], order: Array.from(order) };
}

interface PairedShare {
  /** the share of the samples that are right in one of the two alone */
  readonly changed: number;
}

function accuracyTrial(name: string, given: Uint8Array, other: Uint8Array): Trial & PairedShare {
  const { fixed, broken } = pairedCounts(given, other);
  const samples = given.length;
  const share = (right: Uint8Array) => right.reduce((sum, each) => sum + each, 0) / right.length;
  const [asGiven, value] = [share(given), share(other)];
  const isFar = value - asGiven >= leastGain;
  return {
    name,
    metric: 'accuracy',
    samples,
    asGiven,
    value,
    settings: [],
    p: mcnemarExact(fixed, broken),
    isFar,
    order: null,
    changed: (fixed + broken) / samples,
  };
}

/** Targets of two values as classes whose logit the output is, or in the other of the two usual codes, 0 and 1 or -1 and 1. */
function* valueTrials(scores: Scores, truth: Extract<LabelTruth, { kind: 'values' }>): Generator<Trial> {
  const [isZeroOne, isSigned] = [isOf(truth.values, 0, 1), isOf(truth.values, -1, 1)];
  if (isZeroOne || isSigned) {
    const values = scores.values.map((value) => (isZeroOne ? (value + 1) / 2 : 2 * value - 1));
    const name = phrase(isZeroOne ? 'reading.signedForBinary' : 'reading.binaryForSigned');
    yield valueTrial(name, scores.values, values, truth, ['data']);
  }
  const [low, high] = [Math.min(...truth.values), Math.max(...truth.values)];
  const areTwo = low < high && Number.isInteger(low) && Number.isInteger(high) && isOf(truth.values, low, high);
  if (truth.width > 1 || !areTwo) return;
  const ofClasses = scores.values.map((value) => low + (high - low) * sigmoid(value));
  const asClasses = ['task', 'classification'] as const;
  if (isZeroOne || isSigned) {
    yield valueTrial(phrase('reading.logitsOfTwo'), scores.values, ofClasses, truth, [asClasses]);
    return;
  }
  const name = phrase('reading.logitsOfTwoListed', { low, high });
  yield valueTrial(name, scores.values, ofClasses, truth, [asClasses, 'classes']);
}

function isOf(values: Float32Array, low: number, high: number): boolean {
  return values.includes(low) && values.includes(high) && values.every((value) => value === low || value === high);
}

function valueTrial(
  name: string,
  given: Float32Array,
  other: Float32Array,
  truth: Extract<LabelTruth, { kind: 'values' }>,
  settings: readonly SettingHint[],
): Trial {
  const everything = Int32Array.from({ length: truthCount(truth) }, (_, i) => i);
  const r2Of = (values: Float32Array) =>
    metricOf({ values, width: truth.width, kind: 'values' }, truth)('r2')(everything);
  const [asGiven, value] = [r2Of(given), r2Of(other)];
  const { p } = meanTest(squaredErrors(other, truth), squaredErrors(given, truth));
  // worse than the mean is no reading, however much worse the other is
  const isFar = value > 0 && value - asGiven >= leastFit;
  return { name, metric: 'r2', samples: everything.length, asGiven, value, settings, p, isFar, order: null };
}

/** Of a classifier's samples, so many show which ways of preparing them are out of the question. */
const screened = 256;

async function inputTrial(
  candidate: InputCandidate,
  given: Scores,
  truth: LabelTruth,
  predict: SanityQuestion['predict'],
): Promise<Trial | null> {
  const { name, settings } = candidate;
  const valuesOf = (among: Int32Array | null): Promise<Float32Array | null> =>
    predict(candidate, among).catch((error: unknown) => {
      if (error instanceof Failure) return null;
      throw error;
    });
  if (truth.kind === 'values') {
    const values = await valuesOf(null);
    return values && valueTrial(name, given.values, values, truth, settings);
  }
  const rightGiven = rightOf(given, truth);
  const among = someOf(truthCount(truth));
  if (among !== null) {
    const values = await valuesOf(among);
    if (values === null) return null;
    const trial = accuracyTrial(name, pick(rightGiven, among), rightOf({ ...given, values }, truthOf(truth, among)));
    if (isOutOfTheQuestion(trial)) return { ...trial, isFar: false, settings };
  }
  const values = await valuesOf(null);
  if (values === null) return null;
  const trial = accuracyTrial(name, rightGiven, rightOf({ ...given, values }, truth));
  return { ...trial, isFar: trial.isFar && trial.value - trial.asGiven >= leastOfInputs(trial), settings };
}

/** The least that another way of preparing the inputs must gain. */
const leastOfInputs = ({ asGiven }: Pick<Trial, 'asGiven'>): number =>
  Math.max(leastGain, leastShareOfErrors * (1 - asGiven));

/**
 * Whether a trial on some of the samples leaves no chance worth a number (three standard errors, one in a thousand) that on all of them it
 * gains what it must.
 */
function isOutOfTheQuestion(trial: Trial & PairedShare): boolean {
  const { asGiven, value, samples, changed } = trial;
  const gain = value - asGiven;
  const error = Math.sqrt(Math.max(changed - gain ** 2, 1 / samples) / samples);
  return gain + 3 * error < leastOfInputs(trial);
}

/** Evenly spaced positions, of which there are `screened`; null where all are hardly more. */
function someOf(count: number): Int32Array | null {
  if (count < 2 * screened) return null;
  return evenPositions(count, screened);
}

type AnswerTruth = Exclude<LabelTruth, { kind: 'values' }>;

const rightOf = (scores: Scores, truth: AnswerTruth): Uint8Array =>
  present(correctness(scores, truth, 'accuracy'), 'the accuracy of a classifier');

const pick = (right: Uint8Array, among: Int32Array): Uint8Array => Uint8Array.from(among, (i) => right[i] ?? 0);

function truthOf(truth: AnswerTruth, among: Int32Array): AnswerTruth {
  if (truth.kind === 'class') return { ...truth, labels: among.map((i) => truth.labels[i] ?? 0) };
  const { values, width } = truth;
  return { ...truth, values: rowsAt(values, width, among) };
}

/** Per sample, over the outputs, in units of each target's variance; null: of the mean. */
function squaredErrors(
  outputs: Float32Array | null,
  { values, width }: Extract<LabelTruth, { kind: 'values' }>,
): Float64Array {
  const count = values.length / width;
  const errors = new Float64Array(count);
  for (let c = 0; c < width; c++) {
    let [mean, variance] = [0, 0];
    for (let i = 0; i < count; i++) mean += (values[i * width + c] ?? 0) / count;
    for (let i = 0; i < count; i++) variance += ((values[i * width + c] ?? 0) - mean) ** 2 / count;
    if (variance === 0) continue;
    for (let i = 0; i < count; i++) {
      const said = outputs === null ? mean : (outputs[i * width + c] ?? Number.NaN);
      errors[i] = (errors[i] ?? 0) + ((values[i * width + c] ?? 0) - said) ** 2 / variance / width;
    }
  }
  return errors;
}

function nanRows({ values, width }: Scores): number {
  let rows = 0;
  for (let at = 0; at < values.length; at += width) if (values.subarray(at, at + width).some(Number.isNaN)) rows++;
  return rows;
}

/** Of readings that gain in different metrics, what is right more often goes before what is only surer of itself. */
function gainOf({ metric, asGiven, value }: Trial): number {
  return metric === 'logLoss' ? (asGiven - value) / asGiven / 100 : value - asGiven;
}

function readingOf({ name, metric, samples, asGiven, value, settings, p, order }: Trial): BetterReading {
  return { name, metric, samples, asGiven, value, settings, p, order };
}

export function finding(given: Judged, status: Sanity['status'], best: BetterReading | null, sentence: string): Sanity {
  const { metric, count, value, chance } = given;
  const asGiven = Number.isFinite(value) ? value : null;
  return { status, metric, samples: count, asGiven, chance, best, alike: [], sentence };
}

export const percentText = (value: number): string => (100 * value).toFixed(2);

const metricTexts: Readonly<Record<SanityMetric, (value: number) => string>> = {
  accuracy: (value) => phrase('metric.accuracy', { percent: percentText(value) }),
  logLoss: (value) => phrase('metric.logLoss', { value: value.toFixed(4) }),
  r2: (value) => phrase('metric.r2', { value: value.toFixed(3) }),
  miou: (value) => phrase('metric.miou', { percent: percentText(value) }),
};

const shown = ({ metric, value }: Pick<Judged, 'metric' | 'value'>): string => {
  const text = metricTexts[metric](value);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};

const chanceText = ({ metric, chance }: Judged): string =>
  metric === 'r2' ? phrase('chance.mean') : phrase('chance.guess', { percent: percentText(chance) });

/** What gains most; of ways to prepare the inputs that gain nearly as much, the one that changes least. */
function bestOf(better: readonly Trial[]): Trial | null {
  const [first, ...rest] = better.toSorted((a, b) => gainOf(b) - gainOf(a));
  if (first === undefined || first.order !== null) return first ?? null;
  const near = rest.filter(
    (other) => other.order === null && other.metric === first.metric && gainOf(first) - gainOf(other) < alikeGain,
  );
  return near.reduce((best, other) => (other.settings.length < best.settings.length ? other : best), first);
}

/** Of the order of the classes there are several trials, which say the same. */
function isAlike(other: Trial, best: Trial): boolean {
  const isAnotherKind = other.metric === best.metric && (other.order === null) !== (best.order === null);
  return isAnotherKind && gainOf(best) - gainOf(other) < alikeGain;
}

export function betterSentence(
  { name, metric, samples, asGiven, value }: Omit<BetterReading, 'p'>,
  alike: readonly Pick<BetterReading, 'name'>[] = [],
): string {
  const text = metricTexts[metric];
  return [
    phrase('sanity.better', { AsGiven: text(asGiven), count: samples, Reading: name, Value: text(value) }),
    ...alike.slice(0, 1).map((other) => phrase('sanity.alike', { Reading: other.name })),
  ].join(' ');
}

export function guessSentence(given: Judged): string {
  const name = given.metric === 'r2' ? 'sanity.worseThanMean' : 'sanity.guess';
  return phrase(name, { Metric: shown(given), count: given.count });
}

/** @param chance what a model reaches that has learned nothing, a phrase */
export function fineSentence(given: Judged, chance: string): string {
  return phrase('sanity.fine', { Metric: shown(given), count: given.count, Chance: chance });
}
