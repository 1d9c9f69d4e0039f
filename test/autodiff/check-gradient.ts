import { create } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { expect } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.js';
import { canonicalOpset } from '../../src/autodiff/opset.js';
import type { Provider } from '../../src/contract/settings.js';
import { type Attributes, Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import { DataType, elementCount, floatTensor, type TensorProto } from '../../src/model/tensor.js';
import { float32, openSession, runOnce, type Tensor } from '../../src/runtime/session.js';
import { observeShapes } from '../../src/runtime/shapes.js';

export interface Input {
  readonly shape: readonly number[];
  /** the values; random in (-1, 1), none of them within 0.05 of zero, when left out */
  readonly values?: readonly number[];
  /** false: no gradient is asked for */
  readonly differentiable?: boolean;
}

export interface GradientCheck {
  readonly inputs: Readonly<Record<string, Input>>;
  /** constants: axes, pads, indices ... */
  readonly constants?: readonly TensorProto[];
  readonly nodes: readonly NodeProto[];
  /** the value(s) that the loss reads; the last node's first output when left out */
  readonly outputs?: readonly string[];
  readonly provider?: Provider;
  /** the canonical one when left out */
  readonly opset?: number;
  /** the step of the central difference */
  readonly step?: number;
  /** the largest |analytic - numeric| allowed, relative to the largest |gradient| of that input (and at least 1) */
  readonly tolerance?: number;
}

/** mulberry32: a test's numbers are the same in every run */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): NodeProto {
  return makeNode(opType, inputs, outputs, attributes);
}

export function valueInfo(name: string, shape?: readonly number[], elemType: number = DataType.FLOAT) {
  if (shape === undefined) return create(ValueInfoProtoSchema, { name });
  const dim = shape.map((value) => ({ value: { case: 'dimValue' as const, value: BigInt(value) } }));
  const type = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType, shape: { dim } } },
  });
  return create(ValueInfoProtoSchema, { name, type });
}

function outputsOf(check: GradientCheck): readonly string[] {
  return check.outputs ?? [check.nodes.at(-1)?.output[0] ?? ''];
}

function graphOf(check: GradientCheck): Graph {
  return new Graph(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(check.opset ?? canonicalOpset) })],
      graph: create(GraphProtoSchema, {
        name: 'check',
        input: Object.entries(check.inputs).map(([name, { shape }]) => valueInfo(name, shape)),
        output: outputsOf(check).map((name) => valueInfo(name)),
        initializer: [...(check.constants ?? [])],
        node: [...check.nodes],
      }),
    }),
  );
}

/**
 * The outputs and dL/d(input) for L = sum(outputs), by name: for what a central difference cannot see, kinks and chance.
 * Every input must give its values.
 */
export async function runGradient(check: GradientCheck): Promise<ReadonlyMap<string, Float32Array>> {
  const graph = graphOf(check);
  const feeds = Object.fromEntries(
    Object.entries(check.inputs).map(([name, { shape, values = [] }]) => [
      name,
      float32(Float32Array.from(values), shape),
    ]),
  );
  const shapes = await observeShapes(graph, feeds);
  const seeds = outputsOf(check).map((output): [string, string] => {
    const shape = shapes.get(output) ?? [];
    const ones = Array<number>(elementCount(shape)).fill(1);
    return [output, graph.addInitializer(floatTensor(`seed/${output}`, shape, ones))];
  });
  const gradients = differentiate(graph, new Map(seeds), new Set(Object.keys(check.inputs)), {
    path: 'check.onnx',
    provider: check.provider ?? 'cpu',
    shapes,
  });
  graph.proto.output = [...outputsOf(check), ...gradients.values()].map((name) => valueInfo(name));
  const results = await runOnce(graph.model, feeds);
  const floats = (name: string): Float32Array => {
    const data = results[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`${name} is not float32`);
    return data;
  };
  const named = new Map(outputsOf(check).map((output) => [output, floats(output)]));
  for (const [input, gradient] of gradients) named.set(input, floats(gradient));
  return named;
}

/**
 * Compares the gradient of L = sum(output * R), R random, with central differences in every element of every input.
 */
export async function checkGradient(check: GradientCheck): Promise<void> {
  const { step = 1e-2, tolerance = 2e-3 } = check;
  const next = random(7);
  const values = new Map<string, Float32Array>();
  for (const [name, { shape, values: given }] of Object.entries(check.inputs)) {
    const draw = () => (next() < 0.5 ? -1 : 1) * (0.05 + 0.95 * next());
    values.set(name, Float32Array.from(given ?? Array.from({ length: elementCount(shape) }, draw)));
  }
  const outputs = outputsOf(check);
  const graph = graphOf(check);
  const feeds = (): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(check.inputs).map(([name, { shape }]) => [
        name,
        float32(values.get(name) ?? new Float32Array(), shape),
      ]),
    );
  const shapes = await observeShapes(graph, feeds());

  const weights = new Map<string, Float32Array>();
  const seeds = new Map<string, string>();
  const backward = graph.copy();
  for (const output of outputs) {
    const shape = shapes.get(output) ?? [];
    const weight = Float32Array.from({ length: elementCount(shape) }, () => 2 * next() - 1);
    weights.set(output, weight);
    seeds.set(output, backward.addInitializer(floatTensor(`seed/${output}`, shape, weight)));
  }
  const wanted = Object.entries(check.inputs).flatMap(([name, { differentiable = true }]) =>
    differentiable ? [name] : [],
  );
  const gradients = differentiate(backward, seeds, new Set(wanted), {
    path: 'check.onnx',
    provider: check.provider ?? 'cpu',
    shapes,
  });
  backward.proto.output = [...new Set(gradients.values())].map((name) => valueInfo(name));
  const backwardSession = await openSession(backward.model);
  const analytic = await backwardSession.run(feeds());
  await backwardSession.release();

  const forward = await openSession(graph.model);
  const loss = async (): Promise<number> => {
    const results = await forward.run(feeds());
    let sum = 0;
    for (const output of outputs) {
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) throw new Error(`${output} is not float32`);
      const weight = weights.get(output) ?? new Float32Array();
      for (let i = 0; i < data.length; i++) sum += (data[i] ?? 0) * (weight[i] ?? 0);
    }
    return sum;
  };
  for (const name of wanted) {
    const gradient = gradients.get(name);
    expect(gradient, `a gradient for '${name}'`).toBeDefined();
    const result = analytic[gradient ?? ''];
    expect(result?.dims, `the shape of the gradient of '${name}'`).toEqual([...(check.inputs[name]?.shape ?? [])]);
    const data = result?.data;
    if (!(data instanceof Float32Array)) throw new Error(`the gradient of ${name} is not float32`);
    const input = values.get(name) ?? new Float32Array();
    const numeric = new Float32Array(input.length);
    for (let i = 0; i < input.length; i++) {
      const at = input[i] ?? 0;
      input[i] = at + step;
      const up = input[i] ?? 0;
      const above = await loss();
      input[i] = at - step;
      const down = input[i] ?? 0;
      const below = await loss();
      input[i] = at;
      numeric[i] = (above - below) / (up - down);
    }
    const scale = Math.max(1, ...numeric.map(Math.abs));
    numeric.forEach((expected, i) => {
      const difference = Math.abs((data[i] ?? Number.NaN) - expected) / scale;
      expect(difference, `dL/d${name}[${i}]: ${data[i]} against ${expected} by central difference`).toBeLessThan(
        tolerance,
      );
    });
  }
  await forward.release();
}
