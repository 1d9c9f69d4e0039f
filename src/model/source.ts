import { needsExplicitPads } from './explicit-pads.js';
import type { ModelProto } from './graph.js';
import type { Model } from './model.js';
import { padsBeforeMaxPool } from './pad-before-max.js';
import { withAxisBehindChannels } from './rows-of-batch-norm.js';

/**
 * What ONNX Runtime loads for a model: an .onnx file by its path, so that external data is found, unless it does not run as it is,
 * or not rightly (`openSession` sees to that where it has the message); a tfjs model as its graph.
 */
export function sourceOf(model: Model): ModelProto | string {
  const proto = model.graph.model;
  const isPlain =
    !needsExplicitPads(proto) && padsBeforeMaxPool(proto).length === 0 && withAxisBehindChannels(proto) === proto;
  return model.format === 'onnx' && isPlain ? model.path : proto;
}

/** What ONNX Runtime loads to be asked for the output of a signature, which may be a value within the graph. */
export function readSource(model: Model, { output }: { readonly output: string }): ModelProto | string {
  return model.graph.proto.output.some(({ name }) => name === output) ? sourceOf(model) : model.graph.model;
}
