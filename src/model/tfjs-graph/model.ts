import { type NodeProto, outputName } from '../graph.js';
import type { Model, ModelOutline } from '../model.js';
import type { TfjsFiles } from '../tfjs/files.js';
import type { WeightOrigin } from '../tfjs/origin.js';
import type { Slot, WeightUse } from './context.js';
import type { GraphDef } from './graph-def.js';

/** A GraphModel as an ONNX graph, with what is needed to write changes back to its own files. */
export interface TfjsGraphModel extends Model {
  readonly format: 'tfjs-graph';
  readonly tfjs: TfjsFiles;
  readonly definition: GraphDef;
  /** by initializer: the weight it was made from */
  readonly origins: ReadonlyMap<string, WeightOrigin>;
  /** by ONNX node (its first output) and input: the input of the GraphDef node that reads the weight there */
  readonly weightUses: ReadonlyMap<string, WeightUse>;
  /** by ONNX node (its first output): the GraphDef node that it was written for */
  readonly sources: ReadonlyMap<string, string>;
  /** by ONNX node (its first output): what it reads as input 0, where that is not input 0 of the node it was written for */
  readonly dataInputs: ReadonlyMap<string, Slot>;
}

export function isTfjsGraphModel(model: ModelOutline): model is TfjsGraphModel {
  return model.format === 'tfjs-graph' && 'definition' in model;
}

/** The key of `TfjsGraphModel.weightUses`. */
export function useKey(node: NodeProto, input: number): string {
  return `${outputName(node)} ${input}`;
}
