import { basename } from 'node:path';
import type { Graph } from './graph.js';
import type { ModelOutline, StreamedFile, WrittenFile } from './model.js';
import { withZerosKept } from './pad-before-max.js';
import type { MigrationPlan } from './plan.js';
import type { Requantized } from './tfjs/write.js';
import { isTfjsGraphModel } from './tfjs-graph/model.js';
import { isTfjsLayersModel } from './tfjs-layers/model.js';

/** A migrated model as files: those to write, the entry file among them, and those that it no longer uses. */
export interface PatchedModel {
  readonly entry: string;
  readonly files: readonly (WrittenFile | StreamedFile)[];
  readonly obsolete: readonly string[];
  /** changed weights that are stored in a quantised type, with what that cost each */
  readonly requantized: readonly Requantized[];
}

/**
 * Applies a baked graph to the model's own files, in its own format. What the migration does not touch stays as it was. A format's
 * modules are loaded when a model of it is met.
 */
export async function patchModel(model: ModelOutline, plan: MigrationPlan, baked: Graph): Promise<PatchedModel> {
  const entry = basename(model.path);
  if (model.format === 'onnx') {
    const { encodeOnnx } = await import('./onnx/write.js');
    return { entry, files: encodeOnnx(model, withZerosKept(baked, model.graph, plan)), obsolete: [], requantized: [] };
  }
  if (isTfjsGraphModel(model)) {
    const { patchTfjsGraph } = await import('./tfjs-graph/patch.js');
    return { entry, ...patchTfjsGraph(model, plan, baked) };
  }
  if (isTfjsLayersModel(model)) {
    const { patchTfjsLayers } = await import('./tfjs-layers/patch.js');
    return { entry, ...patchTfjsLayers(model, plan, baked) };
  }
  throw new Error(`${model.path} was not read by the reader of its format`);
}
