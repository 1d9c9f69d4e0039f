import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FromScratchArm, FromScratchResult } from '../../src/contract/from-scratch.js';
import { present } from '../../src/contract/present.js';
import { renderScratchMarkdown } from '../../src/report/from-scratch.js';
import { renderScratchTerminal } from '../../src/report/from-scratch-terminal.js';
import { trainFromScratch } from '../../src/run/from-scratch/from-scratch.js';
import type { MigrateRequest, TrainingOptions } from '../../src/run/spec.js';
import { rows } from './rows.js';
import { optionsFor } from './runs.js';

const brief: Partial<TrainingOptions> = { device: 'cpu', epochs: 3, seeds: 2, learningRate: 0.05 };

function requestFor(model: string, data: string, training: Partial<TrainingOptions> = {}): MigrateRequest {
  const { accept: _, training: _trained, ...rest } = optionsFor(model, data);
  return { ...rest, training: { ...brief, ...training } };
}

/** What does not depend on when it ran, and where. */
function figures({ arms, before, weights }: FromScratchResult): unknown {
  const timeless = arms.map((arm) => ({ ...arm, seeds: arm.seeds.map((seed) => ({ ...seed, seconds: 0 })) }));
  return { arms: timeless, before, weights };
}

const lossAtStart = ({ seeds }: FromScratchArm): readonly (number | null | undefined)[] =>
  seeds.map(({ curve }) => curve[0]?.validationLoss);

