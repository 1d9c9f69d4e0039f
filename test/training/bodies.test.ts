import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  GraphProtoSchema,
  OperatorSetIdProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { Graph, makeNode, type NodeProto, tensorValue } from '../../src/model/graph.js';
import { DataType, floatTensor, int64Tensor, rawTensor, readFloats, writeFloats } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { makeTrainable, prepareBackward, type StepSettings } from '../../src/training/prepare.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { random } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

/* Sites and weights in bodies and functions, through the whole way to a step: their gradients against differences of the loss. */

const next = random(21);
const floats = (count: number): number[] => Array.from({ length: count }, () => next() * 2 - 1);
const [N, F] = [4, 3];
const x = Float32Array.from(floats(N * F));
const targets = Float32Array.from(floats(N * F));
const weights = () => [floatTensor('layer.w', [F, F], floats(F * F)), floatTensor('layer.b', [F], floats(F))];

function bodied(
  node: NodeProto,
  name: string,
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  inputs: readonly (readonly [string, number])[] = [],
): NodeProto {
  const g = create(GraphProtoSchema, {
    name,
    node: [...nodes],
    input: inputs.map(([input, type]) => tensorValue(input, type, type === DataType.FLOAT ? ['n', F] : [])),
    output: outputs.map((output) =>
      tensorValue(output, output === 'go' ? DataType.BOOL : DataType.FLOAT, output === 'go' ? [] : ['n', F]),
    ),
  });
  node.attribute.push(create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g }));
  return node;
}

const layer = (from: string, to: string): NodeProto[] => [
  makeNode('Gemm', [from, 'layer.w', 'layer.b'], [`${to}/h`]),
  makeNode('Relu', [`${to}/h`], [to], {}, `act/${to}`),
];

/** Which branch is taken, the data say. */
const choosing = (): Graph => {
  const choose = makeNode('If', ['condition'], ['y'], {}, 'choose');
  bodied(choose, 'then_branch', [...layer('x', 'r'), makeNode('Gemm', ['r', 'layer.w'], ['o'])], ['o']);
  bodied(choose, 'else_branch', [makeNode('Relu', ['x'], ['q'], {}, 'other')], ['q']);
  return graphOf({
    inputs: { x: [N, F] },
    constants: [...weights(), floatTensor('never', [], [-100])],
    nodes: [
      makeNode('ReduceSum', ['x'], ['total'], { keepdims: { int: 0 } }),
      makeNode('Greater', ['total', 'never'], ['condition']),
      choose,
    ],
  });
};

const looping = (): Graph =>
  graphOf({
    inputs: { x: [N, F] },
    constants: [...weights(), int64Tensor('rounds', [], [3]), rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1))],
    nodes: [
      bodied(
        makeNode('Loop', ['rounds', 'yes', 'x'], ['y'], {}, 'rounds'),
        'body',
        [makeNode('Identity', ['given'], ['go']), ...layer('s', 'r'), makeNode('Add', ['r', 's'], ['t'])],
        ['go', 't'],
        [
          ['i', DataType.INT64],
          ['given', DataType.BOOL],
          ['s', DataType.FLOAT],
        ],
      ),
    ],
  });

/** The same, with as many rounds as x has columns. */
const loopingByShape = (): Graph => {
  const graph = looping();
  graph.removeInitializer('rounds');
  graph.insert(
    [makeNode('Shape', ['x'], ['shape'], { start: { int: 1 } }), makeNode('Squeeze', ['shape'], ['rounds'])],
    graph.nodes[0],
  );
  return graph;
};

/** Each round computes anew whether there is another: two of three come about. */
const growing = (): Graph => {
  const graph = looping();
  const [loop] = graph.nodes;
  const body = loop?.attribute.find(({ name }) => name === 'body')?.g;
  if (body === undefined) throw new Error('the Loop has no body');
  body.node[0] = makeNode('Less', ['i', 'last'], ['go']);
  graph.addInitializer(int64Tensor('last', [], [1]));
  return new Graph(graph.model);
};

/** A function that is called twice, with the same weights. */
const calling = (): Graph => {
  const call = (from: string, to: string): NodeProto =>
    makeNode('Block', [from, 'layer.w', 'layer.b'], [to], {}, `call/${to}`, 'local');
  const graph = graphOf({ inputs: { x: [N, F] }, constants: weights(), nodes: [call('x', 'h'), call('h', 'y')] });
  graph.model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'local', version: 1n }));
  graph.model.functions.push(
    create(FunctionProtoSchema, {
      name: 'Block',
      domain: 'local',
      input: ['a', 'layer.w', 'layer.b'],
      output: ['z'],
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 21n })],
      node: layer('a', 'z'),
    }),
  );
  return graph;
};

const settings: StepSettings = {
  provider: 'cpu',
  loss: 'mse',
  optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { x: [F] },
};

describe.each(Object.entries({ choosing, looping, loopingByShape, growing, calling }))('a model %s', (_, build) => {
  it('has a gradient for its weights, and for one shift and one offset a site', async () => {
    const graph = build();
    const plan = planMigration(graph, defaultPlanOptions);
    const sites = applyPlan(graph, plan);
    // away from zero, so that the sites do something
    for (const { shift, offset } of sites) {
      for (const [name, value] of [
        [shift, 0.15],
        [offset, -0.2],
      ] as const) {
        if (name !== null) writeFloats(present(graph.initializer(name), name), Float32Array.of(value));
      }
    }
    const parameters = sites.flatMap(({ shift, offset }) => (shift === null ? [offset] : [shift, offset]));
    const lossOf = async (): Promise<number> => {
      const { y } = await runOnce(graph.copy().model, { x: float32(x, [N, F]) });
      const values = y?.data;
      if (!(values instanceof Float32Array)) throw new Error('y is not float32');
      return values.reduce((sum, value, i) => sum + (value - (targets[i] ?? 0)) ** 2, 0) / values.length;
    };
    const trainable = makeTrainable('model.onnx', graph.copy(), 'all', parameters);
    expect([...trainable.parameters].sort()).toEqual(['layer.b', 'layer.w']);
    const backward = await prepareBackward(trainable, N, settings);
    const feeds = { x: float32(x, [N, F]), [present(backward.targets, 'the targets')]: float32(targets, [N, F]) };
    backward.graph.proto.output = [...new Set([backward.loss, ...backward.gradients.values()])].map((name) =>
      create(ValueInfoProtoSchema, { name }),
    );
    const results = await runOnce(backward.graph.model, feeds);
    // the loss is the one that is differenced
    expect(Number(results[backward.loss]?.data[0])).toBeCloseTo(await lossOf(), 5);
    for (const name of [...trainable.parameters, ...parameters]) {
      const tensor = present(graph.initializer(name), name);
      const standing = readFloats(tensor).slice();
      const gradient = backward.gradients.get(name);
      const analytic = gradient === undefined ? undefined : results[gradient]?.data;
      for (const at of standing.keys()) {
        const moved = async (by: number): Promise<number> => {
          const values = standing.slice();
          values[at] = (values[at] ?? 0) + by;
          writeFloats(tensor, values);
          return lossOf();
        };
        const numeric = ((await moved(1e-3)) - (await moved(-1e-3))) / 2e-3;
        const own = analytic === undefined ? 0 : Number(analytic[at]);
        expect(Math.abs(own - numeric), `${name}[${at}]: ${own} against ${numeric}`).toBeLessThan(5e-3);
      }
      writeFloats(tensor, standing);
    }
  });
});
