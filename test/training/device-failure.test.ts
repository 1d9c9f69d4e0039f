import { describe, expect, it, vi } from 'vitest';
import { ExecutionError } from '../../src/contract/failure.js';
import { type ArmHooks, type ArmProgress, type ArmSubject, trainArm } from '../../src/training/arm.js';
import type { Stepper } from '../../src/training/stepper.js';
import { batch, plain, stepperFor } from './networks.js';

const stepsPerEpoch = 2;
const settings = {
  epochs: 3,
  steps: null,
  patience: 9,
  learningRate: 0.02,
  offsetLearningRate: 0.02,
  schedule: 'cosine',
  warmup: 0,
  averagesEpochs: false,
  criterion: { by: 'metric', higherIsBetter: true },
} as const;

function subject(stepper: Stepper): ArmSubject {
  let validations = 0;
  return {
    stepper,
    batches: {
      count: 4,
      batchSize: 2,
      async *epoch(epoch, from) {
        for (let step = from; step < stepsPerEpoch; step++) yield batch(10 * epoch + step, 2);
      },
    },
    bake: () => plain().graph,
    validate: async () => ({ loss: 1, metric: validations++ }),
  };
}

/** Computes on the CPU under the name of a device that can fail. */
function deviceStepper(): Stepper {
  return Object.defineProperty(stepperFor(plain()), 'provider', { value: 'webgpu' });
}

/** Hooks that keep what is saved. */
function recorder(): ArmHooks & { readonly saved: ArmProgress[] } {
  const saved: ArmProgress[] = [];
  return {
    saved,
    onStep() {},
    onEpoch() {},
    save: async (progress) => void saved.push(progress),
    signal: new AbortController().signal,
  };
}

/** Lets a method fail from its `from`-th call on. */
function failing<Arguments extends unknown[], Result>(
  method: (...given: Arguments) => Promise<Result>,
  from: number,
): (...given: Arguments) => Promise<Result> {
  let calls = 0;
  return async (...given) => {
    if (++calls >= from) throw new ExecutionError('the device is lost\nat webgpu_context.cc');
    return method(...given);
  };
}

describe('a device that fails in training', () => {
  it.each([
    ['in a step', (arm: ArmSubject) => ({ ...arm, stepper: failingAt(arm.stepper, 'runAll', 4) }), 3],
    ['in a validation', (arm: ArmSubject) => ({ ...arm, validate: failing(arm.validate, 3) }), 4],
  ])('%s: the state is saved, and another device goes on from there', async (_, breaking, steps) => {
    const uninterrupted = recorder();
    await trainArm(subject(stepperFor(plain())), settings, uninterrupted);

    const hooks = recorder();
    await expect(trainArm(breaking(subject(deviceStepper())), settings, hooks)).rejects.toMatchObject({
      kind: 'interrupted',
      what: `The device webgpu failed after step ${steps} (the device is lost). The state is saved.`,
      cure: 'Resume the run on the CPU to go on from there.',
      settings: ['resume', ['device', 'cpu']],
    });
    const saved = hooks.saved.at(-1);
    expect(saved).toMatchObject({ epoch: 1, steps });

    const resumed = recorder();
    await trainArm(subject(stepperFor(plain())), settings, resumed, saved);
    expect(resumed.saved.at(-1)?.state).toEqual(uninterrupted.saved.at(-1)?.state);
    expect(resumed.saved.at(-1)).toMatchObject({ epoch: 3, steps: 6 });
  });

  it('and takes its memory with it: what was saved last is what there is', async () => {
    const stepper = failingAt(failingAt(deviceStepper(), 'runAll', 4), 'read', 3);
    const hooks = recorder();
    await expect(trainArm(subject(stepper), settings, hooks)).rejects.toThrow('The state after epoch 1 is saved');
    expect(hooks.saved.map(({ epoch, step }) => [epoch, step])).toEqual([[1, 0]]);
  });

  it('is not suspected where the program is at fault', async () => {
    const defect = { ...subject(deviceStepper()), validate: () => Promise.reject(new TypeError('a defect')) };
    await expect(trainArm(defect, settings, recorder())).rejects.toThrow(TypeError);
  });
});

/** The same stepper, one of its methods failing from its `from`-th call on. */
function failingAt(stepper: Stepper, method: 'runAll' | 'read', from: number): Stepper {
  const { runAll, read } = stepper;
  if (method === 'runAll') vi.spyOn(stepper, 'runAll').mockImplementation(failing(runAll.bind(stepper), from));
  else vi.spyOn(stepper, 'read').mockImplementation(failing(read.bind(stepper), from));
  return stepper;
}
