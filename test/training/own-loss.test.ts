import { create } from '@bufbuild/protobuf';
import { FunctionProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BatchPart } from '../../src/autodiff/step.js';
import { createRandom } from '../../src/math/random.js';
import { type Graph, makeNode } from '../../src/model/graph.js';
import { float32, Tensor } from '../../src/runtime/session.js';
import { makeTrainable, prepareStep, type StepSettings, type Trainable } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { parseGraph } from '../transforms/notation.js';
import { interceptRuns } from './networks.js';

const network = `
  opset 13
  x: float[N,4]
  v = float[4,8]
  vb = float[8]
  p = float[8,3]
  h = Gemm(x, v, vb) name=hidden
  r = Relu(h) name=relu
  y = MatMul(r, p) name=head
  -> y`;

/** The mean squared error; its names are those of the network, and its op set is another. */
const squared = `
  opset 11
  y: float[N,3]
  target: float[N,3]
  h = Sub(y, target) name=hidden
  r = Mul(h, h) name=relu
  x = ReduceMean(r) axes=[0,1] keepdims=0 name=head
  -> x`;

const count = 12;
const random = createRandom(3);
const numbers = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
const [x, wanted] = [numbers(4 * count), numbers(3 * count)];
const settings: StepSettings = {
  provider: 'cpu',
  loss: 'mse',
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { x: [4] },
};
const rates = { weights: 0.1, sites: 0.1 };

function stepperOf(trainable: Trainable, more: Partial<StepSettings> = {}): Stepper {
  const build = (size: number, part: BatchPart) => prepareStep(trainable, size, { ...settings, ...more }, part);
  const stepper = new Stepper(build, trainable.graph);
  onTestFinished(() => stepper.release());
  return stepper;
}

const withLoss = (loss: Graph, reads: readonly (readonly [string, string])[] = [['y', 'y']]): Trainable =>
  makeTrainable('net.onnx', parseGraph(network), 'all', [], [], {
    path: 'loss.onnx',
    graph: loss,
    reads: new Map(reads),
  });

const inputs = { x: float32(x, [count, 4]) };
const none = new Float32Array();

/** Ten losses by our mean squared error. */
async function ours(): Promise<number[]> {
  const judged = [{ output: 'y', loss: 'mse', scores: 'values' }] as const;
  const stepper = stepperOf(makeTrainable('net.onnx', parseGraph(network), 'all', [], judged));
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) losses.push(await stepper.run({ inputs, targets: wanted, count }, rates));
  return losses;
}

async function theirs(loss: Graph): Promise<number[]> {
  const trainable = withLoss(loss);
  const [[, target = ''] = []] = [...(trainable.ownLoss?.targets ?? [])];
  const stepper = stepperOf(trainable, { lossShapes: { target: [3] } });
  const losses: number[] = [];
  const feed = { inputs: { ...inputs, [target]: float32(wanted, [count, 3]) }, targets: none, count };
  for (let i = 0; i < 10; i++) losses.push(await stepper.run(feed, rates));
  return losses;
}

describe('a loss of the user', () => {
  it('trains as ours does where it is ours, whatever its op set and its names are', async () => {
    const trainable = withLoss(parseGraph(squared));
    expect(trainable.parameters.toSorted()).toEqual(['p', 'v', 'vb']);
    const [a, b] = [await ours(), await theirs(parseGraph(squared))];
    expect(a.at(-1)).toBeLessThan(0.8 * (a[0] ?? 0));
    expect(b).toEqual(a.map((loss) => expect.closeTo(loss, 5)));
  });

  it('may be one number in an axis of its own, and may call functions of its file', async () => {
    const graph = parseGraph(squared.replace('x = ReduceMean(r)', 'z = ReduceMean(r)').replace('-> x', '-> z'));
    graph.model.functions.push(
      create(FunctionProtoSchema, {
        domain: 'of.the.file',
        name: 'Difference',
        input: ['a', 'b'],
        output: ['c'],
        node: [makeNode('Sub', ['a', 'b'], ['c'])],
        opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 11n })],
      }),
    );
    graph.model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'of.the.file', version: 1n }));
    const [difference] = graph.nodes;
    if (difference === undefined) throw new Error('there is no node');
    graph.remove(difference);
    const call = makeNode('Difference', ['y', 'target'], ['h'], {}, 'call', 'of.the.file');
    graph.insert([call], graph.nodes[0]);
    const shape = parseGraph('s = int64[1] 1\n x: float[1]\n -> x').proto.initializer[0];
    if (shape === undefined) throw new Error('there is no shape');
    graph.addInitializer(shape);
    graph.insert([makeNode('Reshape', ['z', 's'], ['one'])]);
    const [output] = graph.proto.output;
    if (output === undefined) throw new Error('there is no output');
    output.name = 'one';
    delete output.type;
    const [a, b] = [await ours(), await theirs(graph)];
    expect(b).toEqual(a.map((loss) => expect.closeTo(loss, 5)));
  });

  it('reads whole numbers as they are, and is added up over parts where memory is short', async () => {
    const loss = parseGraph(`
      y: float[N,3]
      label: int64[N]
      loss = SoftmaxCrossEntropyLoss(y, label)
      -> loss`);
    const trainable = withLoss(loss);
    const label = trainable.ownLoss?.targets.get('label') ?? '';
    const labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 3));
    const feed = { inputs: { ...inputs, [label]: new Tensor('int64', labels, [count]) }, targets: none, count };
    const whole = stepperOf(trainable, { lossShapes: { label: [] } });
    const losses = [await whole.run(feed, rates), await whole.run(feed, rates)];
    expect(losses[1]).toBeLessThan(losses[0] ?? 0);

    let calls = 0;
    await interceptRuns(async (feeds, run) => {
      if (Object.keys(feeds).some((name) => name.startsWith('state')) && ++calls === 1)
        throw new Error('Failed to allocate memory for requested buffer');
      return run();
    });
    const inParts = stepperOf(trainable, { lossShapes: { label: [] } });
    // of a mean over the samples, the weighted mean of the halves' losses is that of all
    expect(await inParts.run(feed, rates)).toBeCloseTo(losses[0] ?? Number.NaN, 5);
    expect(await inParts.run(feed, rates)).toBeCloseTo(losses[1] ?? Number.NaN, 5);
  });
});
