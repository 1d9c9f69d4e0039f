import { readFile } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { exposeLogits } from '../../src/autodiff/lower/expose-logits.js';
import { toFloat32 } from '../../src/autodiff/lower/float16.js';
import { raiseOpset } from '../../src/autodiff/opset.js';
import { createRandom } from '../../src/math/random.js';
import { Graph } from '../../src/model/graph.js';
import { type Head, headsOf } from '../../src/model/head.js';
import { chooseOutput } from '../../src/reading/choose-output.js';
import { agree, describeValues } from '../../src/reading/values.js';
import { execute, float32, openSession } from '../../src/runtime/session.js';
import { valueInfo } from '../transforms/notation.js';

const random = createRandom(3);
const x = float32(
  Float32Array.from({ length: 40 * 4 }, () => random.normal()),
  [40, 4],
);

/** A model of fixtures/, as skl2onnx wrote it (fixtures/make.py). */
async function load(name: string): Promise<Graph> {
  const bytes = await readFile(new URL(`fixtures/${name}.onnx`, import.meta.url));
  return new Graph(fromBinary(ModelProtoSchema, bytes));
}

/** The numbers of a value of the graph, which need not be an output. */
async function valuesOf(graph: Graph, value: string): Promise<{ values: Float32Array; width: number }> {
  const copy = graph.copy();
  if (!copy.isOutput(value)) copy.proto.output.push(valueInfo(value));
  const session = await openSession(copy.model);
  const tensor = (await execute(session, { X: x }, [value]))[value];
  await session.release();
  if (!(tensor?.data instanceof Float32Array)) throw new Error(`'${value}' is not float32`);
  return { values: tensor.data, width: tensor.data.length / 40 };
}

const second = (heads: readonly Head[]): Head => {
  const [, head] = heads;
  if (head === undefined) throw new Error('one output only');
  return head;
};

describe.each([
  { name: 'mlp-zipmap', meaning: 'map', activation: 'softmax', classes: 2, task: 'binary' },
  { name: 'mlp-words', meaning: 'probabilities', activation: 'softmax', classes: 3, task: 'classification' },
  { name: 'scaled-mlp-opset9', meaning: 'probabilities', activation: 'softmax', classes: 2, task: 'binary' },
  { name: 'sgd-opset9', meaning: 'probabilities', activation: 'softmax', classes: 2, task: 'binary' },
  { name: 'logistic-regression', meaning: 'probabilities', activation: 'none', classes: 3, task: 'classification' },
  // sigmoids over their sum, with a correction where that is 0: the numbers say it
  { name: 'one-vs-rest-sgd', meaning: 'logits-or-values', activation: 'none', classes: 3, task: 'classification' },
])('$name', ({ name, meaning, activation, classes, task }) => {
  it('has its probabilities read, its label set aside', async () => {
    const graph = await load(name);
    const heads = headsOf(graph);
    expect(heads[0]).toMatchObject({ meaning: 'label' });
    const head = second(heads);
    expect(head).toMatchObject({ meaning, activation });
    const { values, width } = await valuesOf(graph, head.value);
    expect(agree(head, describeValues(values, width))).toMatchObject({ meaning: 'probabilities', certain: true });
    const observed = heads.map((each) => ({ head: each, width: each === head ? width : null }));
    const chosen = chooseOutput(
      'model.onnx',
      observed,
      { kind: 'class', classes, occurring: classes, numericNames: true },
      null,
    );
    expect(chosen).toMatchObject({ output: head.output, task });
    expect(chosen.why).toContain('a label, is set aside.');
  });

  it(activation === 'softmax' ? 'is trained before the softmax' : 'is trained on its probabilities', async () => {
    const graph = await load(name);
    const head = second(headsOf(graph));
    const original = await valuesOf(graph, head.value);
    const copy = graph.copy();
    toFloat32(copy);
    raiseOpset(copy, name);
    const loss = exposeLogits(copy, head);
    if (activation === 'none') {
      expect(loss).toBe('as-it-is');
      expect(await valuesOf(copy, copy.proto.output[0]?.name ?? '')).toEqual(original);
      return;
    }
    expect(loss).toBe('cross-entropy-on-logits');
    expect(copy.nodes.every(({ domain, opType }) => domain === '' || opType === 'Scaler')).toBe(true);
    const { values, width } = await valuesOf(copy, copy.proto.output[0]?.name ?? '');
    expect(width).toBe(classes);
    for (let at = 0; at < values.length; at += width) {
      const row = Array.from(values.subarray(at, at + width), Math.exp);
      const sum = row.reduce((a, b) => a + b, 0);
      row.forEach((each, c) => {
        expect(Math.abs(each / sum - (original.values[at + c] ?? Number.NaN))).toBeLessThan(1e-6);
      });
    }
  });
});

it('does not take [1 - p, p] of two labels, as skl2onnx writes them, for the columns of one', async () => {
  const graph = await load('mlp-multilabel');
  const head = second(headsOf(graph));
  expect(head).toMatchObject({ meaning: 'probabilities', activation: 'none', columns: null });
  const { values, width } = await valuesOf(graph, 'probabilities');
  expect(width).toBe(4);
  expect(describeValues(values, width)).toMatchObject({ rowsSumToOne: false, inUnit: true });
});
