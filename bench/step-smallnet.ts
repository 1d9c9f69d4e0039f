import { networks } from './networks.js';
import { compareSteps } from './training.js';

/** A full step of a plain network with max pooling. */
export function run(): Promise<void> {
  return compareSteps('P4  full step', { network: networks.smallnet, batch: 128, batchNorm: 'frozen', scope: 'all' });
}
