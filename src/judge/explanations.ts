import type { MigrateResult } from '../contract/result.js';
import type { RowTruth } from '../evaluation/metrics.js';
import { activationsProvider } from './activations.js';
import { attributionScope, compareAttributions } from './attribution.js';
import { costs } from './costs.js';
import { defineJudge } from './judge.js';
import { classNames, truth } from './predictions.js';

/** How far explanations agree before and after; and where each part that follows training was computed. */
export const explanations = defineJudge<Pick<MigrateResult, 'attribution' | 'computedOn'>>({
  gives: ['attribution', 'computedOn'],
  needs: [costs],
  async measure(subject) {
    const { data, device, staged, batchSize, seed } = subject;
    const { operations } = await costs.of(subject);
    const { control } = subject.arms;
    const models = control === null ? 2 : 3;
    const scope = attributionScope(data.test.split.count, operations?.before ?? null, models, device);
    const test = truth(subject, 'test');
    const names = classNames(subject) ?? [];
    if (test.kind === 'mask') subject.warn('Attribution maps were not made: they explain one answer for each sample.');
    const attribution =
      test.kind === 'mask'
        ? null
        : await compareAttributions(subject, {
            ...scope,
            after: staged.model.graph,
            control: control && subject.networks.control.bake(control.outcome.parameters),
            seed,
            batchSize,
            actual: (index) => truthInWords(test, names, index),
            warn: (message) => subject.warn(message),
          });
    return {
      attribution,
      computedOn: {
        evaluation: device.provider,
        latency: device.provider,
        activations: activationsProvider,
        attribution: attribution === null ? null : scope.device.provider,
      },
    };
  },
});

function truthInWords(test: RowTruth, names: readonly string[], index: number): string {
  if (test.kind === 'class') return names[test.labels[index] ?? -1] ?? String(test.labels[index]);
  if (test.kind === 'own') return '';
  if (test.kind === 'anomaly') return test.labels === null ? '' : String(test.labels[index]);
  return Array.from(test.values.subarray(index * test.width, (index + 1) * test.width), (value) =>
    String(Number(value.toPrecision(4))),
  ).join(', ');
}
