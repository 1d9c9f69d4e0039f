import type { Model, ModelOutline } from '../model.js';
import type { TfjsFiles } from '../tfjs/files.js';
import type { WeightOrigin } from '../tfjs/origin.js';
import type { Activation, Slot } from './context.js';
import type { LayerCall, ModelSpec } from './topology.js';

/** A LayersModel, with what its patcher needs to find the way back from the graph to the files. */
export interface TfjsLayersModel extends Model {
  readonly format: 'tfjs-layers';
  readonly tfjs: TfjsFiles;
  readonly topology: ModelSpec;
  readonly origins: ReadonlyMap<string, WeightOrigin>;
  readonly slots: readonly Slot[];
  /** by the value of an activation (a site's output): the layer that ends with it */
  readonly activations: ReadonlyMap<string, Activation>;
  /** by a node's first output: the call of a layer that the node belongs to */
  readonly calls: ReadonlyMap<string, LayerCall>;
}

export function isTfjsLayersModel(model: ModelOutline): model is TfjsLayersModel {
  return model.format === 'tfjs-layers' && 'topology' in model;
}
