import type { EvaluateResult } from '../contract/result.js';
import type { DeviceName } from '../contract/settings.js';
import { confusionMatrix, evaluateMetrics } from '../evaluation/metrics.js';
import { describeModel } from '../model/describe.js';
import type { DataPart } from '../reading/data.js';
import { type Evaluation, evaluateSubject } from '../reading/evaluation.js';
import { withDevice } from '../runtime/open-device.js';

export interface EvaluateOptions extends Evaluation {
  readonly device: DeviceName;
}

export function evaluateModel({ device: requested, ...evaluation }: EvaluateOptions): Promise<EvaluateResult> {
  return withDevice(requested, async (device) => {
    const { model, part, predictions, scores, truth } = await evaluateSubject(evaluation, device);
    return {
      model: describeModel(model),
      data: describeData(part),
      device: device.description,
      metrics: evaluateMetrics(scores, truth),
      confusion: truth.kind === 'class' ? confusionMatrix(scores, truth.labels, truth.classes) : null,
      seconds: predictions.seconds,
    };
  });
}

export function describeData({ inputs, split }: DataPart): EvaluateResult['data'] {
  const { path, format, targets } = inputs.dataset;
  return { path, format, count: split.count, classes: targets.kind === 'class' ? targets.names.length : null };
}
