import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type { OutputReading } from '../contract/reading.js';
import { headsOf } from '../model/head.js';
import { readSource } from '../model/source.js';
import { outputsRead } from './own-graphs.js';
import { type CheckedGraphs, checkOwnGraphs, measuresOf, requireMeasure } from './own-measures.js';
import { predict } from './predictions.js';
import { dataSentences, inputReadings, type ModelReading, type ReadingQuestion } from './reading.js';
import { checkRuntime, soundSession } from './runtime.js';
import type { RunTask } from './task.js';

/**
 * Reads a model of which nothing is known but the loss that it is trained with: the loss says which outputs count. The first of them stands
 * for the model where one output must (differences, explanations); what is judged is what the metric, or the loss itself, says of each sample.
 * @throws Failure('input') where the loss or the metric does not fit the model and the data
 */
export async function readByOwnLoss(question: ReadingQuestion): Promise<ModelReading> {
  const { model, part, options, session } = question;
  const own = present(question.own, 'the loss of the user');
  const checked = await checkOwnGraphs({ ...question, own });
  const judgedBy = requireMeasure(checked, own);
  const { measures, lossAside, apart } = checked;
  const read = outputsRead([own.loss]);
  const output = present(read[0], 'an output that the loss reads');
  const signature = { ...question.signature, output };
  const measured = { ...part, measures: measuresOf(own, measures) };
  const runtime = await checkRuntime(question, output);
  const sound = soundSession(session, runtime);
  const predictions = await predict(readSource(model, signature), signature, measured, sound);
  const lossFile = present(own.loss, 'the loss of the user').path;
  const task: RunTask = {
    task: 'own',
    loss: 'mse',
    metric: judgedBy.name,
    scores: 'values',
    width: predictions.width,
    distilled: false,
    own: measures,
    lossFile,
  };
  const outputs = headsOf(model.graph).map((head): OutputReading => {
    const isRead = read.includes(head.output);
    return {
      name: head.output,
      dtype: head.dtype,
      width: head.output === output ? predictions.width : null,
      judged: head.output === output,
      meaning: 'values',
      evidence: isRead ? phrase('output.ownLoss', { path: lossFile }) : head.evidence,
      lossAt: isRead ? head.output : null,
    };
  });
  const by =
    judgedBy.by === 'metric'
      ? [phrase('choice.ownMetric', { name: judgedBy.name })]
      : [phrase('choice.ownLossOfSample', { name: judgedBy.name }), ...apartSentence(apart)];
  const aside = lossAside === null ? [] : [phrase('choice.lossAside', { why: lossAside })];
  return {
    signature,
    output,
    task,
    kind: 'regression',
    map: null,
    predictions,
    others: [],
    reading: {
      inputs: await inputReadings(question),
      outputs,
      choice: [
        phrase('choice.ownLoss', { path: lossFile, names: read.map((name) => `'${name}'`).join(', ') }),
        ...by,
        ...aside,
      ].join(' '),
      task: 'own',
      loss: lossFile,
      classes: null,
      sanity: null,
      untrained: null,
      data: dataSentences(part),
      runtime,
      trusted: options.reading.trustReading,
    },
  };
}

/** A weighted mean over a batch has lost its weights where a sample is alone: that is said, since a metric may be what is meant. */
function apartSentence(apart: CheckedGraphs['apart']): string[] {
  if (apart === null) return [];
  const { samples, mean, together } = apart;
  const short = (value: number): number => Number(value.toPrecision(4));
  return [phrase('choice.lossApart', { count: samples, mean: short(mean), together: short(together) })];
}
