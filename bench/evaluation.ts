import { endedProgram } from './command.js';

/** One run of `evaluate`: the whole process, and what it says its model took over the data. */
export interface EvaluationRun {
  readonly wholeSeconds: number;
  readonly seconds: number;
  /** of these, how many the model waited for data */
  readonly secondsWaiting: number;
  readonly peakBytes: number;
}

/** @throws Error with what it wrote to standard error when it fails */
export async function runEvaluate(model: string, data: string): Promise<EvaluationRun> {
  // an untrained model does no better than a guess
  const run = await endedProgram(['evaluate', model, '--data', data, '--json', '--trust-reading'], true);
  if (run.code !== 0) throw new Error(`evaluate failed: ${run.errors}`);
  const { seconds, secondsWaiting }: { seconds?: unknown; secondsWaiting?: unknown } = JSON.parse(run.output);
  return {
    wholeSeconds: run.seconds,
    seconds: Number(seconds),
    secondsWaiting: Number(secondsWaiting),
    peakBytes: run.peakBytes ?? Number.NaN,
  };
}
