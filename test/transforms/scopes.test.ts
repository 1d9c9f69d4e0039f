import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  GraphProtoSchema,
  OperatorSetIdProtoSchema,
} from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { Graph, makeNode, type NodeProto, tensorValue } from '../../src/model/graph.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import {
  DataType,
  floatTensor,
  int64Tensor,
  rawTensor,
  type TensorProto,
  writeFloats,
} from '../../src/model/tensor.js';
import { float32, runOnce, Tensor } from '../../src/runtime/session.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { random } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

/*
 * Networks with their ReLUs in bodies and functions, written once: `relu` gives the nodes of an activation from x to y. As
 * Relu it makes the model; with a shift and an offset written out, what the rewritten model must compute.
 */

type ReluNodes = (x: string, y: string, name: string) => NodeProto[];
const plainRelu: ReluNodes = (x, y, name) => [makeNode('Relu', [x], [y], {}, name)];
const constantNode = (name: string, value: number): NodeProto =>
  makeNode('Constant', [], [name], { value: { tensor: floatTensor('', [], [value]) } });
/** Where a site has no shift in the plan, it has none here. */
const frelu =
  (a: number, b: number): ReluNodes =>
  (x, y, name) => [
    constantNode(`${y}/a`, name.endsWith('bare') ? 0 : a),
    constantNode(`${y}/b`, b),
    makeNode('Add', [x, `${y}/a`], [`${y}/x`]),
    makeNode('Relu', [`${y}/x`], [`${y}/r`]),
    makeNode('Add', [`${y}/r`, `${y}/b`], [y]),
  ];

const next = random(9);
const floats = (count: number): number[] => Array.from({ length: count }, () => next() * 2 - 1);
const weights = {
  w: floatTensor('w', [4, 4], floats(16)),
  bias: floatTensor('bias', [4], floats(4)),
  v: floatTensor('v', [4, 4], floats(16)),
};
const rows = floatTensor('rows', [2, 3, 4], floats(24));

interface Body {
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly string[];
  readonly inputs?: readonly (readonly [string, number])[];
  readonly constants?: readonly TensorProto[];
}

function bodied(node: NodeProto, name: string, { nodes, outputs, inputs = [], constants = [] }: Body): NodeProto {
  const g = create(GraphProtoSchema, {
    name,
    node: [...nodes],
    input: inputs.map(([input, type]) => tensorValue(input, type, type === DataType.FLOAT ? ['n', 4] : [])),
    output: outputs.map((output) =>
      tensorValue(output, output === 'go' ? DataType.BOOL : DataType.FLOAT, output === 'go' ? [] : ['n', 4]),
    ),
    initializer: [...constants],
  });
  node.attribute.push(create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g }));
  return node;
}

const truth = rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1));
const own = (name: string): TensorProto => floatTensor(name, [4], [0.3, -0.2, 0.1, 0.4]);

/** Both branches of an If: one with constants around it, one with its own. */
const inBranches = (relu: ReluNodes): Graph => {
  const choose = makeNode('If', ['c'], ['y'], {}, 'choose');
  bodied(choose, 'then_branch', {
    nodes: [makeNode('Gemm', ['x', 'w', 'bias'], ['h1']), ...relu('h1', 'r1', 'act'), makeNode('Neg', ['r1'], ['o1'])],
    outputs: ['o1'],
  });
  bodied(choose, 'else_branch', {
    nodes: [
      makeNode('Gemm', ['x', 'v', 'own_bias'], ['h2']),
      ...relu('h2', 'r2', 'act'),
      makeNode('Gemm', ['r2', 'w', 'bias'], ['o2']),
    ],
    outputs: ['o2'],
    constants: [own('own_bias')],
  });
  const graph = graphOf({ inputs: { x: [3, 4] }, constants: Object.values(weights), nodes: [choose] });
  graph.proto.input.push(tensorValue('c', DataType.BOOL, []));
  return graph;
};

