import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
} from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { canonicalOpset, raiseOpset } from '../../src/autodiff/opset.js';
import { Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import { DataType, elementCount, floatTensor, int64Tensor, type TensorProto } from '../../src/model/tensor.js';
import { float32, runOnce, type Tensor } from '../../src/runtime/session.js';
import { random, valueInfo } from './check-gradient.js';

interface Old {
  readonly opset: number;
  readonly nodes: readonly NodeProto[];
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly constants?: readonly TensorProto[];
  readonly outputs?: readonly string[];
}

const x234 = { x: [2, 3, 4] };

function modelOf({ opset, nodes, inputs = x234, constants = [], outputs = ['y'] }: Old): ModelProto {
  return create(ModelProtoSchema, {
    // IR 3, the first with op sets: initializers are listed as inputs
    irVersion: opset < 9 ? 3n : 7n,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: 'old',
      node: [...nodes],
      initializer: [...constants],
      input: [
        ...Object.entries(inputs).map(([name, shape]) => valueInfo(name, shape)),
        ...constants.map(({ name, dims, dataType }) => valueInfo(name, dims.map(Number), dataType)),
      ],
      output: outputs.map((name) => valueInfo(name)),
    },
  });
}

async function run(model: ModelProto, inputs: Readonly<Record<string, readonly number[]>>) {
  const next = random(3);
  const feeds: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(inputs)) {
    feeds[name] = float32(
      Float32Array.from({ length: elementCount(shape) }, () => 4 * next() - 2),
      shape,
    );
  }
  return runOnce(model, feeds);
}

/** Runs a model as it is and raised, and compares every output. Returns the raised graph. */
async function sameWhenRaised(old: Old, shapes?: ReadonlyMap<string, readonly number[]>): Promise<Graph> {
  const { inputs = x234 } = old;
  const model = modelOf(old);
  const before = await run(model, inputs);
  const graph = new Graph(model).copy();
  raiseOpset(graph, 'old.onnx', shapes);
  expect(graph.opset()).toBe(Math.max(canonicalOpset, old.opset));
  const after = await run(graph.model, inputs);
  for (const [name, tensor] of Object.entries(before)) {
    expect(after[name]?.dims).toEqual(tensor.dims);
    const values = [...(after[name]?.data ?? [])].map(Number);
    [...tensor.data].forEach((value, i) => {
      expect(values[i], `${name}[${i}]`).toBeCloseTo(Number(value), 6);
    });
  }
  return graph;
}

const operators = (graph: Graph) => graph.nodes.map(({ opType }) => opType);

