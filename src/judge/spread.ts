import type { MigrateResult } from '../contract/result.js';
import { evaluateMetrics } from '../evaluation/metrics.js';
import type { Graph } from '../model/graph.js';
import { predict } from '../reading/predictions.js';
import { scoresOf } from '../reading/task.js';
import { defineJudge } from './judge.js';
import { truth } from './predictions.js';

/** Every seed's two arms on the test split; empty for one seed. */
export const spread = defineJudge<Pick<MigrateResult, 'spread'>>({
  gives: ['spread'],
  async measure(subject) {
    const { arms, networks, data, task, signature, device } = subject;
    if (arms.frelus.length === 1) return { spread: [] };
    const test = truth(subject, 'test');
    const metricOf = async (graph: Graph): Promise<number | null> => {
      const predictions = await predict(graph.model, signature, data.test, device.session);
      return evaluateMetrics(scoresOf(task, predictions), test)[task.metric]?.value ?? null;
    };
    const points = [];
    for (const [i, { seed, outcome }] of arms.frelus.entries()) {
      const control = arms.controls[i];
      points.push({
        seed,
        control: control === undefined ? null : await metricOf(networks.control.bake(control.outcome.parameters)),
        frelu: await metricOf(networks.frelu.bake(outcome.parameters)),
      });
    }
    return { spread: points };
  },
});
