import { networks } from './networks.js';
import { compareSteps } from './training.js';

/** A full step of a network of the size that people have in production. */
export async function run(): Promise<void> {
  const task = { network: networks.resnet18, batch: 8, scope: 'all' } as const;
  await compareSteps('P3  full step, frozen statistics', { ...task, batchNorm: 'frozen' });
  await compareSteps('P3  full step, batch statistics', { ...task, batchNorm: 'batch' });
}
