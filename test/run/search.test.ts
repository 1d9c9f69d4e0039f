import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import type { MigrateResult } from '../../src/contract/result.js';
import type * as Phases from '../../src/run/arm-phases.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { exportArm } from '../../src/run/export.js';
import type { TrialReport } from '../../src/run/hooks.js';
import { migrate } from '../../src/run/migrate.js';
import { stepsFrom } from '../../src/run/search/course.js';
import { epochsInAll, openRung, rungsOf } from '../../src/run/search/halving.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import type * as Replace from '../../src/upgrade/replace.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';
import { table, tableSetting } from './table.js';

/** With this a run ends before the write that it is set to. */
const writes = vi.hoisted(() => ({ count: 0, last: Number.POSITIVE_INFINITY, paths: [] as string[] }));
class Crash extends Error {}

vi.mock('../../src/upgrade/replace.js', async (original) => {
  const { replaceFile } = await original<typeof Replace>();
  const counted: typeof replaceFile = async (path, ...rest) => {
    if (++writes.count > writes.last) throw new Crash(`before ${path}`);
    writes.paths.push(path);
    return replaceFile(path, ...rest);
  };
  return { replaceFile: counted };
});

/** Which training fails, as one does that diverges at every rate. */
const failing = vi.hoisted(() => ({ dropout: Number.NaN }));

vi.mock('../../src/run/arm-phases.js', async (original) => {
  const phases = await original<typeof Phases>();
  const takePhase: typeof phases.takePhase = async (run, ...rest) => {
    if (run.options.training.dropout !== failing.dropout) return phases.takePhase(run, ...rest);
    throw new Failure('input', { what: 'The training diverges.', cure: 'Choose a smaller learning rate.' });
  };
  return { ...phases, takePhase };
});

/** While the trainings with so much dropout fail. */
async function whileFailing<T>(dropout: number, work: () => Promise<T>): Promise<T> {
  failing.dropout = dropout;
  try {
    return await work();
  } finally {
    failing.dropout = Number.NaN;
  }
}

describe('rungs', () => {
  it.each([
    [5, 12, [1, 2, 2], [6, 3, 1]],
    [10, 5, [2, 4, 4], [3, 2, 1]],
    [3, 2, [1, 1, 1], [1, 1, 1]],
    [2, 7, [1, 1], [4, 1]],
    [1, 7, [1], [1]],
  ])('of %i epochs and %i recipes', (epochs, candidates, lengths, survivors) => {
    const rungs = rungsOf(epochs, candidates);
    expect(rungs.map((rung) => rung.epochs)).toEqual(lengths);
    expect(rungs.map((rung) => rung.survivors)).toEqual(survivors);
    expect(lengths.reduce((sum, each) => sum + each, 0)).toBe(epochs);
  });

  it('with a budget, are as long as the one before has shown that there is time for', () => {
    const rungs = rungsOf(10, 4);
    const budget = { seconds: 1000, evaluationSeconds: 20, arms: 2, armSeconds: 0, epochsAsked: 10, ablations: 0 };
    const costs = { setup: 1, step: 0.1, epochEnd: 2, end: 0 };
    const steps = [120, 240, 240];
    const paced = { budget: { ...budget, steps: 600, epochs: 6 }, steps, costs, perEpoch: 100, hasPartial: false };
    const course = { recipes: 4, rungs, paced };
    // 4 trials of each arm: their setup, steps, and 3 validations
    const forecast = 2 * 4 * (1 + 12 + 3 * 2);
    const stepsAfter = (spent: number, rungTook: number) => stepsFrom(1, course, paced, { spent, rungTook });
    // 2 trials, then 1: what is left is what they take, with 4 validations each at 240 steps
    const rest = 2 * 3 * (1 + 24 + 4 * 2) + 20;
    expect(stepsAfter(1000 - rest, forecast)).toEqual(steps);
    const [first, second = 0, third] = stepsAfter(1000 - rest, 2 * forecast);
    expect(first).toBe(120);
    expect(second).toBeLessThan(120);
    expect(third).toBe(second);
    expect(stepsAfter(0, forecast)).toEqual([120, 400, 400]);
    expect(stepsAfter(2000, forecast)).toEqual([120, 1, 1]);
  });

  it('where the last one is open, has what the others leave', () => {
    const rungs = [...rungsOf(5, 4), openRung];
    const budget = { seconds: 1000, evaluationSeconds: 20, arms: 2, armSeconds: 0, epochsAsked: null, ablations: 0 };
    const costs = { setup: 1, step: 0.1, epochEnd: 2, end: 0 };
    const steps = [80, 160, 160, 700];
    const paced = { budget: { ...budget, steps: 1100, epochs: 11 }, steps, costs, perEpoch: 100, hasPartial: false };
    const course = { recipes: 4, rungs, paced };
    const armOf = (taken: number): number => 1 + taken * 0.1 + (1 + Math.ceil(taken / 100)) * 2;
    const forecast = 2 * 4 * armOf(80);
    const stepsAfter = (spent: number, rungTook: number) => stepsFrom(1, course, paced, { spent, rungTook });
    // of the others all epochs, and the last one the rest
    const rest = 2 * (2 * armOf(200) + armOf(200) + armOf(1500)) + 20;
    expect(stepsAfter(1000 - rest, forecast)).toEqual([80, 200, 200, 1500]);
    // a machine of half the speed: all are shorter
    const [, second = 0, third = 0, last = 0] = stepsAfter(1000 - rest, 2.5 * forecast);
    expect(second).toBeLessThan(200);
    expect(third).toBe(second);
    expect(last / 700).toBeCloseTo(second / 200, 1);
    expect(stepsAfter(0, 0.01 * forecast).at(-1)).toBe(openRung.epochs * 100);
  });

  it('take as many epochs as their trials', () => {
    expect(epochsInAll(rungsOf(5, 12), 12)).toBe(12 * 1 + 6 * 2 + 3 * 2);
  });
});

