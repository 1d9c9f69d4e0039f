import { describe, expect, it } from 'vitest';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { controlNetwork, freluNetwork, withScope } from '../../src/training/networks.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { parseGraph } from '../transforms/notation.js';

/** Convolutions with biases, normalization and two dense layers; `c2` pads with zeros, so that an offset does not fold into it. */
const network = `
  x: float[N,3,6,6]
  w1 = float[4,3,3,3]
  b1 = float[4] 0
  w2 = float[4,4,3,3]
  b2 = float[4] 0
  scale = float[4] 1
  beta = float[4] 0
  mean = float[4] 0
  var = float[4] 1
  w3 = float[4,5]
  b3 = float[5] 0
  w4 = float[5,2]
  b4 = float[2] 0
  c1 = Conv(x, w1, b1) name=c1
  r1 = Relu(c1) name=r1
  c2 = Conv(r1, w2, b2) pads=[1,1,1,1] name=c2
  n2 = BatchNormalization(c2, scale, beta, mean, var) name=n2
  r2 = Relu(n2) name=r2
  g = GlobalAveragePool(r2)
  f = Flatten(g)
  d3 = MatMul(f, w3)
  a3 = Add(d3, b3)
  r3 = Relu(a3) name=r3
  y = Gemm(r3, w4, b4)
  -> y`;

function trainedBy(scope: Parameters<typeof withScope>[1], options: Partial<PlanOptions> = {}) {
  const graph = parseGraph(network);
  const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
  const plan = planMigration(graph, { ...defaultPlanOptions, ...options });
  const control = controlNetwork(model, plan, 'all');
  const { parameters, roles } = control.trainable;
  const frelu = freluNetwork(model, plan, 'all', parameters, 0);
  const shared = { ...frelu, trainable: { ...frelu.trainable, roles: { ...roles, besideSites: new Set<string>() } } };
  return {
    control: withScope(control, scope).trainable.parameters.toSorted(),
    frelu: withScope(shared, scope).trainable.parameters.toSorted(),
  };
}

describe('what an arm trains', () => {
  it('is in the control arm, where the other trains shifts and offsets, the biases that they act through', () => {
    // r1 into c1's bias and its offset before c2; r2 into beta and b3; r3 into b3 and b4
    expect(trainedBy('offsets')).toEqual({ control: ['b1', 'b2', 'b3', 'b4', 'beta'], frelu: [] });
    expect(trainedBy('offsets', { include: ['r3'] }).control).toEqual(['b3', 'b4']);
    // with the floor of FReLU as its padding, c2 takes the offset up
    expect(trainedBy('offsets', { include: ['r1'], padding: 'floor' }).control).toEqual(['b1', 'b2']);
    // through the pooling, to the bias behind the product
    expect(trainedBy('offsets', { include: ['r2'], form: 'explicit' }).control).toEqual(['b3', 'beta']);
  });

  it('is the same of the model in both arms where it is more', () => {
    const biases = ['b1', 'b2', 'b3', 'b4', 'beta'];
    expect(trainedBy('biases')).toEqual({ control: biases, frelu: biases });
    expect(trainedBy('all').control).toEqual(trainedBy('all').frelu);
    expect(trainedBy('head', { include: ['r1'] })).toEqual({
      control: ['b1', 'b2', 'b4', 'w4'],
      frelu: ['b4', 'w4'],
    });
  });
});
