import { planMigration } from '../../../transforms/plan/plan-migration.js';
import { Failure } from '../../contract/failure.js';
import { checkSource } from '../../judge/tfjs-check.js';
import type { MigrationPlan } from '../../model/plan.js';
import type { Verification } from '../../tfjs-check/verify.js';
import { defineStage } from '../runner.js';

interface Planned {
  readonly plan: MigrationPlan;
  /** the model as it came, against TensorFlow.js; null for ONNX, and where that cannot run it */
  readonly verified: Verification | null;
}

/** What is to be done at every ReLU. */
export const planStage = defineStage<Planned>({
  name: 'plan',
  phase: null,
  fields: ['plan', 'verified'],
  async compute({ model, options, hooks }) {
    const plan = planMigration(model.graph, options.plan, model.limits);
    if (plan.summary.migrate === 0) {
      const reasons = [...new Set(plan.sites.flatMap(({ reason }) => (reason === null ? [] : [reason])))];
      throw new Failure('input', {
        what: `${model.path}: there is no ReLU to migrate (${reasons.join('; ') || 'the model has none'}).`,
        cure: 'Choose the sites otherwise, or a model with ReLUs.',
        settings: ['include', 'exclude', 'form'],
        written: 'model-untouched',
      });
    }
    return { plan, verified: await checkSource(model, hooks.warn) };
  },
});