const points = table.replaceAll(/,(?:north|south),r\d+,/g, ',').replace(',site,row,', ',');

const searching: Partial<MigrateOptions> = { training: { ...training, epochs: 3, learningRate: 'auto', search: true } };

interface Setting {
  readonly model: string;
  readonly data: string;
}

async function run(
  { model, data }: Setting,
  changes = searching,
  last = Number.POSITIVE_INFINITY,
  trials: TrialReport[] = [],
) {
  Object.assign(writes, { count: 0, last, paths: [] });
  return migrate(optionsFor(model, data, changes), hooks({ onTrial: (trial) => trials.push(trial) }));
}

/** Without what the clock and the place decide. */
function timeless(result: MigrateResult): unknown {
  const dropped = new Set(['run', 'seconds', 'samplesPerSecond', 'latency', 'report', 'rollback', 'path', 'origin']);
  return JSON.parse(JSON.stringify(result, (key, value: unknown) => (dropped.has(key) ? undefined : value)));
}

describe('a search', () => {
  it('gives both arms as many trials, keeps the best on validation data, and resumes to the same', async () => {
    const setting = await tableSetting(points);
    const trials: TrialReport[] = [];
    const result = await run(setting, searching, undefined, trials);
    const names = writes.paths.map((path) => basename(path));
    const { search } = result;
    const tried = search?.tried ?? [];
    expect(tried.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'as given',
        'three times the rate',
        'moving average',
        'dropout',
        'an offset per channel',
      ]),
    );
    const single = tried.filter(({ name }) => !name.includes(' + '));
    for (const name of ['control', 'frelu'] as const) {
      const own = tried.map((recipe) => recipe[name]);
      expect(own.filter((arm) => arm?.outcome === 'chosen')).toHaveLength(1);
      // halved after each rung
      const ends = own.map((arm) => arm?.rungs.at(-1)?.epochs ?? 0);
      const half = Math.ceil(single.length / 2);
      expect(ends.filter((epochs) => epochs >= 2)).toHaveLength(half);
      expect(ends.filter((epochs) => epochs === 3)).toHaveLength(Math.ceil(half / 2));
      // the two best ingredients go on together, from where one of them stood
      const joint = tried.filter((recipe) => !single.includes(recipe) && recipe[name] !== null);
      expect(joint).toHaveLength(1);
      expect(joint[0]?.[name]?.rungs[0]?.epochs).toBe(2);
      const [a = '', b = ''] = joint[0]?.name.split(' + ') ?? [];
      expect(joint[0]?.options).toBe(
        [a, b].map((part) => single.find((each) => each.name === part)?.options).join(' '),
      );
      // an arm goes on from where it ended: what it was trained for is not lost with a rung in which nothing became better
      expect(result.arms[name]?.curve.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3]);
      const losses = own.flatMap((arm) => {
        const last = arm?.rungs.at(-1);
        return last?.epochs === 3 ? [last.validationLoss ?? Number.NaN] : [];
      });
      const chosen = own.find((arm) => arm?.outcome === 'chosen');
      expect(chosen?.rungs.at(-1)?.validationLoss).toBe(Math.min(...losses));
      // what was chosen is what was judged, its sites looked at
      const [site] = result.arms[name]?.ablation ?? [];
      expect(site?.kept.validationLoss).toBeCloseTo(Math.min(...losses), 5);
      const judged = site?.reverted === true ? site.without : site?.kept;
      expect(result.arms[name]?.validation.logLoss?.value).toBeCloseTo(judged?.validationLoss ?? Number.NaN, 5);
      expect(result.arms[name]?.epochs).toBe(3);
    }
    expect(trials.filter(({ arm }) => arm === 'control')).toHaveLength(trials.length / 2);
    // what changes FReLU alone is tried in the frelu arm, whatever the control arm has computed in its place
    const first = (name: string) => tried.find((recipe) => recipe.name === name)?.frelu?.rungs[0]?.validationLoss;
    expect(first('an offset per channel')).not.toBe(first('as given'));
    const bytes = await readFile(setting.model);
    const at = (name: string): number => names.findIndex((each) => each.startsWith(name));
    const last = (name: string): number => names.findLastIndex((each) => each.startsWith(name));
    // in the first round, when a combination has its start, behind the last round, before the table
    const ends = [at('standing.frelu'), at('standing.control-7-1'), last('train.'), at('search.artifact')];
    expect(ends.every((end) => end > 0)).toBe(true);
    for (const end of ends) {
      const other = await tableSetting(points);
      await expect(run(other, searching, end), names[end]).rejects.toThrow(Crash);
      const resumed = await run(other, { ...searching, resume: true });
      expect(timeless(resumed), names[end]).toEqual(timeless(result));
      expect(await readFile(other.model), names[end]).toEqual(bytes);
    }
    // the control arm's model is the one that its recipe made
    const out = join(await temporaryFolder(), 'control.onnx');
    expect((await exportArm({ run: result.run.path, arm: 'control', out })).files).toHaveLength(1);
  });

  it('goes on where a recipe fails, and says why; what was given is tried in no other way', async () => {
    const setting = await tableSetting(points);
    const changes = { training: { ...training, mixup: 0.2, control: false, search: true } };
    const { search } = await whileFailing(0.2, () => run(setting, changes));
    expect(search?.chosen.control).toBeNull();
    const names = search?.tried.map(({ name }) => name) ?? [];
    expect(names).not.toContain('mixup');
    expect(names).not.toContain('three times the rate');
    const failed = search?.tried.find(({ name }) => name === 'dropout')?.frelu;
    expect(failed).toEqual({ outcome: 'failed', rungs: [], why: 'The training diverges.' });
  });

  it('keeps the best of both arms where the goal is missed', async () => {
    const setting = await tableSetting(points);
    const before = await readFile(setting.model);
    const result = await run(setting, { ...searching, accept: 'delta>=0.99' });
    expect(result).toMatchObject({ written: false, acceptance: { met: false } });
    expect(await readFile(setting.model)).toEqual(before);
    const out = join(await temporaryFolder(), 'frelu.onnx');
    await exportArm({ run: result.run.path, arm: 'frelu', out });
    const { data, task, reading } = optionsFor(setting.model, setting.data);
    const again = await evaluateModel({ model: out, data, task, reading, device: 'cpu' });
    expect(again.metrics.accuracy?.value).toBeGreaterThan(0.5);
  });

  it('takes what is left where the own recipe fails, and ends where all do', async () => {
    const setting = await tableSetting(points);
    const only = { ...training, control: false, search: true };
    const { search } = await whileFailing(0, () => run(setting, { dryRun: true, training: only }));
    expect(search?.chosen.frelu).toBe('dropout');
    await expect(whileFailing(0.3, () => run(setting, { training: { ...only, dropout: 0.3 } }))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/No recipe of the search trains this model.*The training diverges/),
    });
  });

  it.each([
    [{ seeds: 2 }, /a search is one seed's/],
    [{ stages: [{ scope: 'all', epochs: 1 }] as const }, /stages of their own/],
  ])('is refused beside %o', async (changes, message) => {
    await expect(
      run(await tableSetting(points), { training: { ...training, search: true, ...changes } }),
    ).rejects.toMatchObject({ kind: 'usage', message: expect.stringMatching(message) });
  });
});
