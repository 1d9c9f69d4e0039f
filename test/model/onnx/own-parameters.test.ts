import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultPlanOptions } from '../../../src/contract/settings.js';
import { loadModel, outlineModel } from '../../../src/model/load.js';
import { ownParameters } from '../../../src/model/onnx/own-parameters.js';
import { DataType, floatTensor, int64Tensor, readFloats } from '../../../src/model/tensor.js';
import { float32 } from '../../../src/runtime/session.js';
import { controlNetwork } from '../../../src/training/networks.js';
import { planMigration } from '../../../transforms/plan/plan-migration.js';
import { node } from '../../autodiff/check-gradient.js';
import { graphOf, operators } from '../../autodiff/lower/model.js';
import { plainStepper } from '../../training/plain-stepper.js';

/** An untrained network as torch.onnx writes it: its second normalization, and all statistics, are the first one's ones and zeros. */
const untrained = () =>
  graphOf({
    inputs: { x: [-1, 2] },
    constants: [
      floatTensor('0.weight', [2, 2], [1, 2, 3, 4]),
      floatTensor('1.weight', [2], [1, 1]),
      floatTensor('1.bias', [2], [0, 0]),
    ],
    nodes: [
      ...['4.running_var', '4.weight', '1.running_var'].map((name) => node('Identity', ['1.weight'], [name])),
      ...['4.running_mean', '4.bias', '1.running_mean'].map((name) => node('Identity', ['1.bias'], [name])),
      node('MatMul', ['x', '0.weight'], ['h']),
      node('BatchNormalization', ['h', '1.weight', '1.bias', '1.running_mean', '1.running_var'], ['n']),
      node('Relu', ['n'], ['r']),
      node('BatchNormalization', ['r', '4.weight', '4.bias', '4.running_mean', '4.running_var'], ['y']),
    ],
  });

describe('parameters that were written once for their equal values', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frelu-own-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('are read as each a tensor, under the name that it had', async () => {
    const path = join(folder, 'untrained.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, untrained().model));
    for (const { graph } of [await loadModel(path), await outlineModel(path)]) {
      expect(operators(graph)).toEqual(['MatMul', 'BatchNormalization', 'Relu', 'BatchNormalization']);
      expect(graph.nodes[3]?.input).toEqual(['r', '4.weight', '4.bias', '4.running_mean', '4.running_var']);
      expect(['4.weight', '4.running_mean'].map((name) => graph.initializer(name))).toMatchObject([
        { dims: [2n], dataType: DataType.FLOAT },
        { dims: [2n], dataType: DataType.FLOAT },
      ]);
    }
  });

  it('are trained each by itself, the statistics by the batch', async () => {
    const graph = untrained();
    ownParameters(graph);
    const model = { format: 'onnx', path: 'untrained.onnx', files: [], graph } as const;
    const { trainable } = controlNetwork(model, planMigration(graph, defaultPlanOptions), 'all');
    expect(trainable.parameters).toEqual(['0.weight', '1.weight', '1.bias', '4.weight', '4.bias']);
    const stepper = plainStepper(trainable, { batchNorm: 'batch', sampleShapes: { x: [2] } });
    const inputs = { x: float32(Float32Array.of(1, 0, 0, 1), [2, 2]) };
    await stepper.run({ inputs, targets: new Float32Array(4), count: 2 }, { weights: 0, sites: 0 });
    const state = await stepper.read();
    // h is the weights: its means are 2 and 3; r is 0 and about 1 of each column
    expect(state.get('1.running_mean')?.[0]).toBeCloseTo(0.2, 6);
    expect(state.get('1.running_mean')?.[1]).toBeCloseTo(0.3, 6);
    expect(state.get('4.running_mean')?.[0]).toBeCloseTo(0.05, 5);
    await stepper.release();
  });

  it('stay tied where their values are their own, and where nothing shares them', () => {
    const graph = graphOf({
      inputs: { x: [-1, 2] },
      constants: [
        floatTensor('tied', [2], [1, 2]),
        floatTensor('matrix', [2, 2], [0, 0, 0, 0]),
        floatTensor('alone', [2], [0, 0]),
        int64Tensor('shape', [2], [-1, -1]),
      ],
      nodes: [
        node('Identity', ['tied'], ['tied_too']),
        node('Identity', ['matrix'], ['matrix_too']),
        node('Identity', ['alone'], ['renamed']),
        node('Add', ['x', 'tied'], ['a']),
        node('Add', ['a', 'tied_too'], ['b']),
        node('MatMul', ['b', 'matrix'], ['c']),
        node('MatMul', ['c', 'matrix_too'], ['d']),
        node('Add', ['d', 'renamed'], ['y']),
      ],
    });
    const before = operators(graph);
    ownParameters(graph);
    expect(operators(graph)).toEqual(before);
  });

  it('include a statistic that is read as something else too, and none that one normalization has at several places', () => {
    const statistics = ['gamma', 'zero', 'zero', 'variance'];
    const graph = graphOf({
      inputs: { x: [-1, 2] },
      constants: [
        floatTensor('gamma', [2], [1, 2]),
        floatTensor('zero', [2], [0, 0]),
        floatTensor('variance', [2], [3, 4]),
      ],
      nodes: [
        node('BatchNormalization', ['x', ...statistics], ['once']),
        node('BatchNormalization', ['once', ...statistics], ['y']),
      ],
    });
    ownParameters(graph);
    const [first, second] = graph.nodes;
    expect(first?.input.slice(1, 5)).toEqual(['gamma', 'zero', 'once/mean', 'variance']);
    expect(second?.input.slice(1, 5)).toEqual(['gamma', 'zero', 'once/mean', 'variance']);
    const own = graph.initializer('once/mean');
    expect(own === undefined ? null : [...readFloats(own)]).toEqual([0, 0]);
  });
});
