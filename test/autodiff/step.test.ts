import { describe, expect, it } from 'vitest';
import { coefficientShape, coefficients } from '../../src/autodiff/optimizers.js';
import {
  buildStep,
  initialState,
  parametersIn,
  type StateGroup,
  type StepOptions,
  type SteppedGroup,
  type TrainingStep,
} from '../../src/autodiff/step.js';
import { present } from '../../src/contract/present.js';
import type { OptimizerSettings, Provider } from '../../src/contract/settings.js';
import { floatTensor } from '../../src/model/tensor.js';
import { float32, runOnce, type Tensor } from '../../src/runtime/session.js';
import { observeShapes } from '../../src/runtime/shapes.js';
import { HostState } from '../../src/training/host-state.js';
import { node } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const plain: OptimizerSettings = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 };
const floatsOf = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data ?? [], Number);

/** y = x w + c + 0 * n: n is a running statistic; `unused` reaches no loss. */
const network = () =>
  graphOf({
    inputs: { x: [2, 2] },
    constants: [
      floatTensor('w', [2, 1], [1, 2]),
      floatTensor('c', [1], [0.5]),
      floatTensor('unused', [2], [7, 8]),
      floatTensor('n', [1], [10]),
      floatTensor('step', [1], [1]),
    ],
    nodes: [
      node('MatMul', ['x', 'w'], ['m']),
      node('Add', ['m', 'c'], ['y']),
      node('Add', ['n', 'step'], ['counted']),
      node('Identity', ['unused'], ['aside']),
    ],
  });

const x = [1, 2, 3, 4];
const targets = [5, 12];
/** y - t at the start: 1 + 4 + 0.5 - 5 and 3 + 8 + 0.5 - 12 */
const errors = [0.5, -0.5];

type Group = Omit<StepOptions['groups'][number], 'rateScales'>;

/** What a step changes, in either way of taking it: both have to come to the same. */
async function once(...asked: Parameters<typeof onceOn> extends [unknown, ...infer Rest] ? Rest : never) {
  const [host, inGraph] = [await onceOn('cpu', ...asked), await onceOn('cuda', ...asked)];
  expect(host.step.groups.map(({ slots }) => slots)).toEqual(inGraph.step.groups.map(({ slots }) => slots));
  expect([...host.parameters.keys()]).toEqual([...inGraph.parameters.keys()]);
  for (const [name, values] of inGraph.parameters) {
    expect(host.parameters.get(name)).toEqual(values.map((value) => expect.closeTo(value, 5)));
  }
  return inGraph;
}

async function onceOn(
  provider: Provider,
  groups: readonly Group[],
  clipNorm: number | null = null,
  rate = 0.1,
  options: Pick<StepOptions, 'stateBytes' | 'averageDecay' | 'upperBounds'> = {},
) {
  const graph = network();
  const original = graph.copy();
  const shapes = await observeShapes(graph, { x: float32(Float32Array.from(x), [2, 2]) });
  const step = buildStep(graph, {
    path: 'network.onnx',
    provider,
    shapes,
    output: 'y',
    loss: 'mse',
    groups: groups.map((group) => ({ ...group, rateScales: { weights: 1, sites: 0 } })),
    running: new Map([['n', 'counted']]),
    clipNorm,
    ...options,
  });
  const { update } = step;
  const feeds: Record<string, Tensor> = {
    x: float32(Float32Array.from(x), [2, 2]),
    [present(step.targets, 'the input of targets')]: float32(Float32Array.from(targets), step.targetShape),
    n: float32(Float32Array.of(10), [1]),
  };
  const fedWith = ({ optimizer, averageDecay }: StateGroup) => coefficients(optimizer, rate, 1, averageDecay);
  const host = update.kind === 'by-gradients' ? new HostState(step.groups, update) : null;
  const bound = host?.bindingOf(step);
  for (const group of step.groups) host?.write(group.input, initialState(original, group));
  for (const group of update.kind === 'in-graph' ? update.groups : []) {
    feeds[group.input] = float32(initialState(original, group), [group.rows, group.size]);
    const shape = coefficientShape(group.optimizer, group.averageDecay !== null);
    feeds[group.coefficients] = float32(fedWith(group), shape);
  }
  const results = await runOnce(step.graph.model, { ...feeds, ...bound?.feeds });
  for (const name of bound?.gradients ?? []) {
    const data = bound?.outputs[name]?.data;
    if (data instanceof Float32Array) data.set(floatsOf(results[name]));
  }
  host?.step(fedWith);
  const states = new Map(
    update.kind === 'in-graph'
      ? update.groups.map(({ input, output }) => [input, Float32Array.from(floatsOf(results[output]))])
      : step.groups.map(({ input }) => [input, present(host, 'the state').read(input)]),
  );
  const found = parametersIn(step.groups, states);
  const parameters = new Map([...found].map(([name, values]) => [name, [...values]]));
  return {
    step,
    loss: floatsOf(results[step.loss])[0],
    parameters,
    counted: floatsOf(results[step.carried[0]?.output ?? '']),
  };
}

