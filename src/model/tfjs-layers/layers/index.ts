import type { LayerTable } from '../context.js';
import { activationLayers } from './activations.js';
import { convLstmLayers } from './conv-lstm.js';
import { convolutionLayers } from './convolution.js';
import { coreLayers } from './core.js';
import { freluLayers } from './frelu.js';
import { imageLayers } from './image.js';
import { mergeLayers } from './merge.js';
import { normalizationLayers } from './normalization.js';
import { poolingLayers } from './pooling.js';
import { preprocessingLayers } from './preprocessing.js';
import { recurrentLayers } from './recurrent.js';
import { wrapperLayers } from './wrappers.js';

/** Every layer that can be read, by its class name. Models within models and InputLayer are read.ts's own. */
export const layerTable: LayerTable = {
  ...activationLayers,
  ...convLstmLayers,
  ...convolutionLayers,
  ...coreLayers,
  ...freluLayers,
  ...imageLayers,
  ...mergeLayers,
  ...normalizationLayers,
  ...poolingLayers,
  ...preprocessingLayers,
  ...recurrentLayers,
  ...wrapperLayers,
};
