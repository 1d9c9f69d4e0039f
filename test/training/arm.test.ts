import { describe, expect, it, vi } from 'vitest';
import type { Graph } from '../../src/model/graph.js';
import { readFloats, writeFloats } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import {
  type ArmHooks,
  type ArmOutcome,
  type ArmProgress,
  type ArmSettings,
  type ArmSubject,
  type Retreat,
  trainArm,
} from '../../src/training/arm.js';
import { scheduleFactor } from '../../src/training/schedule.js';
import type { StepFeed } from '../../src/training/stepper.js';
import { line, lineStepper } from './line.js';

const count = 10;
const batchSize = 4;

/** Towards y = 3 x: ten samples, in batches of four, four and two; `validations` stands in for what validation would say, epoch by epoch. */
function subject(validations?: readonly number[], averageDecay: number | null = null): ArmSubject {
  let validated = 0;
  return {
    stepper: lineStepper(line(0), 0, averageDecay),
    batches: {
      count,
      batchSize,
      async *epoch(_, from): AsyncGenerator<StepFeed> {
        for (let at = from * batchSize; at < count; at += batchSize) {
          const size = Math.min(batchSize, count - at);
          const x = Float32Array.from({ length: size }, (__, i) => 0.1 * (at + i));
          yield { inputs: { x: float32(x, [size, 1]) }, targets: x.map((value) => 3 * value), count: size };
        }
      },
    },
    bake(parameters) {
      const baked = line(0);
      const tensor = baked.initializer('w');
      const values = parameters.get('w');
      if (tensor !== undefined && values !== undefined) writeFloats(tensor, values);
      return baked;
    },
    async validate(baked) {
      const loss = (weightOf(baked) - 3) ** 2;
      return { loss, metric: validations?.[validated++] ?? -loss };
    },
  };
}

function weightOf(graph: Graph): number {
  const tensor = graph.initializer('w');
  return tensor === undefined ? Number.NaN : (readFloats(tensor)[0] ?? Number.NaN);
}

const settings: ArmSettings = {
  epochs: 4,
  steps: null,
  patience: 10,
  learningRate: 0.5,
  offsetLearningRate: 0.5,
  schedule: 'cosine',
  warmup: 0,
  averagesEpochs: false,
  criterion: { by: 'metric', higherIsBetter: true },
};

