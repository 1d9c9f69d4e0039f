import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/model/graph.js';
import { readFloats, writeFloats } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import {
  type ArmHooks,
  type ArmProgress,
  type ArmSettings,
  type ArmSubject,
  trainArm,
} from '../../src/training/arm.js';
import type { StepFeed } from '../../src/training/stepper.js';
import { line, lineStepper } from './line.js';

const count = 10;
const batchSize = 4;

/** Towards y = 3 x: ten samples, in batches of four, four and two; `validations` stands in for what validation would say, epoch by epoch. */
function subject(validations?: readonly number[]): ArmSubject {
  let validated = 0;
  return {
    stepper: lineStepper(line(0)),
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
  budgetSeconds: null,
  patience: 10,
  learningRate: 0.5,
  offsetLearningRate: 0.5,
  schedule: 'cosine',
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

  it('never keeps the untrained model, however well it did', async () => {
    const outcome = await trainArm(subject([0.9, 0.1, 0.2]), { ...settings, patience: 1, epochs: 2 }, listening());
    expect(outcome.bestEpoch).toBe(2);
  });

  it('ends with its budget, and its schedule with it', async () => {
    const outcome = await trainArm(subject(), { ...settings, epochs: 1000, budgetSeconds: 1e-9 }, listening());
    expect(outcome).toMatchObject({ epochs: 1, bestEpoch: 1 });
  });

  it('says what to do when it diverges', async () => {
    await expect(trainArm(subject(), { ...settings, learningRate: 1e30 }, listening())).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('with the learning rate 1e+30'),
      cure: 'Choose a smaller learning rate.',
      settings: ['learningRate'],
    });
  });

  it.each([1, 3, 5, 12])('goes on from step %i as if it had not been stopped', async (at) => {
    const whole = await trainArm(subject(), settings, listening());

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
    await expect(trainArm(subject(), settings, stopping)).rejects.toMatchObject({ kind: 'interrupted' });

    const resumed = await trainArm(subject(), settings, listening(), saved);
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