describe('attributes that became inputs', () => {
  it.each([7, 10])('Clip of op set %d, with both limits, one and none', async (opset) => {
    await sameWhenRaised({
      opset,
      nodes: [makeNode('Clip', ['x'], ['y'], { min: { float: -0.5 }, max: { float: 1 } })],
    });
    await sameWhenRaised({ opset, nodes: [makeNode('Clip', ['x'], ['y'], { max: { float: 0.3 } })] });
    await sameWhenRaised({ opset, nodes: [makeNode('Clip', ['x'], ['y'])] });
  });

  it.each([7, 10])('Pad of op set %d', async (opset) => {
    const pads = { ints: [0, 1, 2, 1, 0, 0] };
    await sameWhenRaised({ opset, nodes: [makeNode('Pad', ['x'], ['y'], { pads, value: { float: 1.5 } })] });
    await sameWhenRaised({ opset, nodes: [makeNode('Pad', ['x'], ['y'], { pads, mode: { string: 'reflect' } })] });
  });

  it.each([7, 9])('Slice of op set %d, with and without axes', async (opset) => {
    const attributes = { starts: { ints: [1, -3] }, ends: { ints: [1000, -1] } };
    await sameWhenRaised({
      opset,
      nodes: [makeNode('Slice', ['x'], ['y'], { ...attributes, axes: { ints: [1, 2] } })],
    });
    await sameWhenRaised({
      opset,
      nodes: [makeNode('Slice', ['x'], ['y'], { starts: { ints: [1] }, ends: { ints: [2] } })],
    });
  });

  it('TopK of op set 9', async () => {
    await sameWhenRaised({
      opset: 9,
      nodes: [makeNode('TopK', ['x'], ['y', 'where'], { k: { int: 2 }, axis: { int: 1 } })],
      outputs: ['y', 'where'],
    });
  });

  it.each([7, 11, 12])('Squeeze, Unsqueeze and Split of op set %d', async (opset) => {
    await sameWhenRaised({
      opset,
      nodes: [
        makeNode('Unsqueeze', ['x'], ['u'], { axes: { ints: [0, 2] } }),
        makeNode('Squeeze', ['u'], ['s'], { axes: { ints: [2] } }),
        makeNode('Split', ['s'], ['y', 'z'], { axis: { int: 3 }, split: { ints: [1, 3] } }),
        makeNode('Split', ['z'], ['a', 'b', 'c'], { axis: { int: 3 } }),
      ],
      outputs: ['y', 'b', 'c'],
    });
  });

  it('Split of op set 17, in equal parts', async () => {
    await sameWhenRaised({
      opset: 17,
      nodes: [makeNode('Split', ['x'], ['y', 'z'], { axis: { int: 2 } })],
      outputs: ['y', 'z'],
    });
  });

  it.each([7, 11, 12, 13, 17])('the reductions of op set %d', async (opset) => {
    const axes = { axes: { ints: [0, 2] } };
    const names = ['L1', 'L2', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare', ...(opset < 13 ? ['Sum'] : [])];
    const nodes = names.map((name) => makeNode(`Reduce${name}`, ['x'], [name], { ...axes, keepdims: { int: 0 } }));
    await sameWhenRaised({ opset, nodes: [...nodes, makeNode('ReduceMean', ['x'], ['y'])], outputs: [...names, 'y'] });
  });

  it('DFT of op set 17', async () => {
    await sameWhenRaised({
      opset: 17,
      inputs: { x: [1, 8, 1] },
      nodes: [makeNode('DFT', ['x'], ['y'], { axis: { int: 1 } })],
    });
  });
});

describe('Softmax, LogSoftmax and Hardmax', () => {
  it.each(['Softmax', 'LogSoftmax', 'Hardmax'])('%s of op set 12 over all axes from one on', async (op) => {
    for (const attributes of [{}, { axis: { int: 0 } }, { axis: { int: -2 } }, { axis: { int: -1 } }]) {
      await sameWhenRaised({ opset: 12, nodes: [makeNode(op, ['x'], ['y'], attributes)] });
    }
  });

  it('stays one node where the shape shows that one axis is meant', async () => {
    const matrix = await sameWhenRaised({
      opset: 9,
      inputs: { x: [2, 5] },
      nodes: [makeNode('Softmax', ['x'], ['y'])],
    });
    expect(operators(matrix)).toEqual(['Softmax']);
    const pixels = await sameWhenRaised({
      opset: 9,
      inputs: { x: [2, 5, 1, 1] },
      nodes: [makeNode('Softmax', ['x'], ['y'])],
    });
    expect(operators(pixels)).toEqual(['Softmax']);
  });

  it('stays one node behind a Transpose to the last axis, as exporters write a Softmax over channels', async () => {
    const perm = { perm: { ints: [0, 2, 1] } };
    const nodes = [
      makeNode('Transpose', ['x'], ['t'], perm),
      makeNode('Softmax', ['t'], ['s'], { axis: { int: 2 } }),
      makeNode('Transpose', ['s'], ['y'], perm),
    ];
    expect(operators(await sameWhenRaised({ opset: 12, nodes }))).toEqual(['Transpose', 'Softmax', 'Transpose']);
  });

  it('takes observed shapes where the model declares none', async () => {
    const nodes = [makeNode('Relu', ['x'], ['r']), makeNode('Softmax', ['r'], ['y'], { axis: { int: 2 } })];
    const shapes = new Map([['r', [2, 3, 4]]]);
    expect(operators(await sameWhenRaised({ opset: 11, nodes }, shapes))).toEqual(['Relu', 'Softmax']);
  });
});

describe('normalisation', () => {
  const statistics = (shape: readonly number[]) => {
    const count = elementCount(shape);
    const spread = (from: number) => Array.from({ length: count }, (_, i) => from + ((i * 5) % 7) / 7);
    return [
      floatTensor('scale', shape, spread(0.5)),
      floatTensor('bias', shape, spread(-0.5)),
      floatTensor('mean', shape, spread(-0.3)),
      floatTensor('var', shape, spread(0.4)),
    ];
  };
  const batchNormalization = (outputs: readonly string[], spatial?: number) =>
    makeNode('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'], outputs, {
      epsilon: { float: 1e-3 },
      ...(spatial === undefined ? {} : { spatial: { int: spatial } }),
    });

  it('BatchNormalization of op sets 7, 8, 9 and 13', async () => {
    for (const opset of [7, 8, 9, 13]) {
      await sameWhenRaised({
        opset,
        constants: statistics([3]),
        nodes: [batchNormalization(['y'], opset < 9 ? 1 : undefined)],
      });
    }
  });

  it('initializers leave the list of inputs', async () => {
    const graph = await sameWhenRaised({ opset: 7, constants: statistics([3]), nodes: [batchNormalization(['y'])] });
    expect(graph.proto.input.map(({ name }) => name)).toEqual(['x']);
  });

  it('BatchNormalization per activation (spatial = 0)', async () => {
    await sameWhenRaised({ opset: 7, constants: statistics([3, 4]), nodes: [batchNormalization(['y'], 0)] });
  });

  it('statistics of the batch that are read are refused', () => {
    const nodes = [batchNormalization(['z', 'm', 'v', 'sm', 'sv']), makeNode('Relu', ['sm'], ['y'])];
    const model = modelOf({ opset: 9, constants: statistics([3]), nodes });
    expect(() => raiseOpset(new Graph(model), 'old.onnx')).toThrow(
      "old.onnx: node 'z' (BatchNormalization) of op set 9 cannot be raised to op set 21",
    );
  });

  it('GroupNormalization of op set 18, scaled per group', async () => {
    await sameWhenRaised({
      opset: 18,
      inputs: { x: [2, 6, 3] },
      constants: [floatTensor('s', [2], [0.5, 2]), floatTensor('b', [2], [1, -1])],
      nodes: [makeNode('GroupNormalization', ['x', 's', 'b'], ['y'], { num_groups: { int: 2 } })],
    });
  });
});

