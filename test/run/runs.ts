import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { defaultDistillOptions, defaultPlanOptions } from '../../src/contract/settings.js';
import { defaultReadingOptions } from '../../src/reading/options.js';
import { completeHooks, type RunHooks } from '../../src/run/hooks.js';
import type { MigrateOptions, TrainingOptions } from '../../src/run/spec.js';

/** A folder of one test's own, removed at its end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-run-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file below a folder by its path, with its bytes. */
export async function bytesBelow(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return new Map(await Promise.all(files.toSorted().map(async (path) => [path, await readFile(path)] as const)));
}

export const training: TrainingOptions = {
  device: 'cpu',
  scope: 'all',
  stages: [],
  epochs: 1,
  openEnded: false,
  budgetSeconds: null,
  batchSize: 64,
  patience: 2,
  learningRate: 0.01,
  offsetLearningRate: null,
  rateScales: { offsets: 1, biases: 1, head: 1 },
  schedule: 'cosine',
  warmup: 0,
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
  decayScales: { offsets: 1, biases: 1, head: 1 },
  clipNorm: null,
  average: null,
  dropout: 0,
  labelSmoothing: 0,
  mixup: null,
  augment: [],
  batchNorm: 'frozen',
  initialOffset: 0,
  maxOffset: null,
  seeds: 1,
  search: false,
  revertHarmful: false,
  control: true,
};

/** One epoch with fixed settings; `always` accepted, so that what is written can be looked at; no report but the JSON. */
export function optionsFor(model: string, data: string, changes: Partial<MigrateOptions> = {}): MigrateOptions {
  return {
    model,
    data: {
      data,
      test: null,
      validationFraction: 0.1,
      testFraction: 0.2,
      target: null,
      preprocessing: {},
      preprocessorConfig: null,
    },
    task: { task: null, loss: null, metric: null },
    // networks of random weights guess, which is no fault of their reading
    reading: { ...defaultReadingOptions, trustReading: true },
    plan: defaultPlanOptions,
    training,
    distill: defaultDistillOptions,
    accept: 'always',
    minEffect: null,
    looks: 1,
    out: null,
    dryRun: false,
    seed: 7,
    runDir: null,
    resume: false,
    keepControl: false,
    languages: [],
    command: 'frelu-migrate',
    ...changes,
  };
}

/** Nobody listens, except as `changes` say. */
export const hooks = (changes: Partial<RunHooks> = {}): RunHooks => completeHooks(changes);
