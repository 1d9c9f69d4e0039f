import { dataTargets } from './data.js';
import { onnx, tfjsGraph, tfjsLayers } from './models.js';
import { runTargets } from './runs.js';
import type { Target } from './target.js';

export const targets: readonly Target[] = [onnx, tfjsLayers, tfjsGraph, ...dataTargets, ...runTargets];
