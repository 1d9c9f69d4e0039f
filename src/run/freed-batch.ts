import { Failure, messageOf } from '../contract/failure.js';
import type { Model } from '../model/model.js';
import type { DataPart } from '../reading/data.js';
import { maxAbsDifference, type Predictions, predict } from '../reading/predictions.js';
import { fixedBatch, type Signature, signatureOf } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import { canonicalCopy } from '../training/canonical.js';

const samples = 8;

/** A difference beyond this share of the largest output is not rounding. */
const tolerance = 1e-3;

/**
 * A model whose export fixed the batch size is trained on a graph in which that was freed (`freeBatch`). This holds the
 * two against each other: sample by sample as the model came, and several at once as it is to be trained. A graph can mix
 * samples in ways that no rewrite frees.
 * @throws Failure('input') when the two differ, or the freed graph does not run
 */
export async function checkFreedBatch(
  { path, graph }: Model,
  original: Signature,
  part: DataPart,
  predictions: Predictions,
  session: InferenceSession.SessionOptions,
): Promise<void> {
  const fixed = fixedBatch(original);
  if (fixed === null) return;
  const refuse = (why: string, cause?: unknown): Failure =>
    new Failure(
      'input',
      {
        what: `${path}: its batch size is fixed at ${fixed}, and it cannot be trained in larger batches: ${why}.`,
        cure: 'Export it with a dynamic batch size.',
        written: 'model-untouched',
      },
      { cause },
    );
  let together: Predictions;
  try {
    const freed = canonicalCopy(path, graph);
    const signature = { ...signatureOf(freed), output: original.output };
    together = await predict(freed.model, signature, part, session, samples);
  } catch (cause) {
    const [why = ''] = messageOf(cause).split('\n');
    throw refuse(why, cause);
  }
  const apart = predictions.values.subarray(0, together.values.length);
  const scale = apart.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const difference = apart.length === together.values.length ? maxAbsDifference(apart, together.values) : Number.NaN;
  if (!(difference <= tolerance * scale))
    throw refuse(`its samples do not stay apart (outputs differ by ${difference})`);
}
