import { present } from '../contract/present.js';
import { wantedTargets } from '../data/samples.js';
import { type DataPart, sampleShapesOf } from '../reading/data.js';
import type { OwnGraph } from '../reading/own-graphs.js';
import { sampleShape } from '../reading/scorer.js';
import type { SampleShapes } from '../runtime/predictor.js';
import type { StepSettings } from '../training/prepare.js';
import { perRun } from './run.js';
import { readRunOf } from './stages/reading.js';

/** The shapes of what training graphs are fed with, for one sample. */
export const trainingShapesOf = perRun(async (run): Promise<Pick<StepSettings, 'sampleShapes' | 'lossShapes'>> => {
  const { train } = (await readRunOf(run)).data;
  const loss = run.own?.loss ?? null;
  return { sampleShapes: sampleShapesOf(train), ...(loss !== null && { lossShapes: lossShapesOf(loss, train) }) };
});

/** The shape of one sample of each target of a loss of the user's. */
function lossShapesOf({ inputs }: OwnGraph, { samples }: DataPart): SampleShapes {
  const targets = wantedTargets(samples);
  const shapes = inputs.flatMap(({ name, shape, output }) =>
    output === null ? [[name, sampleShape(present(targets.get(name), `the targets '${name}'`), shape)] as const] : [],
  );
  return Object.fromEntries(shapes);
}
