import { setImmediate } from 'node:timers/promises';
import { parametersIn } from '../autodiff/step.js';
import { ExecutionError, Failure } from '../contract/failure.js';
import type { CurvePoint } from '../contract/result.js';
import type { Schedule } from '../contract/settings.js';
import type { Graph } from '../model/graph.js';
import { type Criterion, isBetter, type Validation } from './criterion.js';
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
  /** the wall-clock share of this arm; null for none */
  readonly budgetSeconds: number | null;
  /** epochs without a better validation after which training stops */
  readonly patience: number;
  readonly learningRate: number;
  readonly offsetLearningRate: number;
  readonly schedule: Schedule;
  readonly criterion: Criterion;
}

/** How an arm is trained and what its values mean. */
export interface ArmSubject {
  readonly stepper: Stepper;
  readonly batches: TrainingBatches;
  /** the model with trained values in place, as it would be written */
  bake(parameters: ReadonlyMap<string, Float32Array>): Graph;
  validate(graph: Graph): Promise<Validation>;
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
  readonly best: Best | null;
  readonly curve: readonly CurvePoint[];
  readonly finished: boolean;
}

interface Best {
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
  /** called after every epoch, and when the signal stops the arm */
  save(progress: ArmProgress): Promise<void>;
  readonly signal: AbortSignal;
}

export interface ArmOutcome {
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly bestEpoch: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly samplesPerSecond: number | null;
  readonly curve: readonly CurvePoint[];
}

/**
 * Trains one arm: shuffled batches, a validation after each epoch on the model as it would be written, the best state
 * kept, an early stop after `patience` epochs without a better one. Epoch 0, the untrained model, stands in the curve
 * but is no candidate: an arm is a trained model, and the acceptance rule guards against a worse one.
 * @throws Failure('interrupted') after saving, when the signal fires or the device fails; Failure('input') when the loss is
 * no longer a number
 */
export async function trainArm(
  subject: ArmSubject,
  settings: ArmSettings,
  hooks: ArmHooks,
  from: ArmProgress | null = null,
): Promise<ArmOutcome> {
  const { stepper, batches } = subject;
  const stepsPerEpoch = Math.ceil(batches.count / batches.batchSize);
  const totalSteps = stepsPerEpoch * settings.epochs;
  if (from !== null) await stepper.write(from.state, from.steps, batches.batchSize);

  let { epoch, step, steps, seconds, lossSum, sampleCount, best } = from ?? start;
  const curve: CurvePoint[] = [...(from?.curve ?? [])];
  if (curve.length === 0) {
    const validation = await subject.validate(subject.bake(await currentParameters(subject)));
    curve.push(curvePoint(0, 0, 0, null, validation));
    hooks.onEpoch(curve[0] ?? curvePoint(0, 0, 0, null, validation));
  }
  let samples = curve.at(-1)?.samples ?? 0;
  let trainedHere = 0;
  const secondsBefore = seconds;
  const progress = (ahead = 0): number =>
    settings.budgetSeconds === null
      ? (steps + ahead) / totalSteps
      : Math.max((steps + ahead) / totalSteps, seconds / settings.budgetSeconds);
  const stand = async (finished: boolean): Promise<ArmProgress> => ({
    epoch,
    step,
    steps,
    seconds,
    lossSum,
    sampleCount,
    state: await stepper.read(),
    best,
    curve,
    finished,
  });

  const onDevice = <T>(work: Promise<T>): Promise<T> =>
    work.catch(async (cause) => {
      if (!(cause instanceof ExecutionError) || stepper.provider === 'cpu') throw cause;
      const standing = await stand(false).catch(() => null);
      if (standing !== null) await hooks.save(standing);
      throw deviceFailure(stepper.provider, cause, steps, standing !== null, epoch);
    });

  // an epoch that was stopped after its last step has yet to be validated
  while (epoch < settings.epochs && (progress() < 1 || step > 0) && from?.finished !== true) {
    const feeds = progress() < 1 ? batches.epoch(epoch + 1, step) : [];
    for await (const group of inGroups(feeds, await stepper.stepsPerCall(batches.batchSize))) {
      const began = performance.now();
      const rates = group.map((_, i) => {
        const factor = scheduleFactor(settings.schedule, progress(i));
        return { weights: settings.learningRate * factor, sites: settings.offsetLearningRate * factor };
      });
      const losses = await onDevice(stepper.runAll(group, rates));
      const secondsPerStep = (performance.now() - began) / 1000 / group.length;
      for (const [i, { count }] of group.entries()) {
        const loss = losses[i] ?? Number.NaN;
        if (!Number.isFinite(loss)) {
          throw new Failure('input', {
            what: `The training diverged: the loss is ${loss} at step ${steps + 1} with the learning rate ${settings.learningRate}.`,
            cure: 'Choose a smaller learning rate.',
            settings: ['learningRate'],
          });
        }
        seconds += secondsPerStep;
        step++;
        steps++;
        trainedHere += count;
        lossSum += loss * count;
        sampleCount += count;
        const rate = trainedHere / (seconds - secondsBefore);
        const stepsLeft = Math.max(0, totalSteps - steps) * (batches.batchSize / rate);
        const secondsLeft =
          settings.budgetSeconds === null ? stepsLeft : Math.min(stepsLeft, settings.budgetSeconds - seconds);
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
        await hooks.save(await stand(false));
        throw new Failure('interrupted', {
          what: 'The training was interrupted; its state is saved.',
          cure: 'Resume the run to go on from there.',
          settings: ['resume'],
        });
      }
      if (progress() >= 1) break;
    }
    const parameters = await onDevice(currentParameters(subject));
    const validation = await onDevice(subject.validate(subject.bake(parameters)));
    epoch++;
    samples += sampleCount;
    const point = curvePoint(epoch, steps, samples, lossSum / sampleCount, validation);
    curve.push(point);
    hooks.onEpoch(point);
    if (best === null || isBetter(settings.criterion, validation, best.validation)) {
      best = { epoch, validation, parameters };
    }
    step = 0;
    lossSum = 0;
    sampleCount = 0;
    const finished = epoch - best.epoch >= settings.patience || epoch >= settings.epochs || progress() >= 1;
    await hooks.save(await stand(finished));
    if (finished) break;
  }
  if (best === null) throw new Error('an arm ended without an epoch');
  return {
    parameters: best.parameters,
    bestEpoch: best.epoch,
    epochs: epoch,
    seconds,
    samplesPerSecond: seconds > 0 ? samples / seconds : null,
    curve,
  };
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

const start = {
  epoch: 0,
  step: 0,
  steps: 0,
  seconds: 0,
  lossSum: 0,
  sampleCount: 0,
  best: null as Best | null,
};

async function currentParameters({ stepper, batches }: ArmSubject): Promise<Map<string, Float32Array>> {
  const { groups, carried } = await stepper.step(batches.batchSize);
  const state = await stepper.read();
  const parameters = parametersIn(groups, state);
  for (const { name, input } of carried) parameters.set(name, state.get(input) ?? new Float32Array());
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