/** A Loop of three rounds, with an If within that reads what the round is given. */
const inLoop = (relu: ReluNodes): Graph => {
  const choose = makeNode('If', ['given'], ['h2'], {}, 'inner');
  bodied(choose, 'then_branch', { nodes: relu('h', 'o', 'bare'), outputs: ['o'] });
  bodied(choose, 'else_branch', { nodes: [makeNode('Neg', ['h'], ['n'])], outputs: ['n'] });
  const rounds = bodied(makeNode('Loop', ['three', 'yes', 'x'], ['y'], {}, 'rounds'), 'body', {
    inputs: [
      ['i', DataType.INT64],
      ['given', DataType.BOOL],
      ['state', DataType.FLOAT],
    ],
    nodes: [
      makeNode('Identity', ['given'], ['go']),
      makeNode('MatMul', ['state', 'w'], ['m']),
      makeNode('Add', ['m', 'own_bias'], ['p']),
      ...relu('p', 'h', 'act'),
      choose,
    ],
    outputs: ['go', 'h2'],
    constants: [own('own_bias')],
  });
  const constants = [...Object.values(weights), truth, int64Tensor('three', [], [3])];
  return graphOf({ inputs: { x: [3, 4] }, constants, nodes: [rounds] });
};

const inScan = (relu: ReluNodes): Graph => {
  const scan = bodied(makeNode('Scan', ['x', 'rows'], ['last', 'y'], { num_scan_inputs: { int: 1 } }, 'scan'), 'body', {
    inputs: [
      ['s', DataType.FLOAT],
      ['row', DataType.FLOAT],
    ],
    nodes: [
      makeNode('Gemm', ['s', 'w', 'bias'], ['g']),
      makeNode('Add', ['g', 'row'], ['p']),
      ...relu('p', 't', 'act'),
      makeNode('Identity', ['t'], ['e']),
    ],
    outputs: ['t', 'e'],
  });
  // x is the state that the rows begin from, and there are two rows
  const constants = [...Object.values(weights), rows];
  return graphOf({ inputs: { x: [3, 4] }, constants, nodes: [scan] });
};

/** A function that two nodes call, and one that calls it; its weights come with the call, but for a bias of its own. */
const inFunctions = (relu: ReluNodes): Graph => {
  const domain = 'local';
  const call = (name: string, inputs: readonly string[], output: string): NodeProto =>
    makeNode(name, inputs, [output], {}, `call/${output}`, domain);
  const graph = graphOf({
    inputs: { x: [3, 4] },
    constants: Object.values(weights),
    nodes: [call('Block', ['x', 'w'], 'h'), call('Twice', ['h', 'v'], 'k'), call('Block', ['k', 'v'], 'y')],
  });
  const opset = { domain: '', version: 21n };
  const bias = makeNode('Constant', [], ['own_bias'], { value: { tensor: own('') } });
  graph.model.functions.push(
    create(FunctionProtoSchema, {
      name: 'Block',
      domain,
      input: ['a', 'weights', 'left_out'],
      output: ['z'],
      opsetImport: [opset],
      node: [bias, makeNode('Gemm', ['a', 'weights', 'own_bias'], ['g']), ...relu('g', 'z', 'act')],
    }),
    create(FunctionProtoSchema, {
      name: 'Twice',
      domain,
      input: ['a', 'weights'],
      output: ['z'],
      opsetImport: [opset, { domain, version: 1n }],
      node: [call('Block', ['a', 'weights'], 'b1'), call('Block', ['b1', 'weights'], 'b2'), ...relu('b2', 'z', 'bare')],
    }),
  );
  graph.model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
  return graph;
};

