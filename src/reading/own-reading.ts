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
      evidence: isRead ? `the loss ${lossFile} reads it as it is` : head.evidence,
      lossAt: isRead ? head.output : null,
    };
  });
  const by =
    judgedBy.by === 'metric'
      ? `What is judged is the metric '${judgedBy.name}' of each sample.`
      : `What is judged is the loss '${judgedBy.name}' of each sample alone, fed as a batch of one.${apartSentence(apart)}`;
  const aside = lossAside === null ? '' : ` The loss is no measure of a sample: ${lossAside}.`;
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
      choice:
        `The loss ${lossFile} reads ${read.map((name) => `'${name}'`).join(', ')}; in training and validation it is computed of each batch, and ` +
        `the validation loss is the mean over the batches, weighted by their samples. ${by}${aside}`,
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
function apartSentence(apart: CheckedGraphs['apart']): string {
  if (apart === null) return '';
  const { samples, mean, together } = apart;
  return (
    ` On ${samples} samples its mean is ${Number(mean.toPrecision(4))}, and the loss of them together ${Number(together.toPrecision(4))}: ` +
    'a metric says which number counts.'
  );
}