describe('a training from scratch', () => {
  it('compares ReLU with FReLU from several b, each with the same seeds, and leaves the model as it is', async () => {
    const { model, data } = await rows(300);
    const before = await readFile(model);
    const result = await trainFromScratch(requestFor(model, data));
    expect(await readFile(model)).toEqual(before);

    expect(result.arms.map(({ network, init }) => [network, init])).toEqual([
      ['relu', null],
      ['frelu', 0],
      ['frelu', -0.398],
      ['frelu', -1],
    ]);
    const [relu, zero, low] = result.arms.map((arm) => present(arm, 'an arm'));
    if (relu === undefined || zero === undefined || low === undefined) throw new Error('arms are missing');
    // the same weights: FReLU from b = 0 is ReLU, from another b it is not
    expect(lossAtStart(zero)[0]).toBeCloseTo(lossAtStart(relu)[0] ?? Number.NaN, 6);
    expect(lossAtStart(low)[0]).not.toBeCloseTo(lossAtStart(relu)[0] ?? Number.NaN, 3);
    expect(lossAtStart(relu)[0]).not.toEqual(lossAtStart(relu)[1]);
    // it has learned what it was given
    expect(relu.mean).toBeGreaterThan(0.8);
    const values = zero.seeds.map(({ test }) => test?.accuracy?.value ?? Number.NaN);
    expect(zero.mean).toBeCloseTo(((values[0] ?? 0) + (values[1] ?? 0)) / 2, 9);
    expect(zero.vsRelu).toMatchObject({ test: 'bootstrap-seeds', baseline: relu.mean });
    expect(relu).toMatchObject({ vsRelu: null, convergence: [] });
    expect(zero.convergence.map(({ seed }) => seed)).toEqual([7, 8]);
    expect(low.seeds[0]?.offsets?.mean).toBeLessThan(-0.2);

    expect(result.settings).toMatchObject({ epochs: 3, patience: 3, batchNorm: 'batch', seeds: 2 });
    expect(result.weights).toMatchObject({ framework: 'pytorch', kept: [], normalizations: 1 });
    expect(result.report.map((path) => path.slice(dirname(path).length + 1))).toEqual([
      'from-scratch.html',
      'from-scratch.md',
      'from-scratch.json',
    ]);
    const kept: unknown = JSON.parse(await readFile(join(result.run.path, 'from-scratch.json'), 'utf8'));
    expect(kept).toMatchObject({ schemaVersion: 1, arms: [{ network: 'relu' }, {}, {}, {}] });
  }, 60_000);

  it('goes on where it was stopped, to the same figures', async () => {
    const { model, data } = await rows(200);
    const whole = await trainFromScratch(requestFor(model, data));
    const stop = new AbortController();
    const started: string[] = [];
    const stopped = trainFromScratch(requestFor(model, data), {
      onArm(arm, seed) {
        started.push(`${arm} ${seed}`);
        if (started.length === 3) stop.abort();
      },
      signal: stop.signal,
    });
    await expect(stopped).rejects.toMatchObject({ kind: 'interrupted' });
    const resumed: string[] = [];
    const result = await trainFromScratch(
      { ...requestFor(model, data), resume: true },
      { onArm: (arm, seed) => resumed.push(`${arm} ${seed}`) },
    );
    expect(started).toEqual(['relu, rate 0.05 7', 'frelu b=0, rate 0.05 7', 'frelu b=-0.398, rate 0.05 7']);
    expect(resumed).toEqual([
      'frelu b=-0.398, rate 0.05 7',
      'frelu b=-1, rate 0.05 7',
      'relu, rate 0.05 8',
      'frelu b=0, rate 0.05 8',
      'frelu b=-0.398, rate 0.05 8',
      'frelu b=-1, rate 0.05 8',
    ]);
    expect(figures(result)).toEqual(figures(whole));
  }, 60_000);

  it('compares each arm at the rate at which its first seed validates best, and takes a start of the user', async () => {
    const { model, data } = await rows(200);
    const trained: string[] = [];
    const request = requestFor(model, data, { learningRate: 'auto', epochs: 2, initialOffset: -0.2 });
    const result = await trainFromScratch(request, { onArm: (arm, seed) => trained.push(`${arm} ${seed}`) });
    expect(result.settings.learningRateFound).toBe(true);
    expect(result.arms.map(({ init }) => init)).toEqual([null, 0, -0.398, -1, -0.2]);
    const tried = result.arms.map(({ rates }) => rates.map(({ learningRate }) => learningRate));
    for (const rates of tried) expect(rates).toEqual(tried[0]);
    expect(tried[0]).toHaveLength(3);
    for (const { learningRate, rates, seeds } of result.arms) {
      const best = Math.min(...rates.map(({ validationLoss }) => validationLoss ?? Number.POSITIVE_INFINITY));
      const chosen = rates.find((each) => each.learningRate === learningRate);
      expect(chosen?.validationLoss).toBe(best);
      expect(seeds[0]?.validation?.loss).toBe(best);
    }
    // the first seed is not trained again at the rate that was chosen
    expect(trained.filter((name) => name.endsWith(' 7'))).toHaveLength(5 * 3);
    expect(trained.filter((name) => name.endsWith(' 8'))).toHaveLength(5);
    const [first, second, third] = tried[0] ?? [];
    expect(renderScratchMarkdown(result, 'en')).toContain(`own: of ${first}, ${second}, ${third}, that at which`);
  }, 60_000);

  it('of one seed says what that of the test samples alone is', async () => {
    const { model, data } = await rows(120);
    const { arms } = await trainFromScratch(requestFor(model, data, { seeds: 1, epochs: 1 }));
    expect(arms[1]?.vsRelu).toMatchObject({ test: 'mcnemar-exact' });
    expect(arms[1]).toMatchObject({ deviation: null, learningRate: 0.05, rates: [] });
  }, 60_000);

  it('tells of an arm that diverges at every rate, and goes on with the others', async () => {
    const { model, data } = await rows(200);
    const result = await trainFromScratch(requestFor(model, data, { learningRate: 1e30, seeds: 1, epochs: 1 }));
    const [relu] = result.arms;
    expect(relu?.seeds[0]).toMatchObject({ failed: expect.stringContaining('diverges'), test: null });
    expect(relu?.mean).toBeNull();
    expect(renderScratchTerminal(result)).toContain('ReLU, seed 7: The training diverges');
    for (const language of ['en', 'ja'] as const) {
      expect(renderScratchMarkdown(result, language)).toContain('The training diverges');
    }
  }, 60_000);

  it.each<[string, MigrateRequest['training'], Partial<MigrateRequest>, string]>([
    ['a search', { search: true }, {}, 'search'],
    ['sites taken back', { revertHarmful: true }, {}, 'revertHarmful'],
    ['a scope', { scope: 'offsets' }, {}, 'train'],
    ['a budget', { budgetSeconds: 60 }, {}, 'budget'],
    ['no ReLUs to compare with', { control: false }, {}, 'control'],
    ['a place for a model', {}, { out: 'other.onnx' }, 'out'],
    ['a rule', {}, { accept: 'always' }, 'accept'],
    ['a teacher', {}, { distill: { teacher: 'self' } }, 'teacher'],
    ['a start above the limit', { maxOffset: -0.5 }, {}, 'maxOffset'],
  ])('refuses %s', async (_, training, changes, setting) => {
    const request = { ...requestFor('net.onnx', 'data.csv', training), ...changes };
    await expect(trainFromScratch(request)).rejects.toMatchObject({
      kind: 'usage',
      settings: expect.arrayContaining([setting]),
    });
  });

  it('refuses normalization by statistics that are of nothing', async () => {
    const { model, data } = await rows(100);
    await expect(trainFromScratch(requestFor(model, data, { batchNorm: 'frozen' }))).rejects.toMatchObject({
      kind: 'usage',
      settings: [['batchNorm', 'batch']],
    });
  });
});
