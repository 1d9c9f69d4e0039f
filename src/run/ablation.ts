import type { MetricName } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import { pairedDelta } from '../evaluation/compare.js';
import { eliminate } from '../evaluation/elimination.js';
import { improvement } from '../evaluation/improvement.js';
import { type AnyScores, metricNames, type Truth } from '../evaluation/metrics.js';
import { scoresOf } from '../reading/task.js';
import type { Ablation, EndedArm } from '../training/arm.js';
import { type Criterion, isBetter, type Validation } from '../training/criterion.js';
import type { ArmNetwork, FreluNetwork } from '../training/networks.js';
import { type Reversion, reversionsTogether, revertAll } from '../training/reversions.js';
import { type ArmContext, validate } from './arm-subject.js';
import { partsWithin } from './budget.js';

/** What an arm is ablated with. */
export interface AblatedArm {
  readonly context: ArmContext;
  readonly network: ArmNetwork | FreluNetwork;
  readonly criterion: Criterion;
  /** validations that it may take */
  readonly validations: number;
  /** called before each: throws where the run is to end */
  check(): void;
}

interface Measured {
  readonly validation: Validation;
  readonly scores: AnyScores;
}

/**
 * Takes back, site by site, what training made of an arm, measures what that does on the validation split, and leaves taken back what is
 * established to harm there (`eliminate`). With fewer validations than its sites ask for, neighbours are looked at together.
 */
export async function ablate(arm: AblatedArm, outcome: EndedArm): Promise<EndedArm> {
  const { context, network, criterion, validations } = arm;
  const { parameters } = outcome;
  const parts = reversionsTogether(network.reversions(parameters), partsWithin(validations));
  if (parts.length === 0) return { ...outcome, ablation: { sites: [], validation: null } };
  const { task, validationTruth: truth } = context;
  const metric = testedMetric(criterion, task.metric, truth);
  const { trials, left } = await eliminate<Measured, Validation>(parts.length, validations, {
    async measure(gone) {
      arm.check();
      const { validation, predictions } = await validate(context, network.bake(without(parts, gone, parameters)));
      return { validation, scores: scoresOf(task, predictions) };
    },
    figures: ({ validation }) => validation,
    pValue(kept, reverted) {
      if (!isBetter(criterion, reverted.validation, kept.validation)) return null;
      const delta = pairedDelta(metric, kept.scores, reverted.scores, truth, { seed: context.seed });
      return (improvement(delta) ?? 0) > 0 ? delta.pValue : null;
    },
    isBetter: (candidate, best) => isBetter(criterion, candidate, best),
  });
  const reverted = new Set(trials.flatMap(({ eliminated }, i) => (eliminated ? [i] : [])));
  const learned = 'sites' in network ? network.sites(parameters) : [];
  const sites = trials.map(({ kept, without, pValue, eliminated }, i): Ablation['sites'][number] => {
    const { sites: ids } = present(parts[i], 'a part');
    const own = learned.filter(({ id }) => ids.includes(id));
    return { sites: ids, parameters: own, kept, without, pValue, reverted: eliminated };
  });
  return { ...outcome, parameters: without(parts, reverted, parameters), ablation: { sites, validation: left } };
}

function without(
  parts: readonly Reversion[],
  gone: ReadonlySet<number>,
  parameters: EndedArm['parameters'],
): EndedArm['parameters'] {
  return revertAll(
    [...gone].map((i) => present(parts[i], 'a part')),
    parameters,
  );
}

/** What epochs are kept for, sample by sample; where the loss is the user's or of several outputs, that of the judged output beside it. */
function testedMetric(criterion: Criterion, metric: MetricName, truth: Truth): MetricName {
  if (criterion.by === 'metric') return metric;
  const there = metricNames(truth);
  return (['logLoss', 'reconstructionError', 'rmse'] as const).find((loss) => there.includes(loss)) ?? metric;
}
