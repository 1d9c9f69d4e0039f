import { Failure } from '../contract/failure.js';
import { loadModel } from '../model/load.js';
import type { Model } from '../model/model.js';
import { type Signature, signatureOf } from '../runtime/predictor.js';

/** A model that can be fed. */
export interface LoadedSubject {
  readonly model: Model;
  readonly signature: Signature;
}

/**
 * Loads a model for whatever runs it.
 * @throws Failure('input') when it cannot be read, or a data set of one array per sample cannot feed it
 */
export async function loadSubject(path: string): Promise<LoadedSubject> {
  const model = await loadModel(path);
  const feeds = model.graph.feeds();
  if (feeds.length !== 1) {
    throw new Failure('input', {
      what: `${model.path}: the model has ${feeds.length} inputs (${feeds.map(({ name }) => name).join(', ')}); data sets feed exactly one.`,
      cure: 'Inspect and rewrite it without data, or export a model of one input.',
      written: 'nothing',
    });
  }
  return { model, signature: signatureOf(model.graph) };
}
