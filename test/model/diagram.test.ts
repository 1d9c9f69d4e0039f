import { expect, it } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { diagramOf } from '../../src/model/diagram.js';
import { networkBlocks } from '../../src/report/network-blocks.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { parseGraph } from '../transforms/notation.js';

const network = `
  x: float[N,4,8,8]
  w = float[8,4,3,3]
  wb = float[8]
  v = float[8,8,3,3]
  s = float[8]
  d = float[8,1,3,3]
  f = float[10,8]
  shape = int64[2] 0 -1
  c = Conv(x, w, wb) pads=[1,1,1,1] strides=[2,2] name=stem
  r = Relu(c) name=relu
  i = Identity(r) name=same
  z = Conv(i, v) pads=[1,1,1,1] name=block/conv
  n = BatchNormalization(z, s, s, s, s) name=block/norm
  q = Relu(n) name=block/relu
  e = Conv(q, d) group=8 pads=[1,1,1,1] name=block/depth
  a = Add(e, i) name=block/add
  t = Relu(a) name=block/last
  g = GlobalAveragePool(t) name=pool
  m = Reshape(g, shape) name=flat
  y = Gemm(m, f) transB=1 name=head
  -> y`;

const drawn = () => {
  const graph = parseGraph(network);
  return diagramOf(graph, planMigration(graph, defaultPlanOptions));
};

it('is a box for each layer with its normalization and its site, and lines between them', () => {
  const boxes = drawn().map(({ id, parts, inputs }) => [id, parts.map(({ text }) => text).join('; '), ...inputs]);
  expect(boxes).toEqual([
    ['stem', 'Conv 3x3, 8 / 2; Relu'],
    ['block/conv', 'Conv 3x3, 8; BatchNorm; Relu', 'stem'],
    ['block/depth', 'Depthwise 3x3, 8', 'block/conv'],
    ['block/add', 'Add; Relu', 'block/depth', 'stem'],
    ['pool', 'GlobalAveragePool', 'block/add'],
    ['head', 'Gemm 10', 'pool'],
  ]);
  expect(drawn().flatMap(({ parts }) => parts.flatMap(({ site }) => site ?? []))).toEqual([
    'relu',
    'block/relu',
    'block/last',
  ]);
});

it('leaves out what computes shapes, and what leads to no output', () => {
  const graph = parseGraph(`
    x: float[N,4]
    w = float[4,4]
    two = int64[1] 0
    h = Gemm(x, w) name=first
    s = Shape(h) name=shape
    k = Gather(s, two) axis=0 name=pick
    y = Reshape(h, k) name=flat
    u = Relu(h) name=unread
    -> y`);
  const boxes = diagramOf(graph, planMigration(graph, defaultPlanOptions));
  expect(boxes.map(({ id, parts }) => [id, parts.length])).toEqual([['first', 1]]);
});

it('is cut where one value alone leads on', () => {
  expect(networkBlocks(drawn()).map(({ name, boxes }) => [name, boxes.map(({ id }) => id)])).toEqual([
    [null, ['stem']],
    ['block', ['block/conv', 'block/depth', 'block/add']],
    [null, ['pool', 'head']],
  ]);
});

it('names a node that leaves an optional input out', () => {
  const graph = parseGraph(`
    x: float[N,3,8,8]
    w = float[4,3,3,3]
    scales = float[4] 1 1 2 2
    c = Conv(x, w) name=conv
    u = Resize(c, , scales) mode="nearest" name=up
    -> u`);
  const boxes = diagramOf(graph, planMigration(graph, defaultPlanOptions));
  expect(boxes.map(({ id, parts }) => [id, ...parts.map(({ text }) => text)])).toEqual([
    ['conv', 'Conv 3x3, 4'],
    ['up', 'Resize'],
  ]);
});
