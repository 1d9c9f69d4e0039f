import { prepareStep, type StepSettings, type Trainable } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';

/** Trains on the mean squared error, on the CPU, by gradient descent without anything else, unless `settings` say so. */
export function plainStepper(
  trainable: Trainable,
  settings: Pick<StepSettings, 'sampleShapes'> & Partial<StepSettings>,
): Stepper {
  const plain: StepSettings = {
    provider: 'cpu',
    loss: 'mse',
    optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
    batchNorm: 'frozen',
    clipNorm: null,
    ...settings,
  };
  return new Stepper((size) => prepareStep(trainable, size, plain), trainable.graph);
}
