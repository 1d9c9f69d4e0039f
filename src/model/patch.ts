import { basename } from 'node:path';
import type { Graph } from './graph.js';
import type { ModelOutline, StreamedFile, WrittenFile } from './model.js';
import { encodeOnnx } from './onnx/write.js';
import type { MigrationPlan } from './plan.js';
import type { Requantized } from './tfjs/write.js';
import { patchTfjsGraph } from './tfjs-graph/patch.js';
import { isTfjsGraphModel } from './tfjs-graph/read.js';
import { patchTfjsLayers } from './tfjs-layers/patch.js';
import { isTfjsLayersModel } from './tfjs-layers/read.js';

/** A migrated model as files: those to write, the entry file among them, and those that it no longer uses. */
export interface PatchedModel {
  readonly entry: string;
  readonly files: readonly (WrittenFile | StreamedFile)[];
  readonly obsolete: readonly string[];
  /** changed weights that are stored in a quantised type, with what that cost each */
  readonly requantized: readonly Requantized[];
}

/** Applies a baked graph to the model's own files, in its own format. What the migration does not touch stays as it was. */
export function patchModel(model: ModelOutline, plan: MigrationPlan, baked: Graph): PatchedModel {
  if (isTfjsGraphModel(model)) return { entry: basename(model.path), ...patchTfjsGraph(model, plan, baked) };
  if (isTfjsLayersModel(model)) return { entry: basename(model.path), ...patchTfjsLayers(model, plan, baked) };
  return { entry: basename(model.path), files: encodeOnnx(model, baked), obsolete: [], requantized: [] };
}
