import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, AttributeProto_AttributeType as AttributeType, GraphProtoSchema } from 'onnx-buf';
import { describe, expect, it, test } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { type Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import { DataType } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { elementTypeOf } from '../../transforms/rewrite/activation.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { parseGraph, valueInfo } from './notation.js';

describe('the type of what a site reads', () => {
  test.each([
    ['y = Resize(x, , scales)', 'scales = float[4] 1'],
    ['y = Dropout(x, ratio)', 'ratio = float[] 0.5'],
    ['y = BatchNormalization(x, s, s, s, s)', 's = float[2] 1'],
    ['y = Where(c, x, x)', 'c = float[1] 1'],
    ['y = CastLike(c, x)', 'c = float[1] 1'],
  ])('%s: that of its data', (node, constant) => {
    const graph = parseGraph(`x: float16[N,2,4,4]\n${constant}\n${node}\nr = Relu(y)\n-> r`);
    expect(elementTypeOf(graph, 'y')).toBe(DataType.FLOAT16);
  });

  test('what is cast to another type on the way says nothing', () => {
    const graph = parseGraph(`x: int64[N,2]\ns = float16[2] 1\nc = Cast(x) to=9\ny = Mul(c, s)\nr = Relu(y)\n-> r`);
    expect(elementTypeOf(graph, 'c')).toBe(DataType.FLOAT);
    expect(elementTypeOf(graph, 'y')).toBe(DataType.FLOAT16);
  });

  test.each(['If', 'Loop', 'Scan'])('%s: that of what its bodies end in', (opType) => {
    const graph = parseGraph('s = float16[2] 1\nn: int64[1]\nc = Cast(n) to=9\nr = Relu(y)\n-> r');
    const before = opType === 'Loop' ? ['go'] : [];
    const node = withBody(makeNode(opType, ['c'], ['y']), 'body', before, 's');
    graph.insert([node], graph.nodes[1]);
    expect(elementTypeOf(graph, 'y')).toBe(DataType.FLOAT16);
  });
});

it('an If is read: its condition is no number, and the offset is', async () => {
  const graph = chosen();
  const plan = planMigration(graph, { ...defaultPlanOptions, form: 'explicit' });
  const parameters = [{ id: 'r', shift: new Float32Array(), offset: Float32Array.of(0.5) }];
  const baked = bakeParameters(graph, plan, parameters);
  const x = float32(Float32Array.of(-1, 2), [1, 2]);
  const { r } = await runOnce(baked.model, { x });
  expect(Array.from(Object.values(r?.data ?? []), Number)).toEqual([0.5, 2.5]);
});

/** relu(x): an If on whether x is longer than nothing gives x, or its negative. */
function chosen(): Graph {
  const graph = parseGraph(
    'x: float[1,2]\nzero = int64[1] 0\nd = Shape(x)\ng = Gather(d, zero)\ns = Squeeze(g)\nc = Cast(s) to=9\nr = Relu(y)\n-> r',
  );
  const then = withBody(makeNode('If', ['c'], ['y']), 'then_branch', [], 'x');
  graph.insert([withBody(then, 'else_branch', [], 'x', 'Neg')], graph.nodes.at(-1));
  return graph;
}

/** A body that gives values from outside: those of `before`, and what an operator makes of `value`. */
function withBody(node: NodeProto, name: string, before: readonly string[], value: string, opType = 'Identity') {
  const output = `${name}/${value}`;
  const g = create(GraphProtoSchema, {
    name,
    node: [makeNode(opType, [value], [output])],
    output: [...before, output].map((each) => valueInfo(each)),
  });
  node.attribute.push(create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g }));
  return node;
}
