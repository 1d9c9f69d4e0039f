import type { AnyScores, Truth } from '../evaluation/metrics.js';
import type { ModelProto } from '../model/graph.js';
import { readSource } from '../model/source.js';
import { classNamesFor } from '../reading/data.js';
import { withPredictor } from '../reading/predictions.js';
import { scoresOf, truthOf } from '../reading/task.js';
import { defineJudge } from './judge.js';
import type { JudgedPredictions, Subject } from './subject.js';

export type Split = keyof JudgedPredictions;

/** The predictions of the trained arms: the frelu arm as its files read back, the control arm as it would have been written. */
export const trainedPredictions = defineJudge<{
  readonly control: JudgedPredictions | null;
  readonly frelu: JudgedPredictions;
}>({
  gives: ['control', 'frelu'],
  async measure(subject) {
    const { arms, networks, staged } = subject;
    const predictSplits = (source: ModelProto | string): Promise<JudgedPredictions> =>
      withPredictor(source, subject.signature, subject.device.session, async (predictOn) => ({
        test: await predictOn(subject.data.test),
        validation: await predictOn(subject.data.validation),
      }));
    const frelu = await predictSplits(readSource(staged.model, subject.signature));
    const control =
      arms.control === null ? null : await predictSplits(networks.control.bake(arms.control.outcome.parameters).model);
    return { control, frelu };
  },
});

/** What a split's predictions are compared with. */
export function truth({ task, data, before, teacher }: Subject, split: Split): Truth {
  const { samples, split: part } = data[split];
  return truthOf(task, samples.targets, part.indices, (teacher ?? before)[split].values);
}

export interface ArmScores {
  readonly before: AnyScores;
  readonly control: AnyScores | null;
  readonly frelu: AnyScores;
}

/** Every arm's predictions on a split, to be read as the task says. */
export async function armScores(subject: Subject, split: Split): Promise<ArmScores> {
  const { control, frelu } = await trainedPredictions.of(subject);
  const read = (predictions: JudgedPredictions): AnyScores => scoresOf(subject.task, predictions[split]);
  return { before: read(subject.before), control: control && read(control), frelu: read(frelu) };
}

/** The names of the classes on the test split; null for a task without classes. */
export function classNames(subject: Subject): readonly string[] | null {
  const test = truth(subject, 'test');
  return test.kind === 'class' || test.kind === 'mask' ? classNamesFor(subject.data, test.classes) : null;
}