describe('Dropout', () => {
  it.each([7, 10, 12, 13, 22])('of op set %d becomes Identity', async (opset) => {
    const graph = await sameWhenRaised({ opset, nodes: [makeNode('Dropout', ['x'], ['y', 'mask'])] });
    expect(operators(graph)).toEqual(['Identity']);
  });
  it.each([7, 10, 13])('of op set %d with a mask that is read', async (opset) => {
    await sameWhenRaised({ opset, nodes: [makeNode('Dropout', ['x'], ['y', 'mask'])], outputs: ['y', 'mask'] });
  });
});

describe('Resize and Upsample', () => {
  const x = { x: [1, 2, 4, 3] };
  it.each(['nearest', 'linear'])('Upsample %s of op sets 7 and 9', async (mode) => {
    const scales = [1, 1, 2, 1.5];
    await sameWhenRaised({
      opset: 7,
      inputs: x,
      nodes: [makeNode('Upsample', ['x'], ['y'], { mode: { string: mode }, scales: { floats: scales } })],
    });
    await sameWhenRaised({
      opset: 9,
      inputs: x,
      constants: [floatTensor('s', [4], scales)],
      nodes: [makeNode('Upsample', ['x', 's'], ['y'], { mode: { string: mode } })],
    });
  });

  it.each([
    [2, 1.7],
    [0.5, 0.7],
    [1.6, 0.6],
  ])('Resize of op set 10 by %d and %d', async (height, width) => {
    for (const mode of ['nearest', 'linear']) {
      await sameWhenRaised({
        opset: 10,
        inputs: { x: [1, 2, 8, 7] },
        constants: [floatTensor('s', [4], [1, 1, height, width])],
        nodes: [makeNode('Resize', ['x', 's'], ['y'], { mode: { string: mode } })],
      });
    }
  });

  it.each([11, 12])('Resize of op set %d with empty roi and scales', async (opset) => {
    await sameWhenRaised({
      opset,
      inputs: x,
      constants: [floatTensor('none', [0], []), int64Tensor('sizes', [4], [1, 2, 7, 5])],
      nodes: [makeNode('Resize', ['x', 'none', 'none', 'sizes'], ['y'], { mode: { string: 'linear' } })],
    });
  });
});

describe('renamed operators, modes and defaults', () => {
  it('Scatter of op set 9', async () => {
    await sameWhenRaised({
      opset: 9,
      inputs: { x: [3, 2], u: [1, 2] },
      constants: [int64Tensor('i', [1, 2], [2, 0])],
      nodes: [makeNode('Scatter', ['x', 'i', 'u'], ['y'])],
    });
  });

  it('GridSample of op set 16', async () => {
    for (const mode of ['bilinear', 'bicubic', 'nearest']) {
      await sameWhenRaised({
        opset: 16,
        inputs: { x: [1, 1, 4, 4], g: [1, 3, 3, 2] },
        nodes: [makeNode('GridSample', ['x', 'g'], ['y'], { mode: { string: mode } })],
      });
    }
  });

  it('RoiAlign of op set 10', async () => {
    await sameWhenRaised({
      opset: 10,
      inputs: { x: [1, 1, 6, 6] },
      constants: [floatTensor('rois', [1, 4], [0.5, 1, 4, 5]), int64Tensor('i', [1], [0])],
      nodes: [makeNode('RoiAlign', ['x', 'rois', 'i'], ['y'], { output_height: { int: 2 }, output_width: { int: 2 } })],
    });
  });

  it('pooling with ceil_mode of op set 10', async () => {
    await sameWhenRaised({
      opset: 10,
      inputs: { x: [1, 1, 6, 6] },
      nodes: [
        makeNode('AveragePool', ['x'], ['y'], {
          kernel_shape: { ints: [3, 3] },
          strides: { ints: [2, 2] },
          pads: { ints: [1, 1, 1, 1] },
          ceil_mode: { int: 1 },
          count_include_pad: { int: 1 },
        }),
      ],
    });
  });

  it('a newer model keeps its op set', async () => {
    const graph = await sameWhenRaised({ opset: 22, nodes: [makeNode('Relu', ['x'], ['y'])] });
    expect(graph.opset()).toBe(22);
  });
});

