import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type { OutputReading } from '../contract/reading.js';
import { headsOf } from '../model/head.js';
import { readSource } from '../model/source.js';
import { elementCount } from '../model/tensor.js';
import { anomalySentences } from './anomaly-classes.js';
import { anomalyLabels, anomalyMeasure } from './anomaly-labels.js';
import { predict } from './predictions.js';
import { dataSentences, inputReadings, type ModelReading, type ReadingQuestion } from './reading.js';
import { checkRuntime, soundSession } from './runtime.js';
import type { RunTask } from './task.js';

/**
 * Reads a model that gives its input again. Its target is the input as the model is fed with it; the mean square of the difference is
 * what a sample's strangeness is, and labels, 1 for an anomaly and 0 for a normal sample, are needed of the test data alone.
 * @throws Failure('input') where no output, or several, are as wide as the input, or the model has several inputs
 */
export async function readAnomaly(question: ReadingQuestion): Promise<ModelReading> {
  const { model, part, options, session } = question;
  const [input, ...further] = part.inputs;
  const { shape } = present(input, 'the input of the model');
  if (further.length > 0) {
    throw refusal(
      `${model.path}: it has ${part.inputs.length} inputs, and an anomaly is told by one that is given again.`,
    );
  }
  const heads = headsOf(model.graph).filter(({ valueMeaning }) => valueMeaning !== 'label');
  const named = options.reading.outputs[0]?.name ?? null;
  const candidates = named === null ? heads : heads.filter(({ output }) => output === named);
  const widths = new Map<string, number>();
  for (const head of candidates) {
    const read = { ...question.signature, output: head.value };
    widths.set(head.output, (await predict(readSource(model, read), read, part, session, 1)).width);
  }
  const width = elementCount(shape);
  const [head, ...others] = candidates.filter((each) => widths.get(each.output) === width);
  if (head === undefined || others.length > 0) {
    const seen = candidates.map((each) => `'${each.output}' (${widths.get(each.output)} wide)`).join(', ') || 'none';
    const why = head === undefined ? 'no output is' : 'several outputs are';
    throw refusal(`${model.path}: ${why} as wide as the input (${width}). Its outputs are ${seen}.`);
  }
  anomalyLabels(part.samples.path, part.samples.targets);
  const signature = { ...question.signature, output: head.value };
  const measured = { ...part, measures: [anomalyMeasure] };
  const runtime = await checkRuntime(question, head.value);
  const sound = soundSession(session, runtime);
  const predictions = await predict(readSource(model, signature), signature, measured, sound);
  const task: RunTask = {
    task: 'anomaly',
    loss: 'mse',
    metric: options.task.metric === 'reconstructionError' ? 'reconstructionError' : 'auroc',
    scores: 'values',
    width,
    distilled: false,
  };
  const outputs = headsOf(model.graph).map((each): OutputReading => {
    const judged = each.output === head.output;
    return {
      name: each.output,
      dtype: each.dtype,
      width: widths.get(each.output) ?? null,
      judged,
      meaning: 'values',
      evidence: judged ? phrase('output.reconstruction') : each.evidence,
      lossAt: judged ? each.value : null,
    };
  });
  return {
    signature,
    output: head.output,
    task,
    kind: 'classification',
    map: null,
    predictions,
    others: [],
    reading: {
      inputs: await inputReadings(question),
      outputs,
      choice: phrase('choice.anomaly', { name: head.output }),
      task: 'anomaly',
      loss: 'mse',
      classes: null,
      sanity: null,
      untrained: null,
      data: [...anomalySentences(question.classes), ...dataSentences(part)],
      runtime,
      trusted: options.reading.trustReading,
    },
  };
}

function refusal(what: string): Failure {
  return new Failure('input', {
    what,
    cure: 'Give a model of one input that gives its input again, or name the output that does.',
    settings: ['output', 'task'],
    written: 'model-untouched',
  });
}