const x = float32(
  Float32Array.from({ length: 12 }, random(4)).map((value) => value * 4 - 2),
  [3, 4],
);
const feedsOf = (graph: Graph, c = true) => ({
  x,
  ...(graph.isInput('c') && { c: new Tensor('bool', Uint8Array.of(c ? 1 : 0), []) }),
});
const run = async (graph: Graph, c = true): Promise<number[]> => {
  const { y } = await runOnce(graph.model, feedsOf(graph, c));
  if (!(y?.data instanceof Float32Array)) throw new Error('y is not float32');
  return [...y.data];
};
const close = (values: readonly number[], expected: readonly number[]): void => {
  expect(values.length).toBe(expected.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
};

const networks = {
  branches: {
    build: inBranches,
    sites: ['choose/then_branch/act: fused, shift Gemm bias', 'choose/else_branch/act: folded, shift Gemm bias'],
  },
  loop: {
    build: inLoop,
    sites: [
      'rounds/body/act: fused, shift constant added to MatMul',
      'rounds/body/inner/then_branch/bare: explicit, no shift',
    ],
  },
  scan: { build: inScan, sites: ['scan/body/act: fused, shift residual branch: Gemm bias'] },
  functions: { build: inFunctions, sites: ['Block/act: fused, shift Gemm bias', 'Twice/bare: explicit, no shift'] },
} as const;

const plan = (graph: Graph, options: Partial<PlanOptions> = {}) =>
  planMigration(graph, { ...defaultPlanOptions, ...options });

describe.each(Object.entries(networks))('ReLUs in %s', (_, { build, sites }) => {
  it('are sites, under the path of what they stand in', () => {
    const outline = plan(build(plainRelu)).sites.map(
      ({ id, form, shift, status }) =>
        `${id}: ${status === 'skip' ? status : form}, ${shift ? `shift ${shift.rule}` : 'no shift'}`,
    );
    expect(outline).toEqual(sites);
  });

  it.each(['auto', 'explicit', 'fused'] as const)('are rewritten where they stand, exactly: form %s', async (form) => {
    const graph = build(plainRelu);
    const planned = plan(graph, { form });
    const parameters = planned.sites.map(({ id, shift }) => ({
      id,
      shift: shift === null ? new Float32Array() : Float32Array.of(0.2),
      offset: Float32Array.of(-0.3),
    }));
    const baked = new Graph(bakeParameters(graph, planned, parameters).model);
    for (const c of [true, false]) close(await run(baked, c), await run(build(frelu(0.2, -0.3)), c));
    expect(baked.model.functions.map(({ name }) => name)).toEqual(graph.model.functions.map(({ name }) => name));
    expect(baked.nodes.map(({ opType }) => opType)).toEqual(graph.nodes.map(({ opType }) => opType));
    const written = new Graph(baked.copy().model);
    const again = plan(written, { form });
    expect(again.sites.map(({ id, reason }) => [id, reason])).toEqual(
      planned.sites.map(({ id, form: own }) => [id, `already FReLU (${own})`]),
    );
    expect(encodeModel(bakeParameters(written, again, []).model)).toEqual(encodeModel(written.model));
  });

  it('are parametric with one shift and one offset each', async () => {
    const graph = build(plainRelu);
    const planned = plan(graph);
    const parametric = graph.copy();
    const applied = applyPlan(parametric, planned);
    expect(applied.map(({ id }) => id)).toEqual(planned.sites.map(({ id }) => id));
    for (const { shift, offset } of applied) {
      for (const [name, value] of [
        [shift, 0.2],
        [offset, -0.3],
      ] as const) {
        const tensor = name === null ? undefined : parametric.initializer(name);
        if (tensor !== undefined) writeFloats(tensor, Float32Array.of(value));
      }
    }
    for (const c of [true, false]) {
      close(await run(parametric.copy(), c), await run(build(frelu(0.2, -0.3)), c));
    }
  });
});

describe('a site that stays', () => {
  it('in a Loop of which only a run tells the rounds', () => {
    const graph = inLoop(plainRelu);
    graph.removeInitializer('three');
    graph.proto.input.push(tensorValue('three', DataType.INT64, []));
    expect(plan(graph).sites.map(({ id, status, reason }) => [id, status, reason])).toEqual(
      ['rounds/body/act', 'rounds/body/inner/then_branch/bare'].map((id) => [
        id,
        'skip',
        "inside the body of Loop 'rounds', which training does not follow: only a run tells how many rounds it makes",
      ]),
    );
  });

  it('in a function of a model that computes in other types too', () => {
    const graph = inFunctions(plainRelu);
    graph.insert([makeNode('Cast', ['y'], ['half'], { to: { int: DataType.FLOAT16 } })]);
    expect(plan(graph).sites.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('which type it is called with is not known'),
      expect.stringContaining('which type it is called with is not known'),
    ]);
  });

  it('has no shift, and its offset stays, where a call gives its neighbours their attributes', () => {
    const graph = inFunctions(plainRelu);
    const [block] = graph.model.functions;
    block?.node[1]?.attribute.push(
      create(AttributeProtoSchema, { name: 'alpha', refAttrName: 'scale', type: AttributeType.FLOAT }),
    );
    const [site] = plan(graph).sites;
    expect(site).toMatchObject({ id: 'Block/act', form: 'explicit', shift: null, offset: [] });
  });
});
