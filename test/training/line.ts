import type { Graph } from '../../src/model/graph.js';
import { floatTensor } from '../../src/model/tensor.js';
import { makeTrainable } from '../../src/training/prepare.js';
import type { Stepper } from '../../src/training/stepper.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';
import { plainStepper } from './plain-stepper.js';

/** y = x w, x [N, 1]: the weight tells how far training has come. */
export function line(weight: number): Graph {
  return graphOf({
    inputs: { x: [-1, 1] },
    constants: [floatTensor('w', [1, 1], [weight])],
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
  });
}

/** Trains w on the mean squared error. */
export function lineStepper(graph: Graph, momentum = 0, averageDecay: number | null = null): Stepper {
  const trainable = makeTrainable('line.onnx', graph, 'all');
  const optimizer = { kind: 'sgd', momentum, nesterov: false, weightDecay: 0 } as const;
  return plainStepper(trainable, { optimizer, averageDecay, sampleShapes: { x: [1] } });
}
