import { networks } from './networks.js';
import { compareSteps } from './training.js';

/** The same with frozen statistics; and biases, shifts and offsets alone, which needs no gradient of a weight. */
export async function run(): Promise<void> {
  const task = { network: networks.resnet20, batch: 64, batchNorm: 'frozen' } as const;
  await compareSteps('P2  full step, frozen statistics', { ...task, scope: 'all' });
  await compareSteps('P2  biases only, frozen statistics', { ...task, scope: 'biases' });
}
