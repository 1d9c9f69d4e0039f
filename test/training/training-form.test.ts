import { describe, expect, test } from 'vitest';
import { constantInput } from '../../src/autodiff/operands.js';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import { type FormatLimits, unlimited } from '../../src/model/limits.js';
import type { MigrationPlan } from '../../src/model/plan.js';
import { elementCount, int64Tensor, readIntegers } from '../../src/model/tensor.js';
import { float32, openSession } from '../../src/runtime/session.js';
import { makeTrainable, prepareBackward } from '../../src/training/prepare.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { planTraining } from '../../transforms/plan/plan-training.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { expectClose, literal, parametric, randomParameters, run } from '../transforms/compare.js';
import { parseGraph } from '../transforms/notation.js';

const batch = 3;

/** As TensorFlow.js writes: a padded convolution behind a pooled ReLU, a normalization without a beta of its own, a residual Add, a dense head. */
const network = parseGraph(`
  x: float[N,2,8,8]
  w = float[4,2,3,3]
  wb = float[4]
  v = float[4,4,3,3]
  u = float[4,4,3,3]
  k = float[64,3]
  h = float[3]
  c1 = Conv(x, w, wb) pads=[1,1,1,1]
  r1 = Relu(c1)
  p1 = MaxPool(r1) kernel_shape=[2,2] strides=[2,2]
  c2 = Conv(p1, v) pads=[1,1,1,1]
  r2 = Relu(c2)
  c3 = Conv(r2, u) pads=[1,1,1,1]
  s = Add(c3, p1)
  r3 = Relu(s)
  f = Flatten(r3)
  z = Gemm(f, k, h)
  -> z`);

/** What the stock layers of TensorFlow.js cannot say. */
const stock: FormatLimits = { ...unlimited, fused: () => 'no layer takes the maximum with a constant' };

const formsOf = ({ sites }: MigrationPlan) => sites.map(({ form }) => form);

/** As GoogLeNet is: channels that are joined and read by several convolutions; the last of them are read by one. */
const branched = parseGraph(`
  x: float[N,2,8,8]
  w1 = float[4,2,1,1]
  w2 = float[3,2,1,1]
  w3 = float[2,7,1,1]
  w4 = float[4,7,1,1]
  w5 = float[3,4,1,1]
  c1 = Conv(x, w1)
  r1 = Relu(c1)
  c2 = Conv(x, w2)
  r2 = Relu(c2)
  j = Concat(r1, r2) axis=1
  c3 = Conv(j, w3)
  c4 = Conv(j, w4)
  r4 = Relu(c4)
  c5 = Conv(r4, w5)
  m = GlobalAveragePool(c5)
  p = GlobalAveragePool(c3)
  o = Concat(m, p) axis=1
  z = Flatten(o)
  -> z`);

async function gradientsOf(plan: MigrationPlan, graph = network): Promise<Map<string, Float32Array>> {
  const model = parametric(graph, plan, randomParameters(plan));
  const names = applyPlan(graph.copy(), plan).flatMap(({ shift, offset }) =>
    shift === null ? [offset] : [shift, offset],
  );
  const trainable = makeTrainable('model.onnx', model, 'all', names);
  const random = createRandom(2);
  const {
    graph: backward,
    targets,
    targetShape,
    gradients,
  } = await prepareBackward(trainable, batch, {
    provider: 'cpu',
    loss: 'mse',
    batchNorm: 'frozen',
    clipNorm: null,
    optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
    sampleShapes: { x: [2, 8, 8] },
  });
  const x = Float32Array.from({ length: batch * 128 }, () => random.normal());
  const session = await openSession(backward.model);
  const results = await session.run({
    x: float32(x, [batch, 2, 8, 8]),
    [targets ?? '']: float32(new Float32Array(elementCount(targetShape)), targetShape),
  });
  await session.release();
  return new Map(
    [...gradients].map(([name, gradient]) => [name, Float32Array.from(results[gradient]?.data ?? [], Number)] as const),
  );
}

