import type { MigrateResult } from '../../contract/result.js';
import type { JudgedPredictions } from '../../judge/subject.js';
import { sourceOf } from '../../model/source.js';
import { maxAbsDifference, predict, withPredictor } from '../../reading/predictions.js';
import { chooseTask, type RunTask } from '../../reading/task.js';
import { freluNetwork } from '../../training/networks.js';
import type { Run } from '../run.js';
import { defineStage } from '../runner.js';
import { planStage } from './plan.js';

/** What the model as it came says, and how that is read. */
interface Baseline {
  readonly task: RunTask;
  readonly before: JudgedPredictions;
  readonly parity: MigrateResult['parity'];
}

export const baselineStage = defineStage<Baseline>({
  name: 'baseline',
  phase: 'baseline',
  fields: ['task', 'before', 'parity'],
  async compute(run) {
    const { model, signature, data, options } = run;
    const { session } = await run.device();
    return withPredictor(sourceOf(model), signature, session, async (predictOn) => {
      const validation = await predictOn(data.validation);
      const { targets } = data.train.inputs.dataset;
      // what is wrong with task and labels is said before the test split, which may be large, is run
      const task = chooseTask(
        model.graph,
        signature,
        targets,
        validation.values,
        validation.width,
        options.task,
        options.data.data,
      );
      const parity = await parityOf(run, validation.values);
      return { task, parity, before: { validation, test: await predictOn(data.test) } };
    });
  },
});

/** The rewritten model with a = b = 0 against the original, measured on the validation split. */
async function parityOf(run: Run, original: Float32Array): Promise<Baseline['parity']> {
  const { plan } = await planStage.of(run);
  const { model, signature, data, options } = run;
  const untrained = freluNetwork(model, plan, options.training.scope, [], 0).bake(new Map());
  const rewritten = await predict(untrained.model, signature, data.validation, (await run.device()).session);
  return { maxAbsDiff: maxAbsDifference(original, rewritten.values), samples: data.validation.split.count };
}
