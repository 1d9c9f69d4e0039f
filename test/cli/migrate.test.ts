import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { frelu, smallData, smallModel, temporaryFolder } from './command-line.js';

/** A run of seconds that repeats exactly. */
/** The small model's weights are random: that it guesses is no fault of its reading. */
const brief = ['--device', 'cpu', '--epochs', '3', '--batch-size', '16', '--lr', '0.05', '--trust-reading', '--yes'];

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

describe('migrate', () => {
  it('upgrades a model in place; its history tells, and rollback restores it byte for byte', async () => {
    const model = await smallModel();
    const before = await readFile(model);
    const { code, stdout, stderr } = await frelu([
      ...[model, '--data', await smallData(), ...brief],
      ...['--accept', 'always', '--lang', 'en,ja', '--json'],
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining(
        'run model device data settings plan parity arms delta perClass sites latency size verdict why written files report rollback'.split(
          ' ',
        ),
      ),
    );
    expect(result).toMatchObject({
      written: true,
      device: { requested: 'cpu', used: 'cpu' },
      plan: { summary: { relu: 1, migrate: 1, skip: 0 } },
      rollback: `frelu-migrate rollback ${model}`,
    });
    expect(result.parity.maxAbsDiff).toBeLessThan(1e-6);
    expect(result.sites).toMatchObject([{ id: 'act', form: 'folded' }]);
    expect(await Promise.all(result.report.map(exists))).not.toContain(false);
    expect(await readFile(model)).not.toEqual(before);

    expect(stderr).toContain('control 1/2: epoch 0 (untrained)');
    expect(stderr).toMatch(/^frelu 2\/2: epoch 3, training loss [\d.]+, validation loss [\d.]+/m);
    expect(stderr).not.toContain('\x1b');

    const history = JSON.parse((await frelu(['history', model, '--json'])).stdout);
    expect(history).toMatchObject({
      model,
      history: [{ kind: 'upgrade', state: 'current', from: 'original', run: { runId: result.run.id } }],
    });
    expect((await frelu(['history', dirname(model)])).stdout).toContain('original -> ');

    const rollback = JSON.parse((await frelu(['rollback', model, '--json'])).stdout);
    expect(rollback).toEqual({
      schemaVersion: 1,
      model,
      restored: [{ path: 'model.onnx', sha256: result.model.sha256 }],
      from: history.history[0].id,
      to: 'original',
    });
    expect(await readFile(model)).toEqual(before);
    const again = await frelu(['rollback', model]);
    expect(again).toMatchObject({ code: 3, stdout: '' });
    expect(again.stderr).toContain('nothing to roll back');
  });

  it('gives the same JSON for the same seed, but for times', async () => {
    const data = await smallData();
    const model = await smallModel();
    const run = async () => {
      const { stdout } = await frelu([model, '--data', data, ...brief, '--seed', '7', '--dry-run', '--json']);
      const { arms, delta, perClass, sites, verdict } = JSON.parse(stdout);
      const { seconds: _, samplesPerSecond: __, ...trained } = arms.frelu;
      return { trained, delta, perClass, sites, verdict };
    };
    expect(await run()).toEqual(await run());
  });

  it('leaves the model untouched when the rule is not met, and says so with exit code 4', async () => {
    const model = await smallModel();
    const before = await readFile(model);
    const { code, stdout, stderr } = await frelu([
      ...[model, '--data', await smallData(), ...brief],
      ...['--accept', 'frelu>=1.5', '--no-control'],
    ]);
    expect(code).toBe(4);
    expect(stdout).toContain('rule frelu>=1.5: not met');
    expect(stderr).toMatch(/the acceptance rule frelu>=1\.5 was not met\. The model is untouched\.\n$/);
    expect(await readFile(model)).toEqual(before);
    expect(JSON.parse((await frelu(['history', model, '--json'])).stdout).history).toEqual([]);
  });

  it('writes nothing on a dry run, and elsewhere with --out', async () => {
    const model = await smallModel();
    const data = await smallData();
    const always = [model, '--data', data, ...brief, '--accept', 'always', '--no-control'];
    const dry = await frelu([...always, '--dry-run', '--json']);
    const result = JSON.parse(dry.stdout);
    expect(result).toMatchObject({ written: false, files: [], rollback: null });
    expect(result.report.map((path: string) => basename(path))).toEqual(['report.html', 'report.md', 'report.json']);
    expect(await readdir(dirname(model))).toEqual(['.frelu', 'model.onnx']);
    expect(await readdir(join(dirname(model), '.frelu'))).toEqual(['runs']);

    const before = await readFile(model);
    const out = join(await temporaryFolder(), 'migrated.onnx');
    const elsewhere = await frelu([...always, '--out', out, '--json']);
    expect(JSON.parse(elsewhere.stdout)).toMatchObject({ written: true, files: [{ path: out }], rollback: null });
    expect(await readFile(model)).toEqual(before);

    const inspected = await frelu(['inspect', out]);
    expect(inspected.stdout).toContain('already FReLU');
    const compared = await frelu(['compare', model, out, '--data', data, '--device', 'cpu', '--json']);
    const { delta, maxAbsDiff } = JSON.parse(compared.stdout);
    expect(delta.count).toBe(240);
    expect(maxAbsDiff).toBeGreaterThan(0);
  });

  it('stops at the first Ctrl-C where it can go on, and ends where it would have ended', async () => {
    const data = await smallData();
    const command = (model: string) => [model, '--data', data, ...brief, '--accept', 'always', '--json'];
    const whole = JSON.parse((await frelu(command(await smallModel()))).stdout);

    const model = await smallModel();
    const before = await readFile(model);
    let interrupted = false;
    const stopped = await frelu(command(model), {
      watch(text, interrupt) {
        if (interrupted || !text.startsWith('control 1/2: epoch 1,')) return;
        interrupted = true;
        interrupt();
      },
    });
    expect({ code: stopped.code, stdout: stopped.stdout }).toEqual({ code: 130, stdout: '' });
    expect(stopped.stderr).toContain('Press Ctrl-C again to end at once.');
    expect(stopped.stderr).toMatch(
      /saved\. Resume the run to go on from there \(--resume\)\. The model is untouched\.\n$/,
    );
    expect(await readFile(model)).toEqual(before);

    const resumed = JSON.parse((await frelu([...command(model), '--resume'])).stdout);
    expect(resumed.arms.frelu.test).toEqual(whole.arms.frelu.test);
    expect(resumed.arms.control.test).toEqual(whole.arms.control.test);
    expect(resumed.sites).toEqual(whole.sites);
  });
});

describe('demo', () => {
  it('migrates a copy of the fixtures, which stays, and can be rolled back', async () => {
    const brief = ['--epochs', '1', '--no-control', '--lr', '0.01', '--accept', 'always'];
    const { code, stdout, stderr } = await frelu(['demo', ...brief, '--json']);
    expect(code, stderr).toBe(0);
    const { model, written, settings } = JSON.parse(stdout);
    onTestFinished(() => rm(dirname(model.path), { recursive: true, force: true }));
    expect(stderr).toContain(`A copy of the model and its data is in ${dirname(model.path)}`);
    expect(settings).toMatchObject({ epochs: 1 });
    expect(written).toBe(true);
    expect(await frelu(['rollback', model.path])).toMatchObject({ code: 0 });
    expect(await readFile(model.path)).toEqual(await readFile(join('fixtures', basename(model.path))));
  });
});

describe('report', () => {
  it('renders a run again in other formats and languages, and many runs as a table', async () => {
    const model = await smallModel();
    const data = await smallData();
    await frelu([model, '--data', data, ...brief, '--accept', 'always', '--no-control']);
    const runs = join(dirname(model), '.frelu', 'runs');
    const [run = ''] = await readdir(runs);
    const folder = join(runs, run);

    const out = await temporaryFolder();
    const rendered = await frelu(['report', folder, '--format', 'md,json', '--lang', 'ja,en', '--out', out]);
    expect(rendered).toEqual({
      code: 0,
      stdout: ['report.ja.md', 'report.md', 'report.json'].map((name) => `${join(out, name)}\n`).join(''),
      stderr: '',
    });
    expect(await readFile(join(out, 'report.ja.md'), 'utf8')).toMatch(/[ぁ-ん]/);
    expect(await readFile(join(out, 'report.json'))).toEqual(await readFile(join(folder, 'report.json')));

    const page = await frelu(['report', join(folder, 'report.json'), '--json']);
    expect(JSON.parse(page.stdout)).toEqual({ schemaVersion: 1, run, report: [join(folder, 'report.html')] });

    const table = await frelu(['report', '--all', dirname(model), '--format', 'md', '--out', out]);
    expect(table.stdout).toMatch(new RegExp(`^model\\.onnx +${run} +Accuracy `, 'm'));
    expect(await readFile(join(out, 'history.md'), 'utf8')).toContain('model.onnx');
  });

  it('leaves a report that is cut short or another tool’s out of the table, and says so', async () => {
    const model = await smallModel();
    await frelu([model, '--data', await smallData(), ...brief, '--accept', 'always', '--no-control']);
    const runs = join(dirname(model), '.frelu', 'runs');
    const [run = ''] = await readdir(runs);
    const whole = await readFile(join(runs, run, 'report.json'), 'utf8');
    const broken: Readonly<Record<string, string>> = {
      foreign: '{"run":{"id":"x"},"suites":[]}',
      short: whole.slice(0, 1000),
    };
    for (const [name, text] of Object.entries(broken)) {
      await mkdir(join(runs, name));
      await writeFile(join(runs, name, 'run.json'), '{}');
      await writeFile(join(runs, name, 'report.json'), text);
    }
    const out = await temporaryFolder();
    const table = await frelu(['report', '--all', runs, '--format', 'json', '--out', out]);
    expect(table.code).toBe(0);
    expect(JSON.parse(await readFile(join(out, 'history.json'), 'utf8'))).toHaveLength(1);
    for (const name of Object.keys(broken)) {
      const path = join(runs, name, 'report.json');
      expect(table.stderr).toContain(`warning: ${path}: this is not the report.json of a run, or not all of it (`);
      const one = await frelu(['report', path]);
      expect(one).toMatchObject({ code: 3, stdout: '' });
      expect(one.stderr).toContain(path);
    }
    expect(table.stderr).toContain('run.path is missing');
  });

  it('names what it cannot read', async () => {
    const folder = await temporaryFolder();
    for (const argv of [
      ['report', 'no-such-run'],
      ['report', folder],
      ['report', '--all', folder],
    ]) {
      const { code, stdout, stderr } = await frelu(argv);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toContain('Nothing was written.');
    }
  });
});

describe('evaluate and rewrite', () => {
  it('a rewritten model computes what the original computed', async () => {
    const model = await smallModel();
    const data = await smallData();
    const out = join(await temporaryFolder(), 'rewritten.onnx');
    const rewritten = await frelu(['rewrite', model, '--out', out, '--form', 'explicit', '--json']);
    expect(JSON.parse(rewritten.stdout)).toMatchObject({
      out,
      files: [{ path: out }],
      plan: { summary: { migrate: 1 } },
    });
    const metrics = async (path: string) =>
      JSON.parse((await frelu(['evaluate', path, '--data', data, '--device', 'cpu', '--json'])).stdout).metrics;
    expect(await metrics(out)).toEqual(await metrics(model));
    const table = await frelu(['evaluate', model, '--data', data, '--device', 'cpu']);
    expect(table.stdout).toMatch(/^Accuracy +\d+\.\d\d%$/m);

    const twice = await frelu(['rewrite', model, '--out', out]);
    expect(twice.code).toBe(2);
    expect(await frelu(['rewrite', model, '--out', out, '--overwrite'])).toMatchObject({ code: 0 });
  });

  it('a shift and an offset change what it computes', async () => {
    const model = await smallModel();
    const out = join(await temporaryFolder(), 'shifted.onnx');
    await frelu(['rewrite', model, '--out', out, '--a', '0.3', '--b', '-0.2']);
    const argv = ['compare', model, out, '--data', await smallData(), '--device', 'cpu'];
    expect(JSON.parse((await frelu([...argv, '--json'])).stdout).maxAbsDiff).toBeGreaterThan(0.01);
    expect((await frelu(argv)).stdout).toMatch(/^Accuracy, B - A +.* points, 95 % /m);
  });
});
