import { describe, expect, test } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { parseGraph } from './notation.js';

const start = `
  x: float[N,4]
  w = float[4,4]
  b = float[4]
  zero = float[] 0
  one = float[] 1
  three = float[] 3
  six = float[] 6
  sixth = float[] 0.1667
  half = float[] 0.5
  third = float[] 0.2
  eps = float[] 0.001
  h = Gemm(x, w, b)
`;

function sitesOf(text: string): readonly Site[] {
  return planMigration(parseGraph(start + text), defaultPlanOptions).sites;
}

/** What the plan says of each site: its kind where it migrates, else why not. */
const told = (sites: readonly Site[]) =>
  sites.map(({ status, kind, reason }) => (status === 'migrate' ? kind : (reason ?? '')));

describe('what only looks like a ReLU', () => {
  test.each<[string, string, RegExp]>([
    ['clip_by_value', 'y = Clip(h, zero, one)\n-> y', /^clips to \[0, 1\]/],
    ['clip_by_value as Min and Max', 'm = Min(h, three)\ny = Max(m, zero)\n-> y', /^clips to \[0, 3\]/],
    ['ReLU(max_value)', 'r = Relu(h)\ny = Min(r, half)\n-> y', /^clips to \[0, 0.5\]/],
    ['a hard sigmoid of Keras', 's = Mul(h, third)\na = Add(s, half)\ny = Clip(a, zero, one)\n-> y', /^clips to/],
    ['one of PyTorch', 'a = Add(three, h)\nc = Clip(a, zero, six)\ny = Div(c, six)\n-> y', /hard-sigmoid/],
    ['one whose 3 is in the bias', 'c = Clip(h, zero, six)\ny = Div(c, six)\n-> y', /hard-sigmoid/],
    ['one that is multiplied', 'r = Relu(h)\nc = Min(r, six)\ny = Mul(sixth, c)\n-> y', /hard-sigmoid/],
    ['a variance before a root', 'v = Max(h, zero)\ne = Add(v, eps)\ny = Sqrt(e)\n-> y', /keeps a variance/],
    ['a Sum before it', 'v = Relu(h)\ne = Sum(eps, v)\ny = Sqrt(e)\n-> y', /keeps a variance/],
    ['a power', 'v = Clip(h, zero)\nn = float[] -0.5\ny = Pow(v, n)\n-> y', /keeps a variance/],
    ['a mean before the root', 'v = Relu(h)\nm = ReduceMean(v) axes=[1]\ny = Sqrt(m)\n-> y', /keeps a variance/],
    ['a logarithm', 'v = Relu(h)\ne = Add(v, eps)\ny = Log(e)\n-> y', /keeps a value/],
    ['a divisor', 'v = Relu(h)\ne = Add(v, eps)\ny = Div(x, e)\n-> y', /keeps a value/],
    ['a divisor that adds up', 'v = Relu(h)\nt = ReduceSum(v)\ny = Div(v, t)\n-> y', /keeps a value/],
    ['one of the parts', 'v = Relu(h)\np, q = Split(v) axis=1\ny = Sqrt(q)\n-> y, p', /keeps a variance/],
  ])('%s', (_, text, reason) => {
    const sites = sitesOf(text);
    expect(sites).toHaveLength(1);
    expect(told(sites)[0]).toMatch(reason);
  });

  test.each<[string, string]>([
    ['an even power', 'v = Relu(h)\nn = float[] 2\ny = Pow(v, n)\n-> y'],
    ['a dividend', 'v = Relu(h)\ny = Div(v, six)\n-> y'],
    ['a mean that goes on', 'v = Relu(h)\nm = ReduceMean(v) axes=[1] keepdims=1\ny = Mul(x, m)\n-> y'],
    ['a layer before the root', 'v = Relu(h)\ng = Gemm(v, w, b)\ns = Mul(g, g)\ny = Sqrt(s)\n-> y'],
  ])('%s is none', (_, text) => {
    expect(told(sitesOf(text))).toEqual(['relu']);
  });

  test('integers', () => {
    const sites = sitesOf('c = Cast(h) to=3\nr = Relu(c)\ny = Cast(r) to=1\nm = Cast(h) to=6\nn = Relu(m)\n-> y, n');
    expect(told(sites)).toEqual(['the tensor is int8', 'the tensor is int32']);
  });
});

describe('each ReLU once', () => {
  test.each<[string, string, readonly string[]]>([
    ['Relu, Min, Max', 'r = Relu(h)\nm = Min(r, six)\ny = Max(zero, m)\n-> y', ['relu6']],
    ['Max, Min, Relu', 'm = Max(h, zero)\nn = Min(six, m)\ny = Relu(n)\n-> y', ['relu6']],
    ['Where, x > 0', 'c = Greater(h, zero)\ny = Where(c, h, zero)\n-> y', ['relu']],
    ['Where, 0 >= x', 'c = GreaterOrEqual(zero, h)\ny = Where(c, zero, h)\n-> y', ['relu']],
    ['LeakyRelu of slope 0', 'y = LeakyRelu(h) alpha=0.0\n-> y', ['relu']],
    ['ThresholdedRelu at 0', 'y = ThresholdedRelu(h) alpha=0.0\n-> y', ['relu']],
  ])('%s', (_, text, kinds) => {
    expect(told(sitesOf(text.replaceAll('=0.0', '=0e0')))).toEqual(kinds);
  });

  test('PRelu of slope 0 is listed', () => {
    expect(told(sitesOf('s = float[4] 0\ny = PRelu(h, s)\n-> y'))[0]).toMatch(/^a PReLU/);
  });

  test("under the other name of ONNX's domain", () => {
    const graph: Graph = parseGraph(`${start}y = Relu(h)\nz = Gemm(y, w, b)\n-> z`);
    for (const node of graph.nodes) node.domain = 'ai.onnx';
    const [site] = planMigration(graph, defaultPlanOptions).sites;
    expect([site?.form, site?.shift?.into, site?.offset.length]).toEqual(['folded', 'b', 1]);
  });
});
