import type { Model } from '../model/model.js';
import { isRecurrent } from '../model/recurrent.js';
import type { TrainingSettings } from './spec.js';

interface Clipped {
  readonly model: Pick<Model, 'graph'>;
  readonly options: { readonly training: Pick<TrainingSettings, 'clipNorm'> };
}

/** What gradients of recurrent networks are limited to where nobody says it: they grow with every step back in time (Pascanu et al. 2013, arXiv 1211.5063). */
const recurrentLimit = 1;

/** The limit of the gradient's norm, as told, or as the network asks for; null: none. */
export function clipNormOf({ model, options }: Clipped): number | null {
  const { clipNorm } = options.training;
  if (clipNorm !== 'auto') return clipNorm;
  return isRecurrent(model.graph) ? recurrentLimit : null;
}