function listening(changes: Partial<ArmHooks> = {}): ArmHooks {
  return {
    onStep: () => {},
    onEpoch: () => {},
    save: async () => {},
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Stops an arm after `at` steps, and goes on from what it saved. */
async function interrupted(arm: () => ArmSubject, own: ArmSettings, at: number): Promise<ArmOutcome> {
  const abort = new AbortController();
  let saved: ArmProgress | null = null;
  let steps = 0;
  const stopping = listening({
    onStep: () => {
      if (++steps === at) abort.abort();
    },
    save: async (progress) => {
      saved = progress;
    },
    signal: abort.signal,
  });
  await expect(trainArm(arm(), own, stopping)).rejects.toMatchObject({ kind: 'interrupted' });
  return trainArm(arm(), own, listening(), saved);
}

describe('an arm', () => {
  it('learns, over the partial batch at the end of each epoch too', async () => {
    const steps: number[] = [];
    const { parameters, curve, epochs } = await trainArm(
      subject(),
      settings,
      listening({ onStep: ({ step }) => steps.push(step) }),
    );
    expect(parameters.get('w')?.[0]).toBeCloseTo(3, 0);
    expect(steps).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(epochs).toBe(4);
    expect(curve.map(({ samples }) => samples)).toEqual([0, 10, 20, 30, 40]);
    expect(curve[0]).toMatchObject({ epoch: 0, trainLoss: null, validationLoss: 9 });
  });

  it('keeps its best epoch, and stops when its patience is at an end', async () => {
    const seen = new Map<number, number>();
    const watched = subject([0.1, 0.5, 0.7, 0.6, 0.7]);
    const bake = watched.bake.bind(watched);
    let epoch = 0;
    const recording: ArmSubject = {
      ...watched,
      bake(parameters) {
        seen.set(epoch++, parameters.get('w')?.[0] ?? Number.NaN);
        return bake(parameters);
      },
    };
    // at the tie of epoch 4 the loss decides, and it is lower there
    const outcome = await trainArm(recording, { ...settings, epochs: 9, patience: 2 }, listening());
    expect(outcome).toMatchObject({ bestEpoch: 4, epochs: 6 });
    expect(outcome.parameters.get('w')?.[0]).toBe(seen.get(4));
  });

  it('is the untrained model where no epoch is better, and its patience counts from there', async () => {
    const outcome = await trainArm(subject([0.9, 0.1, 0.2]), { ...settings, patience: 2, epochs: 9 }, listening());
    expect(outcome).toMatchObject({ bestEpoch: 0, epochs: 2 });
    expect(outcome.parameters.get('w')?.[0]).toBe(0);
  });

  it('keeps an epoch over an untrained model whose loss has no value', async () => {
    const lost = subject();
    let validated = 0;
    const validate = async () => ({ loss: validated++ === 0 ? Number.NaN : 5, metric: null });
    expect(await trainArm({ ...lost, validate }, settings, listening())).toMatchObject({ bestEpoch: 1 });
  });

  it('ends with its steps, in the middle of an epoch too, and its schedule with them', async () => {
    const steps: number[] = [];
    const onStep: ArmHooks['onStep'] = ({ step }) => steps.push(step);
    const [short, whole] = [subject(), subject()];
    const rates: number[] = [];
    const { runAll } = short.stepper;
    short.stepper.runAll = (feeds, learningRates) => {
      rates.push(...learningRates.map(({ weights = Number.NaN }) => weights));
      return runAll.call(short.stepper, feeds, learningRates);
    };
    const outcome = await trainArm(short, { ...settings, epochs: 1000, steps: 5 }, listening({ onStep }));
    // three batches are an epoch
    expect(steps).toEqual([1, 2, 3, 1, 2]);
    expect(outcome).toMatchObject({ epochs: 2, curve: [{ step: 0 }, { step: 3 }, { step: 5, samples: 18 }] });
    expect(rates).toEqual([0, 1, 2, 3, 4].map((step) => 0.5 * scheduleFactor('cosine', step / 5)));
    // more steps than there are epochs for are none
    expect(await trainArm(whole, { ...settings, epochs: 2, steps: 100 }, listening())).toMatchObject({ epochs: 2 });
  });

  it('takes exactly its steps where several are one call', async () => {
    const counted = subject();
    let taken = 0;
    vi.spyOn(counted.stepper, 'stepsPerCall', 'get').mockReturnValue(2);
    await trainArm(counted, { ...settings, steps: 3 }, listening({ onStep: () => taken++ }));
    expect(taken).toBe(3);
  });

  it('says what to do when it diverges at every rate that it tries', async () => {
    const retreats: Retreat[] = [];
    const onRetreat = (retreat: Retreat) => retreats.push(retreat);
    await expect(
      trainArm(subject(), { ...settings, learningRate: 1e30 }, listening({ onRetreat })),
    ).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(
        /diverges: at step 2 the loss is Infinity, at the learning rate 1.25e\+29 too, after 3 halvings/,
      ),
      cure: 'Choose a smaller learning rate.',
      settings: ['learningRate'],
    });
    expect(retreats.map(({ learningRate }) => learningRate)).toEqual([5e29, 2.5e29, 1.25e29]);
  });

  it.each([1, 3, 5, 12])('goes on from step %i as if it had not been stopped', async (at) => {
    const whole = await trainArm(subject(), settings, listening());
    const resumed = await interrupted(subject, settings, at);
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.curve).toEqual(whole.curve);
  });

  it('that has finished is not trained again', async () => {
    let saved: ArmProgress | null = null;
    const saving = listening({
      save: async (progress) => {
        saved = progress;
      },
    });
    const whole = await trainArm(subject(), settings, saving);
    const onStep = () => expect.unreachable('it was trained again');
    const again = await trainArm(subject(), settings, listening({ onStep }), saved);
    expect(again.parameters).toEqual(whole.parameters);
    expect(again.seconds).toBe(whole.seconds);
  });
});

