import { needsExplicitPads } from './explicit-pads.js';
import type { ModelProto } from './graph.js';
import type { Model } from './model.js';

/**
 * What ONNX Runtime loads for a model: an .onnx file by its path, so that external data is found, unless it does not run as it is;
 * a tfjs model as its graph.
 */
export function sourceOf(model: Model): ModelProto | string {
  return model.format === 'onnx' && !needsExplicitPads(model.graph.model) ? model.path : model.graph.model;
}