const inGraph = ({ update }: TrainingStep): readonly SteppedGroup[] =>
  update.kind === 'in-graph' ? update.groups : [];

describe('one run of a step', () => {
  it('gives the loss before it and moves every parameter against its gradient', async () => {
    const { step, loss, parameters } = await once([{ name: 'weights', parameters: ['w', 'c'], optimizer: plain }]);
    expect(loss).toBeCloseTo(0.25, 6);
    // mse over two elements: dL/dy = errors; dL/dw = x' errors, dL/dc = their sum
    expect(parameters.get('w')?.map((value) => Number(value.toFixed(5)))).toEqual([1.1, 2.1]);
    expect(parameters.get('c')?.[0]).toBeCloseTo(0.5 - 0.1 * errors.reduce((a, b) => a + b), 5);
    expect(step).toMatchObject({ inputs: ['x'], batchSize: 2, targetShape: [2, 1] });
  });

  it('steps groups by their own settings, and leaves what is in none', async () => {
    const decaying = { ...plain, weightDecay: 1 };
    const { parameters } = await once([
      { name: 'weights', parameters: ['w'], optimizer: plain },
      { name: 'sites', parameters: ['c'], optimizer: decaying },
    ]);
    expect(parameters.get('w')?.[0]).toBeCloseTo(1.1, 5);
    expect(parameters.get('c')?.[0]).toBeCloseTo(0.45, 5);
    expect([...parameters.keys()]).toEqual(['w', 'c']);
  });

  it('steps groups of one name by their own settings too', async () => {
    const { parameters } = await once([
      { name: 'weights', parameters: ['w'], optimizer: plain },
      { name: 'weights', parameters: ['c'], optimizer: { ...plain, weightDecay: 1 } },
    ]);
    expect(parameters.get('w')?.[0]).toBeCloseTo(1.1, 5);
    expect(parameters.get('c')?.[0]).toBeCloseTo(0.45, 5);
  });

  it('gives a parameter that reaches no loss the gradient zero', async () => {
    const { parameters } = await once([{ name: 'weights', parameters: ['unused', 'w'], optimizer: plain }]);
    expect(parameters.get('unused')).toEqual([7, 8]);
    expect(parameters.get('w')?.[0]).toBeCloseTo(1.1, 5);
  });

  it('keeps many parameters in several tensors, under one learning rate', async () => {
    const groups = [{ name: 'weights', parameters: ['w', 'c', 'unused'], optimizer: plain }];
    // room for three numbers in two rows: w and c, then unused
    const { step, parameters } = await once(groups, null, 0.1, { stateBytes: 24 });
    expect(step.groups.map(({ name, size }) => [name, size])).toEqual([
      ['weights', 3],
      ['weights', 2],
    ]);
    expect(new Set(inGraph(step).map(({ coefficients: fed }) => fed)).size).toBe(1);
    expect(parameters).toEqual((await once(groups)).parameters);
  });

  it('cuts a parameter that is larger than a tensor may be', async () => {
    const groups = [{ name: 'weights', parameters: ['w', 'c', 'unused'], optimizer: plain }];
    const { step, parameters } = await once(groups, null, 0.1, { stateBytes: 8 });
    expect(step.groups.flatMap(({ slots }) => slots.map(({ name, from }) => [name, from]))).toEqual([
      ['w', 0],
      ['w', 1],
      ['c', 0],
      ['unused', 0],
      ['unused', 1],
    ]);
    expect(parameters).toEqual((await once(groups)).parameters);
  });

  it('writes last the update of what is read last, which ONNX Runtime then computes first', async () => {
    const { step } = await once([
      { name: 'later', parameters: ['c'], optimizer: plain },
      { name: 'earlier', parameters: ['w'], optimizer: plain },
    ]);
    const writes = step.graph.nodes.flatMap(({ output }) =>
      inGraph(step).filter((group) => output.includes(group.output)),
    );
    expect(writes.map(({ name }) => name)).toEqual(['earlier', 'later']);
    expect(step.groups.map(({ name }) => name)).toEqual(['later', 'earlier']);
  });

  it('gives the gradient last of what is read last, which ONNX Runtime then computes first', async () => {
    const groups = [{ name: 'weights', parameters: ['c', 'w'], optimizer: plain }];
    const { step } = await onceOn('cpu', groups);
    const given = step.update.kind === 'by-gradients' ? step.update.parameters : [];
    const writers = given.map(({ gradient }) =>
      step.graph.nodes.findIndex(({ output }) => typeof gradient === 'string' && output.includes(gradient)),
    );
    expect(given.map(({ name }) => name)).toEqual(['c', 'w']);
    expect(writers[0]).toBeGreaterThan(writers[1] ?? Number.NaN);
  });

  it('gives each parameter a gradient of its own where several have the same', async () => {
    const graph = graphOf({
      inputs: { x: [2, 1] },
      constants: [floatTensor('p', [1], [1]), floatTensor('q', [1], [2])],
      nodes: [node('Add', ['p', 'q'], ['sum']), node('Add', ['x', 'sum'], ['y'])],
    });
    const shapes = await observeShapes(graph, { x: float32(Float32Array.of(1, 2), [2, 1]) });
    const group = { name: 'weights', parameters: ['p', 'q'], optimizer: plain, rateScales: { weights: 1, sites: 0 } };
    const options = { path: 'sum.onnx', provider: 'cpu', shapes, output: 'y', loss: 'mse', groups: [group] } as const;
    const { update } = buildStep(graph, { ...options, running: new Map(), clipNorm: null });
    const given = update.kind === 'by-gradients' ? update.parameters : [];
    expect(new Set(given.map(({ gradient }) => gradient)).size).toBe(2);
  });

  it('limits the norm over all groups', async () => {
    const { parameters } = await once([{ name: 'weights', parameters: ['w'], optimizer: plain }], 1, 1);
    // the gradient is (-1, -1), its norm sqrt 2
    for (const value of [parameters.get('w')?.[0], (parameters.get('w')?.[1] ?? 0) - 1]) {
      expect(value).toBeCloseTo(1 + Math.SQRT1_2, 5);
    }
  });

  it('keeps an average of the parameters, which is then what a state means', async () => {
    const groups = [{ name: 'weights', parameters: ['w', 'c'], optimizer: plain }];
    const [last, averaged] = [await once(groups), await once(groups, null, 0.1, { averageDecay: 0.75 })];
    const start = [1, 2];
    expect(averaged.step.groups[0]).toMatchObject({ rows: 3, size: 3 });
    expect(averaged.parameters.get('w')).toEqual(
      last.parameters.get('w')?.map((after, i) => expect.closeTo(0.75 * (start[i] ?? 0) + 0.25 * after, 6)),
    );
    expect(averaged.parameters.get('c')).toEqual(last.parameters.get('c'));
  });

  it.each([null, 0.5])('leaves nothing above its bound, average or not: %j', async (averageDecay) => {
    const groups = [{ name: 'sites', parameters: ['w', 'c'], optimizer: plain }];
    const free = await once(groups, null, 0.1, { averageDecay });
    expect(free.parameters.get('w')?.[0]).toBeGreaterThan(1.02);
    const { parameters } = await once(groups, null, 0.1, { averageDecay, upperBounds: new Map([['w', 1]]) });
    expect(parameters.get('w')).toEqual([1, 1]);
    expect(parameters.get('c')).toEqual(free.parameters.get('c'));
  });

  it('carries running statistics on beside the optimizer, and needs no parameter to train', async () => {
    const { step, counted, loss } = await once([{ name: 'weights', parameters: [], optimizer: plain }], 1);
    expect(step.groups).toEqual([]);
    expect(counted).toEqual([11]);
    expect(loss).toBeCloseTo(0.25, 6);
  });
});
