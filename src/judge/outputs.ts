import type { MigrateResult, OutputResult } from '../contract/result.js';
import { evaluateMetrics } from '../evaluation/metrics.js';
import type { ModelProto } from '../model/graph.js';
import { readSource } from '../model/source.js';
import { predict } from '../reading/predictions.js';
import { scoresOf, truthOf } from '../reading/task.js';
import { arms } from './arms.js';
import { defineJudge } from './judge.js';
import type { OtherOutput, Subject } from './subject.js';

/** Every output that was trained, on the test split, the one that is judged first; empty for one output. */
export const outputs = defineJudge<Pick<MigrateResult, 'outputs'>>({
  gives: ['outputs'],
  needs: [arms],
  async measure(subject) {
    if (subject.others.length === 0) return { outputs: [] };
    const { before, control, frelu } = (await arms.of(subject)).arms;
    const { judged, task } = subject;
    const first: OutputResult = {
      name: judged.output,
      task: task.task,
      before: before.test,
      control: control?.test ?? null,
      frelu: frelu.test,
    };
    const others: OutputResult[] = [];
    for (const other of subject.others) others.push(await resultOf(subject, other));
    return { outputs: [first, ...others] };
  },
});

async function resultOf(subject: Subject, { signature, task, judged, targets }: OtherOutput): Promise<OutputResult> {
  const { model, staged, networks, data, device } = subject;
  const { test } = data;
  const truth = truthOf(task, targets(test), test.split.indices, new Float32Array());
  const metricsOf = async (source: ModelProto | string) => {
    const predictions = await predict(source, signature, test, device.session);
    return evaluateMetrics(scoresOf(task, predictions), truth);
  };
  const { control } = subject.arms;
  return {
    name: judged.output,
    task: task.task,
    before: await metricsOf(readSource(model, signature)),
    control: control === null ? null : await metricsOf(networks.control.bake(control.outcome.parameters).model),
    frelu: await metricsOf(readSource(staged.model, signature)),
  };
}
