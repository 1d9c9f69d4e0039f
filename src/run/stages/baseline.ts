import type { MigrateResult } from '../../contract/result.js';
import type { JudgedPredictions } from '../../judge/subject.js';
import { readSource } from '../../model/source.js';
import { maxAbsDifference, type Predictions, predict } from '../../reading/predictions.js';
import { freluNetwork } from '../../training/networks.js';
import { deviceOf } from '../device.js';
import type { Run } from '../run.js';
import { defineStage } from '../runner.js';
import { planStage } from './plan.js';
import { readingStage, readRunOf } from './reading.js';

/** What the model as it came says, and how far the rewritten one is from it before any training. */
interface Baseline {
  readonly before: JudgedPredictions;
  readonly parity: MigrateResult['parity'];
  /** what the rewritten model with a = b = 0 says of the validation split, by no measure of the user's */
  readonly rewritten: Predictions;
  /** seconds that a prepared sample of the validation split takes forwards through the rewritten model, in batches */
  readonly secondsPerSample: number;
}

export const baselineStage = defineStage<Baseline>({
  name: 'baseline',
  phase: null,
  fields: ['before', 'parity', 'rewritten', 'secondsPerSample'],
  async compute(run) {
    const validation = (await readingStage.of(run)).predictions;
    const { signature, data } = await readRunOf(run);
    const { session } = await deviceOf(run);
    const test = await predict(readSource(run.model, signature), signature, data.test, session);
    return { before: { validation, test }, ...(await parityOf(run, validation)) };
  },
});

/** The rewritten model with a = b = 0 against the original, measured on the validation split. */
async function parityOf(run: Run, { values, width }: Predictions): Promise<Omit<Baseline, 'before'>> {
  const { plan } = await planStage.of(run);
  const { signature, data } = await readRunOf(run);
  const untrained = freluNetwork(run.model, plan, run.options.training.scope, [], 0).bake(new Map());
  const validation = { ...data.validation, measures: [] };
  const rewritten = await predict(untrained.model, signature, validation, (await deviceOf(run)).session);
  // of maps the first alone are kept
  return {
    parity: { maxAbsDiff: maxAbsDifference(values, rewritten.values), samples: values.length / width },
    rewritten,
    secondsPerSample: rewritten.seconds / validation.split.count,
  };
}
