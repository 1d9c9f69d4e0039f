import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FromScratchArm, FromScratchResult } from '../../src/contract/from-scratch.js';
import { present } from '../../src/contract/present.js';
import type { Reading } from '../../src/contract/reading.js';
import { makeAttribute } from '../../src/model/attributes.js';
import type { Graph } from '../../src/model/graph.js';
import { readFloats, writeFloats } from '../../src/model/tensor.js';
import { renderScratchMarkdown } from '../../src/report/from-scratch.js';
import { renderScratchTerminal } from '../../src/report/from-scratch-terminal.js';
import { trainFromScratch } from '../../src/run/from-scratch/from-scratch.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateRequest, TrainingOptions } from '../../src/run/spec.js';
import { rows } from './rows.js';
import { hooks, optionsFor } from './runs.js';

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

/** A result whose first start of FReLU is another. */
function changeFirstStart(
  result: FromScratchResult,
  change: (arm: FromScratchArm) => Partial<FromScratchArm>,
): FromScratchResult {
  return { ...result, arms: result.arms.map((arm, i) => (i === 1 ? { ...arm, ...change(arm) } : arm)) };
}

/** A result whose first start of FReLU differs from ReLU by an interval, and no other start does. */
function withInterval(result: FromScratchResult, ci95: readonly [number, number]): FromScratchResult {
  const arms = result.arms.map((arm) => ({ ...arm, vsRelu: arm.vsRelu && { ...arm.vsRelu, ci95: [-1, 1] as const } }));
  return changeFirstStart({ ...result, arms }, ({ vsRelu }) => ({ vsRelu: vsRelu && { ...vsRelu, ci95 } }));
}

function fill(graph: Graph, name: string, change: (values: Float32Array) => Float32Array): void {
  const tensor = present(graph.initializer(name), name);
  writeFloats(tensor, change(readFloats(tensor)));
}

const lossAtStart = ({ seeds }: FromScratchArm): readonly (number | null | undefined)[] =>
  seeds.map(({ curve }) => curve[0]?.validationLoss);

describe('a training from scratch', () => {
  it('compares ReLU with FReLU from several b, each with the same seeds, and leaves the model as it is', async () => {
    const { model, data } = await rows(300);
    const before = await readFile(model);
    const result = await trainFromScratch({ ...requestFor(model, data), languages: ['en'] });
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
  });

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
  });

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
  });

  it('of one seed says what that of the test samples alone is', async () => {
    const { model, data } = await rows(120);
    const result = await trainFromScratch(requestFor(model, data, { seeds: 1, epochs: 1 }));
    const { arms } = result;
    expect(arms[1]?.vsRelu).toMatchObject({ test: 'mcnemar-exact' });
    expect(arms[1]).toMatchObject({ deviation: null, learningRate: 0.05, rates: [] });

    const better = withInterval(result, [0.1, 0.2]);
    const said = [renderScratchTerminal(better), renderScratchMarkdown(better, 'en')];
    for (const text of said) {
      expect(text).toContain('With this one seed, 1 of 3 starts of FReLU is better than ReLU, and 0 worse');
      expect(text).toMatch(/the chance of the test samples alone, not that of training, which `?--seeds 3/);
      expect(text).toContain('on the test split, one seed');
      expect(text).not.toMatch(/established|1 seeds|mean over the seeds|, over the seeds/);
    }
    const japanese = renderScratchMarkdown(better, 'ja');
    expect(japanese).toContain('区間が表すのはテストサンプルの偶然だけ');
    expect(japanese).not.toMatch(/確認でき|全シード|シードの平均/);
    expect(renderScratchTerminal(withInterval(result, [-1, 1]))).toContain('With this one seed, none of 3 starts');
  });

  it('of several seeds says what is established, but not of an arm that one seed is left of', async () => {
    const { model, data } = await rows(120);
    const result = await trainFromScratch(requestFor(model, data, { epochs: 1 }));
    const better = withInterval(result, [0.1, 0.2]);
    const established = 'Of 3 starts of FReLU, 1 is established to be better than ReLU, 0 to be worse';
    expect(renderScratchTerminal(better)).toContain(established);
    expect(renderScratchTerminal(better)).not.toContain('one seed');
    const left = changeFirstStart(better, ({ convergence }) => ({ convergence: convergence.slice(0, 1) }));
    const said = renderScratchTerminal(left);
    expect(said).toContain('None of 3 starts of FReLU is established to be better or worse than ReLU');
    expect(said).toContain('FReLU, b from 0: of one seed alone both arms were trained to their ends.');

    const early = changeFirstStart(result, ({ convergence }) => ({
      convergence: convergence.map((each) => ({ ...each, ratio: 0 })),
    }));
    expect(renderScratchTerminal(early)).toContain('there before any training (2 of 2)');
    expect(renderScratchMarkdown(early, 'ja')).toContain('学習前に到達済み（2個中2個）');
  });

  it.each([
    { what: 'that guesses', feature: 1, positive: 1, sentence: 'no better than a guess' },
    { what: 'whose classes are in another order', feature: 0, positive: 0, sentence: 'the two classes the other way' },
  ])('of a model $what warns: all of that is learned anew', async ({ feature, positive, sentence }) => {
    // the class `positive` where a feature is above about 0; the data's second class is where the first feature is
    const { model, data } = await rows(2000, 'classes', (graph) => {
      const one = (at: number, value: number) => (values: Float32Array) => values.fill(0).fill(value, at, at + 1);
      fill(graph, 'hidden/weight', one(feature, 1));
      fill(graph, 'out/weight', one(8 * positive, 40));
      fill(graph, 'out/bias', one(1 - positive, 1));
    });
    const readings: Reading[] = [];
    const request = requestFor(model, data, { seeds: 1, epochs: 1 });
    const result = await trainFromScratch(
      { ...request, reading: { ...request.reading, trustReading: false } },
      { onReading: (reading) => readings.push(reading) },
    );
    expect(readings[0]?.sanity).toMatchObject({ status: 'suspect', sentence: expect.stringContaining(sentence) });
    expect(result.arms[0]?.mean).not.toBeNull();
  });

  it('refuses normalization that was exported in training mode before it reads the model, and says how to export it', async () => {
    const { model, data } = await rows(100, 'classes', (graph) => {
      const norm = present(
        graph.nodes.find(({ opType }) => opType === 'BatchNormalization'),
        'the normalization',
      );
      norm.attribute.push(makeAttribute('training_mode', { int: 1 }));
      for (const output of [1, 2]) graph.setOutput(norm, output, `running ${output}`);
    });
    const readings: Reading[] = [];
    const listening = { onReading: (reading: Reading) => readings.push(reading) };
    const refused = {
      kind: 'input',
      what: expect.stringMatching(/rows\.onnx: node 'norm' .*training mode/),
      cure: expect.stringContaining('TrainingMode.PRESERVE, do_constant_folding=False, dynamo=False'),
    };
    await expect(trainFromScratch(requestFor(model, data), listening)).rejects.toMatchObject(refused);
    await expect(migrate(optionsFor(model, data), hooks(listening))).rejects.toMatchObject(refused);
    expect(readings).toEqual([]);
  });

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
  });

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
