import { printable } from '../printable.js';
import type { RunHooks, RunPhase } from '../run/hooks.js';
import type { TextOutput } from './io.js';
import { readingLines } from './reading-lines.js';

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

const phases: Readonly<Record<RunPhase, string>> = {
  load: 'reading the model',
  data: 'reading the data',
  baseline: 'evaluating the original model',
  'learning-rate': 'looking for a learning rate',
  train: 'training',
  judge: 'evaluating the trained models',
  write: 'writing',
};

export function createProgress({ output, live, arms, now = () => performance.now() }: ProgressOptions): Progress {
  let drawn = false;
  let last = Number.NEGATIVE_INFINITY;
  let arm = '';
  let started = 0;

  const clear = () => {
    if (drawn) output.write('\r\x1b[2K');
    drawn = false;
  };
  const keep = (line: string) => {
    clear();
    output.write(`${printable(line)}\n`);
  };
  /** A line that the next one replaces; where nothing can be redrawn, one that stays. */
  const show = (line: string) => {
    if (!live) return keep(line);
    clear();
    // a line that wraps could not be taken back
    output.write(printable(line).slice(0, widthOf(output) - 1));
    drawn = true;
  };

  return {
    onPhase(phase) {
      show(phases[phase]);
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
          `in which ${epochs >= epochsAsked ? 'all' : `${epochs.toFixed(1)} of`} ${epochsAsked} epochs fit (${steps} steps in each arm)`,
      );
    },
    onArm(name, seed, trainSamples) {
      started++;
      arm = `${name} ${started}/${arms}`;
      show(`${arm}: ${trainSamples} training samples, seed ${seed}`);
      last = now();
    },
    onStep(_, { epoch, epochs, step, stepsPerEpoch, loss, samplesPerSecond, secondsLeft }) {
      if (now() - last < (live ? redrawMs : plainMs)) return;
      last = now();
      show(
        `${arm}: epoch ${epoch}/${epochs}, step ${step}/${stepsPerEpoch}, loss ${figure(loss)}, ` +
          `${Math.round(samplesPerSecond)} samples/s, ${clock(secondsLeft)} left`,
      );
    },
    onRetreat(name, { epoch, step, learningRate }) {
      keep(
        `${name}: diverged in epoch ${epoch}, at step ${step}; it begins again at the learning rate ${learningRate}`,
      );
    },
    onEpoch(_, { epoch, trainLoss, validationLoss, validationMetric }) {
      if (live) return;
      last = now();
      const figures = [
        ...(trainLoss === null ? [] : [`training loss ${figure(trainLoss)}`]),
        ...(validationLoss === null ? [] : [`validation loss ${figure(validationLoss)}`]),
        ...(validationMetric === null ? [] : [`validation metric ${figure(validationMetric)}`]),
      ];
      keep(`${arm}: epoch ${epoch}${epoch === 0 ? ' (untrained)' : ''}, ${figures.join(', ')}`);
    },
    note: keep,
    warn: (message) => keep(`warning: ${message}`),
    end: clear,
  };
}

function figure(value: number): string {
  return value.toPrecision(4);
}

/** A terminal that does not tell its width says 0. */
function widthOf({ columns = 0 }: TextOutput): number {
  return columns > 0 ? columns : 80;
}

/** Minutes and seconds, 1:05, with hours where there are any, 1:02:05. */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (part: number) => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
