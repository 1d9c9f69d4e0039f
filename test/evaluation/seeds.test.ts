import { describe, expect, test } from 'vitest';
import type { Scores, Truth } from '../../src/evaluation/metrics.js';
import { deltaOverSeeds } from '../../src/evaluation/seeds.js';
import { createRandom } from '../../src/math/random.js';

const count = 200;
const truth: Truth = { kind: 'class', labels: new Int32Array(count), classes: 2 };

/** Right on the samples of which `isRight` says so. */
const rightWhere = (isRight: (i: number) => boolean): Scores => ({
  values: Float32Array.from({ length: 2 * count }, (_, at) => Number(isRight(at >> 1) === (at % 2 === 0))),
  width: 2,
  kind: 'logits',
});

const before = rightWhere((i) => (i * 7) % 10 < 8);
const trained = [1, 2, 3].map((k) => rightWhere((i) => (i * 7 + k) % 10 < 8 + (i % 25 < 2 * k ? 1 : 0)));
const controls = [before, rightWhere((i) => (i * 3 + 1) % 10 < 8), rightWhere((i) => (i * 9) % 11 < 9)];

const pairs = (baselines: readonly Scores[], candidates: readonly Scores[]) =>
  candidates.map((candidate, i) => ({ baseline: baselines[i % baselines.length] ?? before, candidate }));

describe('differences over seeds', () => {
  test('are their means, with the interval that NumPy and SciPy give for the same resampling', () => {
    const options = { resamples: 20_000, seed: 4 };
    // np.random.default_rng(1), 400 000 resamples of 200 samples and of 2 of 3 seeds; scipy.stats.t
    const vsBefore = deltaOverSeeds('accuracy', pairs([before], trained), truth, options);
    expect(vsBefore).toMatchObject({ metric: 'accuracy', count, fixed: null, broken: null, test: 'bootstrap-seeds' });
    expect(vsBefore.baseline).toBeCloseTo(0.8, 12);
    expect(vsBefore.candidate).toBeCloseTo(0.82667, 4);
    expect(vsBefore.value).toBeCloseTo(0.0266667, 6);
    expect(vsBefore.ci95?.[0]).toBeCloseTo(-0.04596, 2.7);
    expect(vsBefore.ci95?.[1]).toBeCloseTo(0.0993, 2.7);
    expect(vsBefore.pValue).toBeCloseTo(0.4716, 1.7);
    const vsControl = deltaOverSeeds('accuracy', pairs(controls, trained), truth, options);
    expect(vsControl.value).toBeCloseTo(0.0216667, 6);
    expect(vsControl.ci95?.[0]).toBeCloseTo(-0.04175, 2.7);
    expect(vsControl.ci95?.[1]).toBeCloseTo(0.08508, 2.7);
  });

  test('of seeds that disagree have wider intervals than those of seeds that agree', () => {
    const width = ({ ci95 }: ReturnType<typeof deltaOverSeeds>): number => (ci95 === null ? 0 : ci95[1] - ci95[0]);
    const [good, bad] = [rightWhere((i) => i % 10 < 9), rightWhere((i) => i % 10 < 6)];
    const agreeing = deltaOverSeeds('accuracy', pairs([before], [good, good, good]), truth);
    const apart = deltaOverSeeds('accuracy', pairs([before], [good, bad, good]), truth);
    expect(width(apart)).toBeGreaterThan(3 * width(agreeing));
    // more than from the worst seed to the best: three seeds say little of the next
    expect(width(apart)).toBeGreaterThan(0.3);
  });

  test('hold the truth about as often as they say, whichever varies more', () => {
    const random = createRandom(8);
    const normals = (length: number): number[] => Array.from({ length }, () => random.normal());
    for (const [ofSeeds, ofSamples] of [
      [0.5, 1],
      [0.02, 1],
    ] as const) {
      let held = 0;
      const trials = 120;
      for (let trial = 0; trial < trials; trial++) {
        const samples = 60;
        const shared = normals(samples);
        const seeds = normals(3).map((seed) => {
          const values = normals(samples).map((own, i) => ofSeeds * seed + ofSamples * (shared[i] ?? 0) + 0.5 * own);
          const scores = (name: string, of: readonly number[]) => ({
            values: new Float32Array(samples),
            width: 1,
            kind: 'values' as const,
            own: [{ name, higherIsBetter: true, values: Float32Array.from(of) }],
          });
          return {
            baseline: scores(
              'score',
              values.map(() => 0),
            ),
            candidate: scores('score', values),
          };
        });
        const own: Truth = { kind: 'own', count: samples };
        const { ci95 } = deltaOverSeeds('score', seeds, own, { resamples: 200, seed: trial });
        if (ci95 !== null && ci95[0] <= 0 && ci95[1] >= 0) held++;
      }
      expect(held / trials).toBeGreaterThan(0.88);
      expect(held / trials).toBeLessThanOrEqual(1);
    }
  });

  test('that do not vary are told as they are; what has no value is null', () => {
    const same = deltaOverSeeds('accuracy', pairs([before], [before, before]), truth);
    expect(same).toMatchObject({ value: 0, ci95: [0, 0], pValue: 1 });
    const broken: Scores = { ...before, values: before.values.map(() => Number.NaN) };
    const unknown = deltaOverSeeds('logLoss', pairs([before], [broken, before]), truth);
    expect(unknown).toMatchObject({ value: null, ci95: null, pValue: null });
  });
});
