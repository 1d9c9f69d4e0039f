import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { intersectionOverUnion, type MaskScores } from '../evaluation/metrics/masks.js';
import { metricOf } from '../evaluation/metrics.js';
import { bootstrapBca, holm } from '../evaluation/paired.js';
import type { InputCandidate } from './input-candidates.js';
import {
  type BetterReading,
  betterSentence,
  finding,
  fineSentence,
  guessSentence,
  type Judged,
  leastGain,
  level,
  percentText,
  type Sanity,
} from './sanity.js';
import { meanTest } from './statistics.js';

export interface MaskSanityQuestion {
  /** other ways of preparing the inputs */
  readonly inputs: readonly InputCandidate[];
  /** the answers with the inputs prepared in this way; null: as given. A Failure means that this way does not fit the data */
  predict(candidate: InputCandidate | null): Promise<MaskScores>;
}

/** Fewer images say nothing, though each has many pixels: those of one image are right or wrong together. */
const enoughImages = 8;

/** The level of the test for a guess, as for classes. */
const guessConfidence = 0.98;
const guessResamples = 500;

/**
 * Whether a model does on images with masks what a trained model does, as `checkReading` asks of rows: its mean IoU is above that of
 * the one class that fits best everywhere, and no other usual way of preparing the images is far better. Images are what is drawn
 * and compared, never pixels.
 */
export async function checkMaskReading({ inputs, predict }: MaskSanityQuestion): Promise<Sanity> {
  const scores = await predict(null);
  const given = judge(scores);
  const { count } = given;
  if (count < enoughImages) {
    return finding(given, 'fine', null, phrase('sanity.tooFewImages', { count }));
  }
  if (scores.unanswered > 0) {
    return finding(given, 'suspect', null, phrase('sanity.nanPixels', { pixels: scores.unanswered, count }));
  }
  const trials: (BetterReading & { readonly isFar: boolean })[] = [];
  if (given.hasRoom) {
    for (const candidate of inputs) {
      const trial = await inputTrial(candidate, scores, given.value, predict);
      if (trial !== null) trials.push(trial);
    }
  }
  const adjusted = holm(trials.map(({ p }) => p));
  const better = trials.flatMap(({ isFar, ...trial }, i) => {
    const p = adjusted[i] ?? 1;
    return isFar && p < level ? [{ ...trial, p }] : [];
  });
  const [best] = better.sort((a, b) => b.value - a.value);
  if (best !== undefined) return finding(given, 'suspect', best, betterSentence(best));
  if (given.isGuess) return finding(given, 'suspect', null, guessSentence(given));
  const chance = phrase('chance.oneClass', { percent: percentText(given.chance) });
  return finding(given, 'fine', null, fineSentence(given, chance));
}

function judge(scores: MaskScores): Judged {
  const { images, classes } = scores;
  const all = Int32Array.from({ length: images }, (_, i) => i);
  const miou = metricOf(scores, { kind: 'mask', images, classes })('miou');
  const value = miou(all);
  const chance = oneClassEverywhere(scores);
  return {
    metric: 'miou',
    count: images,
    value,
    chance: chance(all),
    isGuess: isGuess(images, (indices) => miou(indices) - chance(indices)),
    hasRoom: value <= 1 - leastGain,
  };
}

/** What it reaches may be chance, and the images suffice to say that it is not 5 points above it. */
function isGuess(images: number, above: (indices: Int32Array) => number): boolean {
  const { interval } = bootstrapBca(images, above, { confidence: guessConfidence, resamples: guessResamples });
  return interval !== null && interval[0] <= 0 && interval[1] < leastGain;
}

/**
 * The mean IoU of an answer that is the most frequent class everywhere: its share of the pixels, 0 for the other classes that occur.
 */
function oneClassEverywhere({ actual, classes }: MaskScores): (indices: Int32Array) => number {
  return (indices) => {
    const pixels = new Float64Array(classes);
    for (const i of indices) {
      for (let c = 0; c < classes; c++) pixels[c] = (pixels[c] ?? 0) + (actual[i * classes + c] ?? 0);
    }
    const total = pixels.reduce((sum, count) => sum + count, 0);
    return Math.max(...pixels) / total / pixels.filter((count) => count > 0).length;
  };
}

async function inputTrial(
  { name, settings, ...candidate }: InputCandidate,
  given: MaskScores,
  asGiven: number,
  predict: MaskSanityQuestion['predict'],
): Promise<(BetterReading & { readonly isFar: boolean }) | null> {
  const scores = await predict({ name, settings, ...candidate }).catch((error: unknown) => {
    if (error instanceof Failure) return null;
    throw error;
  });
  if (scores === null || scores.unanswered > 0) return null;
  const { images, classes } = scores;
  const all = Int32Array.from({ length: images }, (_, i) => i);
  const value = metricOf(scores, { kind: 'mask', images, classes })('miou')(all);
  const { p } = meanTest(meanIousByImage(scores), meanIousByImage(given));
  return {
    name,
    metric: 'miou',
    samples: images,
    asGiven,
    value,
    settings,
    p,
    isFar: value - asGiven >= leastGain,
    order: null,
  };
}

/** Of each image, over the classes that it shows; 0 for an image of which no pixel counts. */
export function meanIousByImage(scores: MaskScores): Float64Array {
  const ofClass = Array.from({ length: scores.classes }, (_, label) => intersectionOverUnion(scores, label));
  return Float64Array.from({ length: scores.images }, (_, image) => {
    const only = Int32Array.of(image);
    const ious = ofClass.map((iou) => iou(only)).filter((iou) => !Number.isNaN(iou));
    return ious.length === 0 ? 0 : ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
  });
}
