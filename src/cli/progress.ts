import type { RunHooks, RunPhase } from '../run/hooks.js';
import type { StepReport } from '../training/arm.js';
import type { TextOutput } from './io.js';
import { readingLines } from './reading-lines.js';
import { bar, redrawnLine, roomIn, widthOf } from './redrawn-line.js';

/** Draws what a run tells. */
export interface Progress extends Omit<RunHooks, 'signal'> {
  /** Takes the redrawn line away; whoever writes to the same output next finds it clean. */
  end(): void;
}

export interface ProgressOptions {
  readonly output: TextOutput;
  /** redraw one line; otherwise plain lines, one under the other */
  readonly live: boolean;
  /** how many arms are trained in all */
  readonly arms: number;
  /** milliseconds */
  readonly now?: () => number;
}

const redrawMs = 100;
const plainMs = 10_000;

/** What a run is doing, in words for a line that is replaced. */
export const phaseWords: Readonly<Record<RunPhase, string>> = {
  load: 'reading the model',
  data: 'reading the data',
  baseline: 'evaluating the original model',
  'learning-rate': 'looking for a learning rate',
  search: 'looking for a recipe',
  train: 'training',
  judge: 'evaluating the trained models',
  explain: 'measuring what explains it',
  write: 'writing',
};

/** An arm under way. */
interface ArmUnderWay {
  /** 'control 1/2' */
  readonly title: string;
  /** milliseconds */
  readonly began: number;
  /** the largest share of its training that was done so far, in [0, 1] */
  share: number;
  /** 'epoch 3/5' */
  epochs: string;
}

export function createProgress({ output, live, arms, now = () => performance.now() }: ProgressOptions): Progress {
  const { show: draw, settle, keep, clear } = redrawnLine(output);
  let last = Number.NEGATIVE_INFINITY;
  let arm: ArmUnderWay | null = null;
  let started = 0;

  /** A line that the next one replaces; where nothing can be redrawn, one that stays. */
  const show = (line: string) => (live ? draw(line) : keep(line));
  /** On a terminal an arm that is trained leaves its bar behind. */
  const finish = () => {
    if (live && arm !== null && arm.share > 0) {
      const { title, epochs, began } = arm;
      const took = clock((now() - began) / 1000);
      draw(title, barBetween(1, output, [title, epochs, took]), epochs, took);
      settle();
      arm = null;
    }
  };

  return {
    onPhase(phase) {
      finish();
      show(phaseWords[phase]);
      last = now();
    },
    onReading(reading) {
      for (const line of readingLines(reading)) keep(line);
    },
    onRangeTest({ learningRate }) {
      if (!live) keep(`learning rate ${learningRate}`);
    },
    onBudget({ seconds, evaluationSeconds, arms: trained, armSeconds, steps, epochs, epochsAsked }) {
      const about = (value: number): string => `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} s`;
      keep(
        `budget ${about(seconds)}: about ${about(evaluationSeconds)} for evaluation, ${trained} x ${about(armSeconds)} for training, ` +
          `in which ${epochsFitting(epochs, epochsAsked)} (${steps} steps in each arm)`,
      );
    },
    onTrial({ arm: name, recipe, trial, trials, rung, rungs }) {
      finish();
      arm = {
        title: `search ${rung}/${rungs}: ${name} ${trial}/${trials}, ${recipe}`,
        began: now(),
        share: 0,
        epochs: '',
      };
      show(arm.title);
      last = now();
    },
    onArm(name, seed, trainSamples) {
      finish();
      started++;
      arm = { title: `${name} ${started}/${arms}`, began: now(), share: 0, epochs: '' };
      show(`${arm.title}: ${trainSamples} training samples, seed ${seed}`);
      last = now();
    },
    onStep(_, report) {
      if (arm === null) return;
      const { epoch, epochs, step, stepsPerEpoch, loss, samplesPerSecond, secondsLeft } = report;
      arm.share = Math.max(arm.share, shareDone(report, (now() - arm.began) / 1000));
      arm.epochs = `epoch ${epoch}/${epochs}`;
      if (now() - last < (live ? redrawMs : plainMs)) return;
      last = now();
      const lossText = `loss ${figure(loss)}`;
      const speed = `${Math.round(samplesPerSecond)} samples/s`;
      const left = `${clock(secondsLeft)} left`;
      if (!live) {
        keep(`${arm.title}: ${arm.epochs}, step ${step}/${stepsPerEpoch}, ${lossText}, ${speed}, ${left}`);
        return;
      }
      const percent = `${Math.floor(100 * arm.share)} %`.padStart(5);
      const drawn = barBetween(arm.share, output, [arm.title, percent, left]);
      draw(arm.title, drawn, percent, left, arm.epochs, lossText, speed);
    },
    onRetreat(name, { epoch, step, learningRate }) {
      keep(
        `${name}: diverged in epoch ${epoch}, at step ${step}; it begins again at the learning rate ${learningRate}`,
      );
    },
    onEpoch(_, { epoch, trainLoss, validationLoss, validationMetric }) {
      if (live || arm === null) return;
      last = now();
      const figures = [
        ...(trainLoss === null ? [] : [`training loss ${figure(trainLoss)}`]),
        ...(validationLoss === null ? [] : [`validation loss ${figure(validationLoss)}`]),
        ...(validationMetric === null ? [] : [`validation metric ${figure(validationMetric)}`]),
      ];
      keep(`${arm.title}: epoch ${epoch}${epoch === 0 ? ' (untrained)' : ''}, ${figures.join(', ')}`);
    },
    onVerdict: ({ verdict, why }) => keep(`verdict: ${verdict}. ${why}`),
    note: keep,
    warn: (message) => keep(`warning: ${message}`),
    end: clear,
  };
}

/**
 * How much of an arm's training is done, in [0, 1]: by its steps, or by the time that it has, where that ends first. Of an arm that is
 * resumed, only the steps know.
 */
function shareDone({ epoch, epochs, step, stepsPerEpoch, secondsLeft }: StepReport, secondsSpent: number): number {
  const bySteps = (epoch - 1 + step / stepsPerEpoch) / epochs;
  const byTime = secondsSpent / (secondsSpent + Math.max(0, secondsLeft));
  return Math.max(bySteps, Number.isFinite(byTime) ? byTime : 0);
}

const widestBar = 32;

/** A bar that leaves room for what matters more; '' in a terminal that has none for it. */
function barBetween(share: number, output: TextOutput, others: readonly string[]): string {
  const taken = others.reduce((places, other) => places + widthOf(other) + 2, 0);
  return bar(share, Math.min(widestBar, roomIn(output) - taken));
}

function figure(value: number): string {
  return value.toPrecision(4);
}

/** Minutes and seconds, 1:05, with hours where there are any, 1:02:05. */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (part: number) => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function epochsFitting(epochs: number, asked: number | null): string {
  if (asked === null) return `what is chosen has ${epochs.toFixed(1)} epochs`;
  return `${epochs >= asked ? 'all' : `${epochs.toFixed(1)} of`} ${asked} epochs fit`;
}