describe('experimental operators, which op set 10 dropped', () => {
  const [alpha, beta] = [{ float: 1.5 }, { float: 0.7 }];
  it.each([
    makeNode('Affine', ['x'], ['y'], { alpha, beta }),
    makeNode('Crop', ['x'], ['y'], { border: { ints: [1, 0, 0, 2] } }),
    makeNode('Crop', ['x'], ['y'], { border: { ints: [1, 2, 0, 0] }, scale: { ints: [2, 3] } }),
    makeNode('ImageScaler', ['x'], ['y'], { scale: alpha, bias: { floats: [1, -2, 3] } }),
    makeNode('MeanVarianceNormalization', ['x'], ['y']),
    makeNode('MeanVarianceNormalization', ['x'], ['y'], { across_channels: { int: 1 } }),
    makeNode('MeanVarianceNormalization', ['x'], ['y'], { normalize_variance: { int: 0 } }),
    makeNode('ParametricSoftplus', ['x'], ['y'], { alpha, beta }),
    makeNode('Scale', ['x'], ['y'], { scale: alpha }),
    makeNode('ScaledTanh', ['x'], ['y'], { alpha, beta }),
    makeNode('ThresholdedRelu', ['x'], ['y'], { alpha: { float: 0.4 } }),
  ])('$opType', async (node) => {
    await sameWhenRaised({ opset: 8, inputs: { x: [2, 3, 5, 4] }, nodes: [node] });
  });
});

describe('bodies and functions', () => {
  it('the branches of an If', async () => {
    const branch = (name: string, node: NodeProto) =>
      create(AttributeProtoSchema, {
        name,
        type: AttributeType.GRAPH,
        g: { name, node: [node], output: [valueInfo(`${name}/y`)] },
      });
    const conditional = makeNode('If', ['c'], ['y']);
    conditional.attribute.push(
      branch('then_branch', makeNode('Clip', ['x'], ['then_branch/y'], { min: { float: 0 } })),
      branch('else_branch', makeNode('Clip', ['x'], ['else_branch/y'], { max: { float: 0 } })),
    );
    const nodes = [
      makeNode('ReduceSum', ['x'], ['sum'], { keepdims: { int: 0 } }),
      makeNode('Cast', ['sum'], ['c'], { to: { int: DataType.BOOL } }),
      conditional,
    ];
    await sameWhenRaised({ opset: 10, nodes });
  });

  it('a local function, called twice, with an attribute that has no value in one call', async () => {
    const reference = makeNode('LeakyRelu', ['a'], ['inner']);
    reference.attribute.push(
      create(AttributeProtoSchema, { name: 'alpha', type: AttributeType.FLOAT, refAttrName: 'slope' }),
    );
    const model = modelOf({
      opset: 17,
      nodes: [
        makeNode('Leak', ['x'], ['first'], { slope: { float: 0.3 } }, 'one', 'local'),
        makeNode('Leak', ['first'], ['second'], {}, 'two', 'local'),
        makeNode('Add', ['second', 'x'], ['y']),
      ],
    });
    model.irVersion = 8n;
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'local', version: 1n }));
    model.functions.push(
      create(FunctionProtoSchema, {
        domain: 'local',
        name: 'Leak',
        input: ['a'],
        output: ['b'],
        attribute: ['slope'],
        node: [
          reference,
          makeNode('ReduceMean', ['inner'], ['m'], { axes: { ints: [1] } }),
          makeNode('Sub', ['inner', 'm'], ['b']),
        ],
        opsetImport: [{ domain: '', version: 17n }],
      }),
    );
    const before = await run(model, x234);
    const graph = new Graph(model).copy();
    raiseOpset(graph, 'old.onnx');
    expect(graph.model.functions).toEqual([]);
    expect(operators(graph)).toEqual(['LeakyRelu', 'ReduceMean', 'Sub', 'LeakyRelu', 'ReduceMean', 'Sub', 'Add']);
    const after = await run(graph.model, x234);
    expect([...(after.y?.data ?? [])]).toEqual([...(before.y?.data ?? [])]);
  });
});
