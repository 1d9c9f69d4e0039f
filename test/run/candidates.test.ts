import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import { candidatesBeside, combined } from '../../src/run/search/candidates.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { isSelected } from '../../transforms/plan/selection.js';
import { parseGraph } from '../transforms/notation.js';
import { optionsFor, training } from './runs.js';

/** Three sites, the first before a convolution that pads with zeros. */
const padded = `
  x: float[N,2,6,6]
  w1 = float[3,2,3,3]
  b1 = float[3]
  w2 = float[3,3,3,3]
  b2 = float[3]
  w3 = float[3,2]
  b3 = float[2]
  c1 = Conv(x, w1, b1)
  r1 = Relu(c1) name=r1
  c2 = Conv(r1, w2, b2) pads=[1,1,1,1]
  r2 = Relu(c2) name=r2
  g = GlobalAveragePool(r2)
  f = Flatten(g)
  d = Gemm(f, w3, b3)
  y = Relu(d) name=r3
  -> y`;

function candidates(plan: Partial<PlanOptions> = {}, network = padded) {
  const options = optionsFor('net.onnx', 'data', {
    plan: { ...defaultPlanOptions, ...plan },
    training: { ...training, learningRate: 'auto' },
  });
  return candidatesBeside(options, planMigration(parseGraph(network), options.plan));
}

const named = (name: string) =>
  present(
    candidates().find((each) => each.name === name),
    name,
  );

describe('the recipes of a search', () => {
  it('have the floor as padding where a zero-padded reader tells it from zero', () => {
    expect(named('padded with the floor').plan).toEqual({ padding: 'floor' });
    const names = candidates({}, padded.replace(' pads=[1,1,1,1]', '')).map(({ name }) => name);
    expect(names).not.toContain('padded with the floor');
    expect(names).toContain('the earlier sites');
  });

  it('have either half of the sites alone', () => {
    const sites = ['r1', 'r2', 'r3'];
    const left = (name: string) => sites.filter((id) => isSelected(id, [], named(name).plan?.exclude ?? []));
    expect(left('the earlier sites')).toEqual(['r1', 'r2']);
    expect(left('the later sites')).toEqual(['r3']);
  });

  it('leave what was said as it was said', () => {
    const names = candidates({ padding: 'floor', granularity: 'channel', include: ['r*'] }).map(({ name }) => name);
    for (const name of ['padded with the floor', 'an offset per channel', 'the earlier sites', 'the later sites']) {
      expect(names).not.toContain(name);
    }
  });
});

describe('two of them together', () => {
  it('say what both say', () => {
    const joint = combined(named('dropout'), named('an offset per channel'));
    expect(joint).toMatchObject({
      name: 'dropout + an offset per channel',
      options: '--dropout 0.2 --granularity channel',
      training: { dropout: 0.2 },
      plan: { granularity: 'channel' },
    });
    expect(combined(named('three times the rate'), named('taught by the original'))).toMatchObject({
      rate: 3,
      distill: { teacher: 'self' },
    });
  });

  it.each([
    ['as given', 'dropout'],
    ['biases alone', 'the last layer and offsets'],
    ['crops', 'mirrors and crops'],
    ['three times the rate', 'a third of the rate'],
    ['an offset per channel', 'padded with the floor'],
  ])('are none where they contradict each other: %s, %s', (a, b) => {
    expect(combined(named(a), named(b))).toBeNull();
  });
});
