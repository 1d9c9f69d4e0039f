import type { ModelProto } from './graph.js';
import type { Model } from './model.js';

/** What ONNX Runtime loads for a model: an .onnx file by its path, so that external data is found; a tfjs model as its graph. */
export function sourceOf(model: Model): ModelProto | string {
  return model.format === 'onnx' ? model.path : model.graph.model;
}
