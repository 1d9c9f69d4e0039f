import { networks } from './networks.js';
import { compareSteps } from './training.js';

/** A full fine-tuning step, normalizations by the batch's own statistics. */
export function run(): Promise<void> {
  return compareSteps('P1  full step, batch statistics', {
    network: networks.resnet20,
    batch: 64,
    batchNorm: 'batch',
    scope: 'all',
  });
}
