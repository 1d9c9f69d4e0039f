import { expect } from 'vitest';
import { type Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import type { MigrationPlan, Site, SiteParameters } from '../../src/model/plan.js';
import { elementCount, floatTensor, writeFloats } from '../../src/model/tensor.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { runOnce } from '../../src/runtime/session.js';
import { floatsOf, tensorOf } from '../../src/runtime/tensors.js';
import { activationNodes, elementTypeOf } from '../../transforms/rewrite/activation.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { random } from '../autodiff/check-gradient.js';

/** The first output of a graph for random inputs; a free dimension is 2. */
export async function run(graph: Graph): Promise<Float32Array> {
  const { inputs, output } = signatureOf(graph);
  const next = random(11);
  const feeds = inputs.map(({ name, shape, elementType }) => {
    const dims = shape.map((dim) => dim ?? 2);
    const values = Float32Array.from({ length: elementCount(dims) }, () => 4 * next() - 2);
    return [name, tensorOf(elementType, values, dims)] as const;
  });
  const outputs = await runOnce(Buffer.concat(encodeModel(graph.model)), Object.fromEntries(feeds));
  const tensor = outputs[output];
  if (tensor === undefined) throw new Error(`the model gives no '${output}'`);
  return floatsOf(tensor).slice();
}

/** max |a - b| is at most `tolerance` times the largest |a|. */
export function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-3);
  const difference = expected.reduce(
    (largest, value, at) => Math.max(largest, Math.abs(value - (actual[at] ?? Number.NaN))),
    0,
  );
  expect(difference / scale).toBeLessThanOrEqual(tolerance);
}

/** Random parameters for every site that migrates, the same for one site in whatever plan. */
export function randomParameters(plan: MigrationPlan): SiteParameters[] {
  const next = random(5);
  return migrated(plan).map((site) => {
    const draw = () =>
      Float32Array.from({ length: site.granularity === 'channel' ? (site.channels ?? 1) : 1 }, () => next() - 0.5);
    const [shift, offset] = [draw(), draw()];
    return { id: site.id, shift: site.shift === null ? new Float32Array() : shift, offset };
  });
}

export function migrated(plan: MigrationPlan): readonly Site[] {
  return plan.sites.filter(({ status }) => status === 'migrate');
}

/** The graph that is trained, with its parameters set. */
export function parametric(graph: Graph, plan: MigrationPlan, parameters: readonly SiteParameters[]): Graph {
  const copy = graph.copy();
  for (const { id, shift, offset } of applyPlan(copy, plan)) {
    const given = parameters.find((each) => each.id === id);
    const set = (name: string | null, values: Float32Array | undefined) => {
      const tensor = name === null ? undefined : copy.initializer(name);
      if (tensor !== undefined && values !== undefined) writeFloats(tensor, values);
    };
    set(shift, given?.shift);
    set(offset, given?.offset);
  }
  return copy;
}

/** FReLU as its definition has it, and nothing folded: relu(x + a) + b, an Add before each ReLU and one after. */
export function literal(graph: Graph, plan: MigrationPlan, parameters: readonly SiteParameters[]): Graph {
  const copy = graph.copy();
  for (const site of migrated(plan)) {
    const given = parameters.find(({ id }) => id === site.id);
    const constant = (name: string, values: Float32Array | undefined) => {
      const list = values === undefined || values.length === 0 ? new Float32Array(1) : values;
      const dims = list.length > 1 ? [list.length, ...Array<number>(site.trailingAxes).fill(1)] : [];
      const tensor = floatTensor(`${site.id}/${name}`, dims, []);
      tensor.dataType = elementTypeOf(graph, site.input);
      writeFloats(tensor, list);
      return copy.addInitializer(tensor);
    };
    const nodes = activationNodes({ graph: copy, node: (output) => producerOf(copy, output) }, site);
    const last = nodes.at(-1) ?? nodes[0];
    copy.insert([makeNode('Add', [site.input, constant('a', given?.shift)], [`${site.id}/x`])], nodes[0]);
    for (const node of nodes) {
      for (const [at, value] of node.input.entries()) {
        if (value === site.input) copy.setInput(node, at, `${site.id}/x`);
      }
    }
    copy.setOutput(last, 0, `${site.id}/y`);
    copy.insertAfter([makeNode('Add', [`${site.id}/y`, constant('b', given?.offset)], [site.output])], last);
  }
  return copy;
}

function producerOf(graph: Graph, value: string): NodeProto {
  const node = graph.producer(value);
  if (node === undefined) throw new Error(`nothing computes '${value}'`);
  return node;
}