describe('what is trained need not have the form that is written', () => {
  test('a site that its file can only add to is trained as one that any file could say', () => {
    const written = planMigration(network, defaultPlanOptions, stock);
    expect(formsOf(written)).toEqual(['explicit', 'explicit', 'folded']);
    const trained = planTraining(network, written);
    expect(formsOf(trained)).toEqual(['fused', 'fused', 'folded']);
    expect(trained.sites.map(({ shift }) => shift)).toEqual(written.sites.map(({ shift }) => shift));
  });

  test('a form that was asked for is that of the files', () => {
    const asked = planMigration(network, { ...defaultPlanOptions, form: 'explicit' });
    expect(formsOf(asked)).toEqual(['explicit', 'explicit', 'explicit']);
    expect(formsOf(planTraining(network, asked))).toEqual(['fused', 'fused', 'folded']);
  });

  test('an offset that several readers, or some channels of one, would take up is trained as a floor', async () => {
    const written = planMigration(branched, defaultPlanOptions);
    expect(formsOf(written)).toEqual(['folded', 'folded', 'folded']);
    const trained = planTraining(branched, written);
    expect(formsOf(trained)).toEqual(['fused', 'fused', 'folded']);
    const given = randomParameters(written);
    expectClose(await run(parametric(branched, trained, given)), await run(parametric(branched, written, given)), 1e-5);
    const [expected, found] = [await gradientsOf(written, branched), await gradientsOf(trained, branched)];
    for (const [name, gradient] of expected) expectClose(found.get(name) ?? new Float32Array(), gradient, 1e-4);
  });

  test('a shift that cannot be written is not trained', async () => {
    const limits: FormatLimits = { ...stock, constant: ({ kind }) => (kind === 'bias' ? 'no such weight' : null) };
    const written = planMigration(network, defaultPlanOptions, limits);
    expect(written.sites.map(({ shift, form }) => [shift, form])).toEqual(Array(3).fill([null, 'explicit']));
    const trained = planTraining(network, written);
    expect(trained.sites.map(({ shift, form }) => [shift, form])).toEqual([
      [null, 'fused'],
      [null, 'fused'],
      [null, 'folded'],
    ]);
    const given = randomParameters(written);
    expectClose(await run(parametric(network, trained, given)), await run(literal(network, written, given)), 1e-5);
  });

  test.each<Partial<PlanOptions>>([
    {},
    { form: 'explicit' },
    { padding: 'floor', form: 'fused' },
    { granularity: 'channel' },
    { padding: 'floor', granularity: 'channel', form: 'explicit' },
  ])('it computes the same and has the same gradients: %j', async (options) => {
    const written = planMigration(network, { ...defaultPlanOptions, ...options }, stock);
    const trained = planTraining(network, written);
    expect(formsOf(trained)).not.toEqual(formsOf(written));
    const given = randomParameters(written);
    expectClose(await run(parametric(network, trained, given)), await run(parametric(network, written, given)), 1e-5);
    const [expected, found] = [await gradientsOf(written), await gradientsOf(trained)];
    expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
    expect(found.size).toBeGreaterThan(6);
    for (const [name, gradient] of expected) expectClose(found.get(name) ?? new Float32Array(), gradient, 1e-4);
  });
});

test('an offset that a convolution takes up costs one sum over its weights, which lie in whatever order is fastest', () => {
  const graph = parseGraph(`
    x: float[N,2,8,8]
    w = float[4,2,3,3]
    v = float[6,4,1,1]
    c1 = Conv(x, w)
    r1 = Relu(c1)
    c2 = Conv(r1, v)
    -> c2`);
  applyPlan(graph, planMigration(graph, defaultPlanOptions));
  const sums = graph.nodes.filter(({ opType }) => opType === 'ReduceSum');
  expect(
    sums.map((node) => [node.input[0], readIntegers(constantInput(graph, node, 1) ?? int64Tensor('', [0], []))]),
  ).toEqual([['v', [1, 2, 3]]]);
});
