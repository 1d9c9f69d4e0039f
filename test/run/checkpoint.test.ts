import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint.js';
import type { ArmProgress } from '../../src/training/arm.js';
import { temporaryFolder } from './runs.js';

const validation = { loss: 0.4, metric: 0.8 };
const progress: ArmProgress = {
  epoch: 1,
  step: 3,
  steps: 10,
  seconds: 2.5,
  lossSum: 12.25,
  sampleCount: 192,
  state: new Map([
    ['state/weights', Float32Array.of(1, -2, Number.NaN, 1e-30)],
    ['state/sites', Float32Array.of(0.5)],
  ]),
  stateSteps: 9,
  bestState: { state: new Map([['state/weights', Float32Array.of(1, -2, 3, 4)]]), steps: 7 },
  retreats: [{ epoch: 1, step: 5, learningRate: 0.05 }],
  best: { epoch: 1, validation, parameters: new Map([['w', Float32Array.of(3, 4)]]) },
  curve: [{ epoch: 0, step: 0, samples: 0, trainLoss: null, validationLoss: 0.5, validationMetric: 0.7 }],
  finished: false,
};

it('gives back what was saved, bit for bit, and leaves nothing else', async () => {
  const folder = await temporaryFolder();
  await saveCheckpoint(folder, 'frelu-0', 'print', progress);
  expect(await loadCheckpoint(folder, 'frelu-0', 'print')).toEqual(progress);
  await saveCheckpoint(folder, 'frelu-0', 'print', { ...progress, bestState: null, epoch: 2 });
  expect(await loadCheckpoint(folder, 'frelu-0', 'print')).toEqual({ ...progress, bestState: null, epoch: 2 });
  expect(await readdir(folder)).toEqual(['frelu-0.checkpoint']);
});

it('does not go on with another arm, or a run of other settings', async () => {
  const folder = await temporaryFolder();
  await saveCheckpoint(folder, 'frelu-0', 'print', progress);
  expect(await loadCheckpoint(folder, 'control-0', 'print')).toBeNull();
  expect(await loadCheckpoint(folder, 'frelu-0', 'another')).toBeNull();
});

it('starts again where the file is damaged', async () => {
  const folder = await temporaryFolder();
  await saveCheckpoint(folder, 'frelu-0', 'print', progress);
  const path = join(folder, 'frelu-0.checkpoint');
  const whole = await readFile(path);
  for (const damaged of [whole.subarray(0, -4), whole.subarray(0, 40), Buffer.from('\n'), Buffer.alloc(0)]) {
    await writeFile(path, damaged);
    expect(await loadCheckpoint(folder, 'frelu-0', 'print')).toBeNull();
  }
});
