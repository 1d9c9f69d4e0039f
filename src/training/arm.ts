import { setImmediate } from 'node:timers/promises';
import { parametersIn } from '../autodiff/step.js';
import { ExecutionError, Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { CurvePoint } from '../contract/result.js';
import type { Schedule } from '../contract/settings.js';
import type { Graph } from '../model/graph.js';
import type { SiteParameters } from '../model/plan.js';
import { type Criterion, isBetter, type Validation } from './criterion.js';
import { averagedFrom, type EpochAverage, withEpoch } from './epoch-average.js';
import { scheduleFactor } from './schedule.js';
import type { StepFeed, Stepper, StepState } from './stepper.js';

/** Training data as a loop sees it: the same batches for the same epoch, whichever arm asks. */
export interface TrainingBatches {
  /** samples per epoch */
  readonly count: number;
  readonly batchSize: number;
  /** the batches of an epoch, from batch `from` on */
  epoch(epoch: number, from: number): AsyncIterable<StepFeed>;
}

export interface ArmSettings {
  readonly epochs: number;
  /** at most, with which the schedule ends too, in the middle of an epoch or not; null: those of all epochs */
  readonly steps: number | null;
  /** epochs without a better validation after which training stops */
  readonly patience: number;
  readonly learningRate: number;
  readonly offsetLearningRate: number;
  readonly schedule: Schedule;
  /** over which the rate rises linearly at first: a share of the training below 1, else steps; 0 for none */
  readonly warmup: number;
  /**
   * the result is the mean over the ends of the epochs of the second half, during which the rate stays where the schedule had come to by
   * then
   */
  readonly averagesEpochs: boolean;
  readonly criterion: Criterion;
}

/** How an arm is trained and what its values mean. */
export interface ArmSubject {
  readonly stepper: Stepper;
  readonly batches: TrainingBatches;
  /** averaged parameters with running statistics that are theirs; left out: averages are as good without */
  settle?(parameters: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>>;
  /** the model with trained values in place, as it would be written */
  bake(parameters: ReadonlyMap<string, Float32Array>): Graph;
  validate(graph: Graph): Promise<Validation>;
  /** how the untrained model validates, where that is known already */
  readonly untrained?: Validation;
}

/** Where an arm stands: enough to go on from exactly here. */
export interface ArmProgress {
  /** finished epochs, and steps taken in the one under way */
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
  readonly seconds: number;
  /** the sum of losses over the samples of the epoch under way */
  readonly lossSum: number;
  readonly sampleCount: number;
  readonly state: StepState;
  /** the steps that led to `state`, which AdamW counts: fewer than `steps` after a retreat to an earlier epoch */
  readonly stateSteps: number;
  /** what the best epoch ended with, which an arm goes back to when it diverges; null where that is `state` */
  readonly bestState: KeptState | null;
  /** over the epochs that were averaged so far; null: none was */
  readonly average: EpochAverage | null;
  readonly retreats: readonly Retreat[];
  readonly best: Best;
  readonly curve: readonly CurvePoint[];
  readonly finished: boolean;
}

export interface KeptState {
  readonly state: StepState;
  /** that led to it */
  readonly steps: number;
  /** over the epochs until then */
  readonly average: EpochAverage | null;
}

/**
 * The arm diverged in `epoch`, at `step` of the whole training (both from 1), and began the epoch again from its best state, at
 * `learningRate`.
 */
export interface Retreat {
  readonly epoch: number;
  readonly step: number;
  /** the weights' rate from here on, before the schedule; that of shifts and offsets is halved with it */
  readonly learningRate: number;
}

export interface Best {
  /** 0: the model as it came */
  readonly epoch: number;
  readonly validation: Validation;
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

/** Every step says how things stand; whoever draws decides how often to look. */
export interface StepReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly loss: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
}

export interface ArmHooks {
  onStep(report: StepReport): void;
  onEpoch(point: CurvePoint): void;
  onRetreat?(retreat: Retreat): void;
  /** called after every epoch, and when the signal stops the arm */
  save(progress: ArmProgress): Promise<void>;
  readonly signal: AbortSignal;
}

export interface ArmOutcome {
  /** those of the best epoch; of epoch 0, the model as it came, where no epoch was better */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly bestEpoch: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly samplesPerSecond: number | null;
  readonly curve: readonly CurvePoint[];
  readonly retreats: readonly Retreat[];
  /** what of its sites was taken back; left out: nobody looked */
  readonly ablation?: Ablation;
}

/** An arm without what it learned at some of its sites. */
export interface Ablation {
  readonly sites: readonly AblatedSites[];
  /** without those that were taken back; null where there was nothing to look at */
  readonly validation: Validation | null;
}

/** Sites that were looked at together: as one has them, or as they are neighbours in a network of many. */
export interface AblatedSites {
  readonly sites: readonly string[];
  /** of the frelu arm: their shifts and offsets before; empty for the control arm */
  readonly parameters: readonly SiteParameters[];
  readonly kept: Validation;
  readonly without: Validation;
  /** that it is better without them by chance alone; null: it is not better */
  readonly pValue: number | null;
  readonly reverted: boolean;
}

/** An outcome with where the training ended, which may be worse than what was kept, and on the way to something better. */
export interface EndedArm extends ArmOutcome {
  readonly reached: ReadonlyMap<string, Float32Array>;
}

/** How many times the best validation loss one may be that is still that of a training, not of a ruin. */
const ruinous = 10;

/** Whether an epoch has left nothing of what the best one was, in numbers that are finite still. */
function isRuined({ loss }: Validation, best: Validation): boolean {
  return Number.isFinite(best.loss) && !(loss <= ruinous * best.loss);
}

/** An arm that diverges at this many rates, each half of the one before, is given up with the next. */
const mostRetreats = 3;

/**
 * Trains one arm: shuffled batches, a validation after each epoch on the model as it would be written, the best state
 * kept, an early stop after `patience` epochs without a better one. Epoch 0, the untrained model, is the first candidate: an arm
 * that no epoch makes better is the model as it came.
 *
 * Where the loss, or what a step made of the state, is no longer finite, the epoch begins again at half the learning rate, from the
 * state of the best epoch so far: the one before may be on its way to infinity already.
 * From a saved progress on, an arm computes what it would have without the interruption, bit for bit.
 * @throws Failure('interrupted') after saving, when the signal fires or the device fails; Failure('input') when it diverges
 * after `mostRetreats` halvings
 */
export async function trainArm(
  subject: ArmSubject,
  settings: ArmSettings,
  hooks: ArmHooks,
  from: ArmProgress | null = null,
): Promise<EndedArm> {
  if (from?.finished === true) {
    return { ...outcomeOf(from), reached: await meaningOf(subject, from.state, from.average) };
  }
  const { stepper, batches } = subject;
  const stepsPerEpoch = Math.ceil(batches.count / batches.batchSize);
  const totalSteps = Math.min(settings.steps ?? Number.POSITIVE_INFINITY, stepsPerEpoch * settings.epochs);
  if (from !== null) await stepper.write(from.state, from.stateSteps, batches.batchSize);

  let { epoch, step, steps, seconds, lossSum, sampleCount } = from ?? start;
  let average = from?.average ?? null;
  const curve: CurvePoint[] = [...(from?.curve ?? [])];
  const retreats: Retreat[] = [...(from?.retreats ?? [])];
  let bestState: KeptState = from?.bestState ?? {
    state: from?.state ?? (await readState(subject)),
    steps: stepper.steps,
    average,
  };
  let reached: ReadonlyMap<string, Float32Array> | null = null;
  let best = from?.best ?? (await untrained(subject, bestState.state));
  if (from === null) {
    const point = curvePoint(0, 0, 0, null, best.validation);
    curve.push(point);
    hooks.onEpoch(point);
  }
  let samples = present(curve.at(-1), 'the curve of an arm').samples;
  let trainedHere = 0;
  const secondsBefore = seconds;
  const progress = (ahead = 0): number => (steps + ahead) / totalSteps;
  const stand = (finished: boolean, state: StepState): ArmProgress => ({
    epoch,
    step,
    steps,
    seconds,
    lossSum,
    sampleCount,
    state,
    stateSteps: stepper.steps,
    bestState: step === 0 && best.epoch === epoch ? null : bestState,
    average,
    retreats: [...retreats],
    best,
    curve: [...curve],
    finished,
  });

  const onDevice = <T>(work: Promise<T>): Promise<T> =>
    work.catch(async (cause) => {
      if (!(cause instanceof ExecutionError) || stepper.provider === 'cpu') throw cause;
      const state = await stepper.read().catch(() => null);
      if (state !== null) await hooks.save(stand(false, state));
      throw deviceFailure(stepper.provider, cause, steps, state !== null, epoch);
    });

  /** Back to the beginning of the epoch, with the best state, at half the rate. */
  const retreat = async (diverged: Divergence): Promise<void> => {
    const learningRate = settings.learningRate / 2 ** (retreats.length + 1);
    if (retreats.length === mostRetreats) throw divergenceFailure(diverged, 2 * learningRate);
    await onDevice(stepper.write(bestState.state, bestState.steps, batches.batchSize));
    steps -= step;
    step = 0;
    lossSum = 0;
    sampleCount = 0;
    average = bestState.average;
    const turn = { epoch: epoch + 1, step: diverged.step, learningRate };
    retreats.push(turn);
    hooks.onRetreat?.(turn);
  };

  /** The rest of the epoch's steps; what went wrong, if anything did. */
  const takeSteps = async (): Promise<Divergence | null> => {
    const feeds = progress() < 1 ? first(batches.epoch(epoch + 1, step), totalSteps - steps) : [];
    for await (const group of inGroups(feeds, stepper.stepsPerCall)) {
      const began = performance.now();
      const rates = group.map((_, i) => {
        const factor = rateFactor(settings, progress(i), steps + i, totalSteps) / 2 ** retreats.length;
        return { weights: settings.learningRate * factor, sites: settings.offsetLearningRate * factor };
      });
      const losses = await onDevice(stepper.runAll(group, rates));
      const secondsPerStep = (performance.now() - began) / 1000 / group.length;
      for (const [i, { count }] of group.entries()) {
        const loss = present(losses[i], `the loss of step ${steps + 1}`);
        seconds += secondsPerStep;
        if (!Number.isFinite(loss)) return { step: steps + 1, what: `the loss is ${loss}` };
        step++;
        steps++;
        trainedHere += count;
        lossSum += loss * count;
        sampleCount += count;
        const rate = trainedHere / (seconds - secondsBefore);
        const secondsLeft = Math.max(0, totalSteps - steps) * (batches.batchSize / rate);
        hooks.onStep({
          epoch: epoch + 1,
          epochs: settings.epochs,
          step,
          stepsPerEpoch,
          loss,
          samplesPerSecond: rate,
          secondsLeft,
        });
      }
      // ONNX Runtime computes on this thread: timers and signals get their turn here
      await setImmediate();
      if (hooks.signal.aborted) {
        await hooks.save(stand(false, await stepper.read()));
        throw new Failure('interrupted', {
          what: 'The training was interrupted; its state is saved.',
          cure: 'Resume the run to go on from there.',
          settings: ['resume'],
        });
      }
      if (progress() >= 1) break;
    }
    return null;
  };

  // an epoch that was stopped after its last step has yet to be validated
  while (epoch < settings.epochs && (progress() < 1 || step > 0)) {
    const diverged = await takeSteps();
    if (diverged !== null) {
      await retreat(diverged);
      continue;
    }
    const state = await onDevice(readState(subject));
    if (!allFinite(state)) {
      // the last step's gradient was too large: its loss was of the state before it
      await retreat({ step: steps, what: 'a parameter is no longer a finite number' });
      continue;
    }
    const { parameters, over } = await onDevice(endOfEpoch(subject, settings, state, average, progress()));
    const validation = await onDevice(subject.validate(subject.bake(parameters)));
    if (retreats.length < mostRetreats && isRuined(validation, best.validation)) {
      await retreat({ step: steps, what: `the validation loss is ${validation.loss}` });
      continue;
    }
    epoch++;
    average = over;
    reached = parameters;
    samples += sampleCount;
    const point = curvePoint(epoch, steps, samples, lossSum / sampleCount, validation);
    curve.push(point);
    hooks.onEpoch(point);
    if (isBetter(settings.criterion, validation, best.validation)) {
      best = { epoch, validation, parameters };
      bestState = { state, steps: stepper.steps, average };
    }
    step = 0;
    lossSum = 0;
    sampleCount = 0;
    const finished = epoch - best.epoch >= settings.patience || epoch >= settings.epochs || progress() >= 1;
    await hooks.save(stand(finished, state));
    if (finished) break;
  }
  return { ...outcomeOf({ best, epoch, seconds, curve, retreats }), reached: reached ?? best.parameters };
}

function outcomeOf({
  best,
  epoch,
  seconds,
  curve,
  retreats,
}: Pick<ArmProgress, 'best' | 'epoch' | 'seconds' | 'curve' | 'retreats'>): ArmOutcome {
  const { samples } = present(curve.at(-1), 'the curve of an arm');
  return {
    parameters: best.parameters,
    bestEpoch: best.epoch,
    epochs: epoch,
    seconds,
    samplesPerSecond: seconds > 0 ? samples / seconds : null,
    curve,
    retreats,
  };
}

/** What the rates are multiplied by for the step after `steps`, at `progress` of the training. */
function rateFactor(
  { schedule, warmup, averagesEpochs }: ArmSettings,
  progress: number,
  steps: number,
  totalSteps: number,
): number {
  const scheduled = averagesEpochs ? Math.min(progress, averagedFrom) : progress;
  const risen = warmup < 1 ? (progress + 1 / totalSteps) / warmup : (steps + 1) / warmup;
  return scheduleFactor(schedule, scheduled) * Math.min(1, risen);
}

/** What an epoch is judged by, the parameters that its state means or their mean over the epochs, and that mean. */
async function endOfEpoch(
  subject: ArmSubject,
  { averagesEpochs }: ArmSettings,
  state: StepState,
  average: EpochAverage | null,
  progress: number,
): Promise<{ readonly parameters: ReadonlyMap<string, Float32Array>; readonly over: EpochAverage | null }> {
  const ended = await parametersOf(subject, state);
  const over = averagesEpochs && progress > averagedFrom ? withEpoch(average, ended) : average;
  return { parameters: await settled(subject, over?.parameters ?? ended, over), over };
}

/** The parameters that a state at the end of an epoch means, or the mean over the epochs that it ends. */
async function meaningOf(
  subject: ArmSubject,
  state: StepState,
  over: EpochAverage | null,
): Promise<ReadonlyMap<string, Float32Array>> {
  return settled(subject, over?.parameters ?? (await parametersOf(subject, state)), over);
}

/** A mean has statistics of its own. */
async function settled(
  subject: ArmSubject,
  parameters: ReadonlyMap<string, Float32Array>,
  over: EpochAverage | null,
): Promise<ReadonlyMap<string, Float32Array>> {
  const isMean = over !== null || (await keepsAverage(subject));
  return isMean ? ((await subject.settle?.(parameters)) ?? parameters) : parameters;
}

/** Whether the steps themselves keep an average, which is then what a state means. */
async function keepsAverage({ stepper, batches }: ArmSubject): Promise<boolean> {
  const { groups } = await stepper.step(batches.batchSize);
  return groups.some(({ averageDecay }) => averageDecay !== null);
}

/** Where training left the finite numbers. */
interface Divergence {
  /** of the whole training, from 1 */
  readonly step: number;
  readonly what: string;
}

function divergenceFailure({ step, what }: Divergence, learningRate: number): Failure {
  return new Failure('input', {
    what: `The training diverges: at step ${step} ${what}, at the learning rate ${learningRate} too, after ${mostRetreats} halvings.`,
    cure: 'Choose a smaller learning rate.',
    settings: ['learningRate'],
  });
}

function allFinite(state: StepState): boolean {
  return [...state.values()].every((values) => values.every(Number.isFinite));
}

/** The first `count` batches. */
async function* first<T>(batches: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let given = 0;
  for await (const batch of batches) {
    yield batch;
    if (++given >= count) return;
  }
}

/** Batches by `size`, the last group smaller where they do not divide. */
async function* inGroups<T>(batches: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

const start = { epoch: 0, step: 0, steps: 0, seconds: 0, lossSum: 0, sampleCount: 0 };

/** The model as it came, as the first candidate. */
async function untrained(subject: ArmSubject, state: StepState): Promise<Best> {
  const parameters = await parametersOf(subject, state);
  const validation = subject.untrained ?? (await subject.validate(subject.bake(parameters)));
  return { epoch: 0, validation, parameters };
}

/** The state, which there is once a step is prepared. */
async function readState({ stepper, batches }: ArmSubject): Promise<StepState> {
  await stepper.step(batches.batchSize);
  return stepper.read();
}

/** What a state means for the model: trained values and running statistics, by the initializer. */
async function parametersOf({ stepper, batches }: ArmSubject, state: StepState): Promise<Map<string, Float32Array>> {
  const { groups, carried } = await stepper.step(batches.batchSize);
  const parameters = parametersIn(groups, state);
  for (const { name, input } of carried) parameters.set(name, present(state.get(input), `the state '${input}'`));
  return parameters;
}

/** What to do when the device fails between two epochs; `saved` says whether it still gave the state. */
function deviceFailure(device: string, cause: ExecutionError, steps: number, saved: boolean, epochs: number): Failure {
  const [kept, cure] = saved
    ? ['The state is saved.', 'Resume the run on the CPU to go on from there.']
    : epochs > 0
      ? [`The state after epoch ${epochs} is saved.`, 'Resume the run on the CPU to go on from there.']
      : ['What it had learned was lost with it.', 'Resume the run on the CPU: this arm starts again.'];
  const [why] = cause.message.split('\n');
  const what = `The device ${device} failed after step ${steps} (${why}). ${kept}`;
  return new Failure('interrupted', { what, cure, settings: ['resume', ['device', 'cpu']] }, { cause });
}

function curvePoint(
  epoch: number,
  step: number,
  samples: number,
  trainLoss: number | null,
  validation: Validation,
): CurvePoint {
  const { loss, metric } = validation;
  return {
    epoch,
    step,
    samples,
    trainLoss,
    validationLoss: Number.isFinite(loss) ? loss : null,
    validationMetric: metric,
  };
}
