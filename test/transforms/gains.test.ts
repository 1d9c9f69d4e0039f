import { expect, it } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { parseGraph } from './notation.js';

/** What FReLU adds at each site of a network, by its id. */
function gains(text: string, granularity: 'layer' | 'channel' = 'layer') {
  const { sites } = planMigration(parseGraph(text), { ...defaultPlanOptions, granularity });
  return Object.fromEntries(sites.map(({ id, adds }) => [id, adds]));
}

const weights = `
  x: float[N,4,8,8]
  w = float[4,4,3,3]
  wb = float[4]
  v = float[4,4,3,3]
  vb = float[4]
  c = Conv(x, w, wb) pads=[1,1,1,1] name=first
  r = Relu(c) name=relu`;

it('is nothing where a bias before it and a bias behind it say the same, whatever lies between', () => {
  expect(
    gains(`${weights}\n  p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\n  y = Conv(p, v, vb) name=last\n  -> y`),
  ).toEqual({ relu: [] });
});

it('is the border where what reads it pads with zeros', () => {
  const text = `${weights}\n  y = Conv(r, v, vb) pads=[1,1,1,1] name=last\n  -> y`;
  expect(gains(text)).toEqual({ relu: ['borders'] });
  expect(gains(text, 'channel')).toEqual({ relu: ['borders'] });
});

it('is a bias where there is none, before or behind, and no normalization that has one', () => {
  const without = weights.replace('Conv(x, w, wb)', 'Conv(x, w)');
  expect(gains(`${without}\n  y = Conv(r, v, vb) name=last\n  -> y`)).toEqual({ relu: ['bias'] });
  expect(gains(`${weights}\n  y = Conv(r, v) name=last\n  -> y`)).toEqual({ relu: ['bias'] });
  const normalized = `
    s = float[4]
    b = float[4]
    m = float[4]
    d = float[4]
    z = Conv(r, v) name=middle
    y = BatchNormalization(z, s, b, m, d) name=norm
    -> y`;
  expect(gains(`${weights}${normalized}`)).toEqual({ relu: [] });
  // what leaves the network has no bias behind it
  expect(gains(`${weights}\n  -> r`)).toEqual({ relu: ['bias'] });
});

it('is the level at which a product, or a function that is not linear, reads it', () => {
  const gate = `
    z = Conv(x, v, vb) pads=[1,1,1,1] name=second
    q = Relu(z) name=other
    g = Mul(r, q) name=gate
    -> g`;
  expect(gains(`${weights}${gate}`)).toEqual({ relu: ['level'], other: ['level'] });
});

it('is nothing where another bias before the next activation says the same', () => {
  const block = `
    z = Conv(x, v, vb) pads=[1,1,1,1] name=second
    a = Add(r, z) name=add
    q = Relu(a) name=other
    u = float[2,4,3,3]
    ub = float[2]
    y = Conv(q, u, ub) name=last
    -> y`;
  expect(gains(`${weights}${block}`)).toEqual({ relu: [], other: [] });
});

it('is nothing of a number for the layer before a normalization that takes the mean away', () => {
  const norm = `
    s = float[8]
    b = float[8]
    y = LayerNormalization(r, s, b) axis=-1 name=norm
    -> y`;
  expect(gains(`${weights}${norm}`)).toEqual({ relu: [] });
});

it('is not said of a site that stays', () => {
  const { sites } = planMigration(parseGraph(`${weights}\n  -> r`), { ...defaultPlanOptions, exclude: ['relu'] });
  expect(sites).toMatchObject([{ status: 'skip', adds: [] }]);
});
