import { copyFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { present } from '../../src/contract/present.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import type * as StateLayout from '../../src/run/state-layout.js';
import { storedResult } from '../../src/run/stored-result.js';
import { acquireLock } from '../../src/upgrade/lock.js';
import type * as Replace from '../../src/upgrade/replace.js';
import { rows } from './rows.js';
import { hooks, optionsFor, training } from './runs.js';

/** Every file of a run's folder goes through `replaceFile`: with this a run ends before the one it is set to. */
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

/** The build of the program, so far as it is told by how it lays a state out. */
const build = vi.hoisted(() => ({ name: '' }));

vi.mock('../../src/run/state-layout.js', async (original) => {
  const { stateLayout } = await original<typeof StateLayout>();
  const ofBuild: typeof stateLayout = (step) => `${stateLayout(step)}${build.name}`;
  return { stateLayout: ofBuild };
});

/** A network in a folder of its own, with its data. */
async function modelCopy(): Promise<string> {
  const { model } = await rows(300);
  return model;
}

const dataBeside = (model: string): string => join(dirname(model), 'rows.npz');

const twoSeeds: Partial<MigrateOptions> = { training: { ...training, learningRate: 'auto', seeds: 2 } };

/** Runs until before the write after `last`. */
async function run(model: string, changes: Partial<MigrateOptions> = twoSeeds, last = Number.POSITIVE_INFINITY) {
  Object.assign(writes, { count: 0, last, paths: [] });
  return migrate(optionsFor(model, dataBeside(model), changes), hooks());
}

/** Without what the clock and the place decide. */
function timeless(result: MigrateResult): unknown {
  const dropped = new Set(['run', 'seconds', 'samplesPerSecond', 'latency', 'report', 'rollback', 'path', 'origin']);
  return JSON.parse(JSON.stringify(result, (key, value: unknown) => (dropped.has(key) ? undefined : value)));
}

async function runFolder(model: string): Promise<string> {
  const runs = join(dirname(model), '.frelu', 'runs');
  return join(runs, present((await readdir(runs)).at(-1), 'the folder of a run'));
}

describe('a run with two seeds', () => {
  it('that ends at any of its writes is resumed to the same result, and to the same model', async () => {
    const whole = await modelCopy();
    const expected = timeless(await run(whole));
    const names = writes.paths.map((path) => basename(path));
    // the record, plan, baseline, rate, four arms with a checkpoint each, the stage, every judge, the judgement, commit, report
    expect(names).toEqual(expect.arrayContaining(['run.json', 'rate.artifact', 'commit.artifact', 'report.json']));
    expect(names.length).toBeGreaterThan(25);
    const at = (name: string): number => names.indexOf(name);
    const ends = [
      at('plan.artifact'),
      at('checkpoint.frelu-7.artifact') + 1,
      at('judge.delta.artifact') + 1,
      at('commit.artifact'),
      at('report.json'),
    ];
    expect(ends.every((end) => end > 0)).toBe(true);
    const bytes = await readFile(whole);
    for (const end of ends) {
      const model = await modelCopy();
      await expect(run(model, twoSeeds, end), names[end]).rejects.toThrow(Crash);
      const resumed = await run(model, { ...twoSeeds, resume: true });
      expect(timeless(resumed), names[end]).toEqual(expected);
      expect(await readFile(model), names[end]).toEqual(bytes);
      expect(await readdir(dirname(model)), names[end]).toEqual(['.frelu', 'rows.npz', 'rows.onnx']);
    }
  });
});

describe('a run', () => {
  it('has its report made from what it kept, where it ended between the commit and the report', async () => {
    const model = await modelCopy();
    const told = { languages: ['en'] as const };
    await run(model, told);
    const reportAt = writes.paths.findIndex((path) => path.endsWith('report.html'));
    const cut = await modelCopy();
    await expect(run(cut, told, reportAt)).rejects.toThrow(Crash);
    const stored = present(await storedResult(await runFolder(cut)), 'the result');
    expect(stored).toMatchObject({ written: true, verdict: expect.any(String) });
    // before the commit was told, the model's history is asked
    await rm(join(await runFolder(cut), 'artifacts', 'commit.artifact'));
    expect(await storedResult(await runFolder(cut))).toMatchObject({ written: true, files: stored.files });
    expect((await run(cut, { ...told, resume: true })).files).toEqual(stored.files);
  });

  it('has no result where its models were not judged', async () => {
    const model = await modelCopy();
    await expect(run(model, {}, 5)).rejects.toThrow(Crash);
    expect(await storedResult(await runFolder(model))).toBeNull();
    expect(await storedResult(dirname(model))).toBeNull();
  });

  it('takes its rate once: resumed, it goes on with the rate that it began with', async () => {
    const model = await modelCopy();
    const auto: Partial<MigrateOptions> = { training: { ...training, learningRate: 'auto' } };
    const tests: number[] = [];
    const listening = hooks({ onRangeTest: ({ learningRate }) => tests.push(learningRate) });
    Object.assign(writes, { count: 0, last: 6, paths: [] });
    await expect(migrate(optionsFor(model, dataBeside(model), auto), listening)).rejects.toThrow(Crash);
    expect(writes.paths.at(-1)).toMatch(/control-7/);
    writes.last = Number.POSITIVE_INFINITY;
    const { settings } = await migrate(optionsFor(model, dataBeside(model), { ...auto, resume: true }), listening);
    expect(tests).toEqual([settings.learningRate]);
    expect(settings.learningRateFound).toBe(true);
  });

  it('is resumed also where it was a dry run', async () => {
    const model = await modelCopy();
    await expect(run(model, { dryRun: true }, 5)).rejects.toThrow(Crash);
    expect(await run(model, { dryRun: true, resume: true })).toMatchObject({ written: false });
  });

  it('tells of a checkpoint that is damaged, and of a record, and touches nothing', async () => {
    const model = await modelCopy();
    const original = await readFile(model);
    await expect(run(model, {}, 6)).rejects.toThrow(Crash);
    const folder = await runFolder(model);
    const checkpoint = join(folder, 'artifacts', basename(present(writes.paths.at(-1), 'a checkpoint')));
    const whole = await readFile(checkpoint);
    await truncate(checkpoint, whole.length - 1);
    await expect(run(model, { resume: true })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining(checkpoint),
      cure: expect.stringContaining('Delete'),
      written: 'model-untouched',
    });
    // as it says: deleted, the run computes that part again
    await rm(checkpoint);
    const record = join(folder, 'run.json');
    const text = await readFile(record);
    for (const damage of [text.subarray(0, 20), Buffer.from('null'), Buffer.from('{"id": 3}')]) {
      await writeFile(record, damage);
      await expect(run(model, { resume: true })).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringContaining(record),
      });
    }
    await writeFile(record, text);
    expect(await readFile(model)).toEqual(original);
    expect(await run(model, { resume: true })).toMatchObject({ written: true });
  });

  it('does not go on from a checkpoint in which another build laid the state out otherwise', async () => {
    const model = await modelCopy();
    build.name = ' of an older build';
    await expect(run(model, {}, 6)).rejects.toThrow(Crash);
    const checkpoint = join(
      await runFolder(model),
      'artifacts',
      basename(present(writes.paths.at(-1), 'a checkpoint')),
    );
    expect(checkpoint).toContain('checkpoint.');
    build.name = '';
    await expect(run(model, { resume: true })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/checkpoint.*is of no use here: another build of this program wrote it/),
      cure: expect.stringContaining('Delete the file'),
      written: 'model-untouched',
    });
    await rm(checkpoint);
    expect(await run(model, { resume: true })).toMatchObject({ written: true });
  });

  it('trains while another holds the lock of its folder, and waits for it to commit', async () => {
    const model = await modelCopy();
    let release = async (): Promise<void> => {};
    const warnings: string[] = [];
    const listening = hooks({
      async onPhase(phase) {
        if (phase === 'train') {
          const lock = await acquireLock(model);
          release = () => lock.release();
        }
      },
      warn(message) {
        warnings.push(message);
        void release();
      },
    });
    Object.assign(writes, { count: 0, last: Number.POSITIVE_INFINITY });
    expect(await migrate(optionsFor(model, dataBeside(model)), listening)).toMatchObject({ written: true });
    expect(warnings).toEqual([expect.stringContaining('waiting')]);
  });

  it('trains beside another in the same folder', async () => {
    const model = await modelCopy();
    const other = join(dirname(model), 'other.onnx');
    await copyFile(model, other);
    Object.assign(writes, { count: 0, last: Number.POSITIVE_INFINITY });
    const [a, b] = await Promise.all(
      [model, other].map((each) => migrate(optionsFor(each, dataBeside(each)), hooks())),
    );
    expect(a).toMatchObject({ written: true });
    expect(b).toMatchObject({ written: true });
  });
});