describe('an arm with more to its recipe', () => {
  interface Recipe {
    readonly name: string;
    readonly own: ArmSettings;
    readonly averageDecay: number | null;
    readonly weight: number;
  }

  // PyTorch 2.13, the same ten samples in the same batches, SGD at 0.5 along a cosine:
  //   plain; torch.optim.swa_utils.AveragedModel with avg_fn a + (1 - min(0.9, (1 + t) / (10 + t))) (p - a) after every step, begun with the start;
  //   AveragedModel with its own mean, over the ends of the last two of four epochs, the rate from half of the steps on as it is there;
  //   the rate times min(1, (t + 1) / 5); times min(1, (t + 1) / 3), a quarter of the twelve steps
  const recipes: readonly Recipe[] = [
    { name: 'nothing', own: settings, averageDecay: null, weight: 2.821969 },
    { name: 'an exponential average', own: settings, averageDecay: 0.9, weight: 2.810072 },
    { name: 'a mean over epochs', own: { ...settings, averagesEpochs: true }, averageDecay: null, weight: 2.894997 },
    { name: 'a warm-up of steps', own: { ...settings, warmup: 5 }, averageDecay: null, weight: 2.570457 },
    { name: 'a warm-up of a share', own: { ...settings, warmup: 0.25 }, averageDecay: null, weight: 2.790405 },
  ];

  it.each(recipes)('comes to where PyTorch comes to: $name', async ({ own, averageDecay, weight }) => {
    const { parameters, bestEpoch } = await trainArm(subject(undefined, averageDecay), own, listening());
    expect(parameters.get('w')?.[0]).toBeCloseTo(weight, 5);
    expect(bestEpoch).toBe(4);
  });

  it.each(recipes)('goes on as if it had not been stopped: $name', async ({ own, averageDecay }) => {
    const arm = () => subject(undefined, averageDecay);
    const whole = await trainArm(arm(), own, listening());
    for (const at of [2, 9, 11]) {
      const resumed = await interrupted(arm, own, at);
      expect(resumed.parameters).toEqual(whole.parameters);
      expect(resumed.curve).toEqual(whole.curve);
    }
  });

  it('goes back to the mean that it had, where an epoch diverges', async () => {
    /** the weights that are judged, epoch by epoch; the one after the fourth is a ruin, and begins again */
    const judged = async (averagesEpochs: boolean): Promise<readonly number[]> => {
      const losses = [9, 8, 7, 6, 5, 1e9, 4, 3];
      const seen: number[] = [];
      const arm = subject();
      const watched: ArmSubject = {
        ...arm,
        bake(parameters) {
          seen.push(parameters.get('w')?.[0] ?? Number.NaN);
          return arm.bake(parameters);
        },
        validate: async () => ({ loss: losses[seen.length - 1] ?? 1, metric: null }),
      };
      const own = { ...settings, schedule: 'constant', epochs: 6, averagesEpochs, criterion: { by: 'loss' } } as const;
      const { retreats } = await trainArm(watched, own, listening());
      expect(retreats).toEqual([{ epoch: 5, step: 15, learningRate: 0.25 }]);
      return seen;
    };
    const [means, ends] = [await judged(true), await judged(false)];
    const mean = (...epochs: readonly number[]): number =>
      epochs.reduce((sum, at) => sum + (ends[at] ?? Number.NaN), 0) / epochs.length;
    expect(means[5]).toBeCloseTo(mean(4, 5), 6);
    expect(means[6]).toBeCloseTo(mean(4, 6), 6);
    expect(means[7]).toBeCloseTo(mean(4, 6, 7), 6);
  });

  it('has running statistics estimated for averages, and for nothing else', async () => {
    const settled = new Map([['w', Float32Array.of(2.5)]]);
    const settle = vi.fn(async () => settled);
    const last = await trainArm({ ...subject(), settle }, settings, listening());
    expect(settle).not.toHaveBeenCalled();
    expect(last.parameters.get('w')).not.toEqual(settled.get('w'));
    const smoothed = await trainArm({ ...subject(undefined, 0.9), settle }, settings, listening());
    expect(settle).toHaveBeenCalledTimes(settings.epochs);
    expect(smoothed.parameters).toBe(settled);
    settle.mockClear();
    await trainArm({ ...subject(), settle }, { ...settings, averagesEpochs: true }, listening());
    expect(settle).toHaveBeenCalledTimes(2);
  });
});

