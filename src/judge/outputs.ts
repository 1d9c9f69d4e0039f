import type { MigrateResult, OutputResult } from '../contract/result.js';
import { pairedDelta } from '../evaluation/compare.js';
import { type AnyScores, evaluateMetrics } from '../evaluation/metrics.js';
import type { ModelProto } from '../model/graph.js';
import { readSource } from '../model/source.js';
import { predict } from '../reading/predictions.js';
import { lossName, scoresOf, truthOf } from '../reading/task.js';
import { arms } from './arms.js';
import { delta } from './delta.js';
import { defineJudge } from './judge.js';
import type { OtherOutput, Subject } from './subject.js';

/** Every output that was trained, on the test split, the one that is judged first; empty for one output. */
export const outputs = defineJudge<Pick<MigrateResult, 'outputs'>>({
  gives: ['outputs'],
  needs: [arms, delta],
  async measure(subject) {
    if (subject.others.length === 0) return { outputs: [] };
    const { before, control, frelu } = (await arms.of(subject)).arms;
    const { judged, task } = subject;
    const first: OutputResult = {
      name: judged.output,
      task: task.task,
      loss: lossName(task),
      weight: subject.weightOf(judged.output),
      before: before.test,
      control: control?.test ?? null,
      frelu: frelu.test,
      delta: (await delta.of(subject)).delta,
    };
    const { networks } = subject;
    const trained = subject.arms.control;
    const controlModel = trained && networks.control.bake(trained.outcome.parameters).model;
    const others: OutputResult[] = [];
    for (const other of subject.others) others.push(await resultOf(subject, other, controlModel));
    return { outputs: [first, ...others] };
  },
});

/** @param controlModel the control arm's network with the trained values in place; null without that arm */
async function resultOf(
  { model, staged, data, device, seed, weightOf }: Subject,
  { signature, task, judged, targets }: OtherOutput,
  controlModel: ModelProto | null,
): Promise<OutputResult> {
  const { test } = data;
  const truth = truthOf(task, targets(test), test.split.indices, new Float32Array());
  const scoresWith = async (source: ModelProto | string): Promise<AnyScores> =>
    scoresOf(task, await predict(source, signature, test, device.session));
  const before = await scoresWith(readSource(model, signature));
  const control = controlModel && (await scoresWith(controlModel));
  const frelu = await scoresWith(readSource(staged.model, signature));
  return {
    name: judged.output,
    task: task.task,
    loss: lossName(task),
    weight: weightOf(judged.output),
    before: evaluateMetrics(before, truth),
    control: control && evaluateMetrics(control, truth),
    frelu: evaluateMetrics(frelu, truth),
    delta: {
      vsBefore: pairedDelta(task.metric, before, frelu, truth, { seed }),
      vsControl: control && pairedDelta(task.metric, control, frelu, truth, { seed }),
    },
  };
}
