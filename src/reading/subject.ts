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
 * @throws Failure('input') when it cannot be read, or has nothing to be fed with or to give
 */
export async function loadSubject(path: string): Promise<LoadedSubject> {
  const model = await loadModel(path);
  return { model, signature: signatureOf(model.graph) };
}