describe('an arm that diverges', () => {
  /** The same, whose loss is infinite from the training's step `from` on, as long as the rate is more than `most`. */
  function diverging(from: number, most: number): ArmSubject {
    const arm = subject();
    const run = arm.stepper.runAll.bind(arm.stepper);
    vi.spyOn(arm.stepper, 'runAll').mockImplementation(async (feeds, rates) => {
      const losses = await run(feeds, rates);
      const tooFast = arm.stepper.steps >= from && (rates[0]?.weights ?? 0) > most;
      return tooFast ? losses.map(() => Number.POSITIVE_INFINITY) : losses;
    });
    return arm;
  }
  const constant: ArmSettings = { ...settings, schedule: 'constant' };

  it('begins its epoch again at half the rate, from the best state so far', async () => {
    const told: Retreat[] = [];
    const retreated = await trainArm(diverging(1, 0.2), constant, listening({ onRetreat: (turn) => told.push(turn) }));
    expect(retreated.retreats).toEqual([
      { epoch: 1, step: 1, learningRate: 0.25 },
      { epoch: 1, step: 1, learningRate: 0.125 },
    ]);
    expect(told).toEqual(retreated.retreats);
    const slow = await trainArm(subject(), { ...constant, learningRate: 0.125 }, listening());
    expect(retreated.parameters).toEqual(slow.parameters);
    expect(retreated.curve).toEqual(slow.curve);
  });

  it('does not go on from an epoch that had already gone astray', async () => {
    // epoch 1 validates worse than the untrained model; epoch 2 then has no finite loss at the full rate
    const arm = diverging(4, 0.4);
    let validated = 0;
    const validate = async () => ({ loss: [1, 5, 0.5, 0.4, 0.3][validated++] ?? 0.3, metric: null });
    const seen: number[] = [];
    const bake: ArmSubject['bake'] = (parameters) => {
      seen.push(parameters.get('w')?.[0] ?? Number.NaN);
      return arm.bake(parameters);
    };
    const { retreats } = await trainArm({ ...arm, validate, bake }, { ...constant, learningRate: 0.5 }, listening());
    expect(retreats).toEqual([{ epoch: 2, step: 4, learningRate: 0.25 }]);
    const fresh: number[] = [];
    const slow = subject();
    const settingsOfOne = { ...constant, epochs: 1, learningRate: 0.25 };
    await trainArm(
      {
        ...slow,
        bake(parameters) {
          fresh.push(parameters.get('w')?.[0] ?? Number.NaN);
          return slow.bake(parameters);
        },
      },
      settingsOfOne,
      listening(),
    );
    expect(seen[2]).toBe(fresh[1]);
  });

  it('goes back from an epoch that ruined it in finite numbers, three times at most', async () => {
    const losses = [1, 11, 0.9, 0.8, 0.7, 0.6];
    let validated = 0;
    const validate = async () => ({ loss: losses[validated++] ?? 1, metric: null });
    const { retreats, curve } = await trainArm({ ...subject(), validate }, constant, listening());
    expect(retreats).toEqual([{ epoch: 1, step: 3, learningRate: constant.learningRate / 2 }]);
    expect(curve.map(({ validationLoss }) => validationLoss)).toEqual([1, 0.9, 0.8, 0.7, 0.6]);
    const ruined = { ...subject(), validate: async () => ({ loss: validated++ === 0 ? 1 : 1e9, metric: null }) };
    validated = 0;
    const hopeless = await trainArm(ruined, constant, listening());
    expect(hopeless.retreats).toHaveLength(3);
    expect(hopeless.bestEpoch).toBe(0);
  });

  it('keeps what earlier epochs learned', async () => {
    const { curve, retreats } = await trainArm(diverging(5, 0.4), constant, listening());
    const undisturbed = await trainArm(subject(), constant, listening());
    expect(retreats).toEqual([{ epoch: 2, step: 5, learningRate: 0.25 }]);
    expect(curve.slice(0, 2)).toEqual(undisturbed.curve.slice(0, 2));
    expect(curve.map(({ step }) => step)).toEqual([0, 3, 6, 9, 12]);
  });

  it.each([4, 7])('goes on from step %i as if it had not been stopped, to the same retreat', async (at) => {
    const whole = await trainArm(diverging(5, 0.4), constant, listening());
    const resumed = await interrupted(() => diverging(5, 0.4), constant, at);
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.curve).toEqual(whole.curve);
    expect(resumed.retreats).toEqual(whole.retreats);
  });

  it('is noticed by what its last step made of the state, whose loss nobody sees', async () => {
    const arm = subject();
    const x = Float32Array.from({ length: count }, (_, i) => 0.1 * i);
    const batches = {
      count,
      batchSize: count,
      async *epoch(): AsyncGenerator<StepFeed> {
        yield { inputs: { x: float32(x, [count, 1]) }, targets: x.map((value) => 3 * value), count };
      },
    };
    // the gradient at w = 0 is -1.71: times 3e38 it is beyond float32, times half of that it is not
    const outcome = await trainArm(
      { ...arm, batches },
      { ...constant, epochs: 1, learningRate: 3e38, offsetLearningRate: 3e38 },
      listening(),
    );
    expect(outcome.retreats[0]).toEqual({ epoch: 1, step: 1, learningRate: 1.5e38 });
    expect(outcome.bestEpoch).toBe(0);
  });
});
