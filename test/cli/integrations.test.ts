import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frelu, type Surroundings, smallData, smallModel, temporaryFolder } from './command-line.js';

const brief = ['--device', 'cpu', '--epochs', '1', '--batch-size', '16', '--lr', '0.05', '--trust-reading', '--yes'];

async function migrated(surroundings: Surroundings = {}, ...options: readonly string[]) {
  const model = await smallModel();
  const data = await smallData();
  const outcome = await frelu([model, '--data', data, ...brief, ...options, '--json'], surroundings);
  const result = JSON.parse(outcome.stdout);
  return { ...outcome, model, data, result, run: join(result.run.path) };
}

describe('--log', () => {
  it('keeps a run’s results at each destination; one that fails is a warning that says how to log again', async () => {
    const folder = await temporaryFolder();
    const { code, stderr, result, run } = await migrated(
      {},
      ...['--accept', 'always', '--log', `tensorboard:${folder}`, '--log', 'mlflow:http://u:secret@127.0.0.1:9#a b'],
    );
    expect({ code, written: result.written }).toEqual({ code: 0, written: true });
    expect(await readdir(join(folder, result.run.id))).toContain('frelu');
    expect(stderr).toContain(`logged to ${join(folder, result.run.id)}`);
    expect(stderr).toMatch(/^warning: http:\/\/127\.0\.0\.1:9: cannot be reached .*To log it again: (.*)$/m);
    const [, again = ''] = /To log it again: frelu-migrate (.*)$/m.exec(stderr) ?? [];
    expect(again).toBe(`report ${run} --log 'mlflow:http://127.0.0.1:9#a%20b'`);
    expect(stderr).not.toContain('secret');
  });

  it('logs a run that is there, and fails where that fails', async () => {
    const { run, result } = await migrated({}, '--dry-run');
    const before = await readdir(run);
    const folder = await temporaryFolder();
    const logged = await frelu(['report', run, '--log', `tensorboard:${folder}`, '--json']);
    expect(JSON.parse(logged.stdout)).toMatchObject({ report: [], logged: [join(folder, result.run.id)] });
    // nothing was asked of the run's own report
    expect(await readdir(run)).toEqual(before);
    const failed = await frelu([
      'report',
      run,
      '--log',
      'mlflow:http://127.0.0.1:9',
      '--log',
      `tensorboard:${folder}/b`,
    ]);
    expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') });
    expect(await readdir(join(folder, 'b'))).toEqual([result.run.id]);
  });

  it('is refused before anything is trained where it is none', async () => {
    const model = await smallModel();
    const wrong = await frelu([model, '--data', 'nowhere.csv', ...brief, '--log', 'wandb:team']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("'wandb:team' is no place to log to") });
    const all = await frelu(['report', '--all', dirname(model), '--log', 'tensorboard:logs']);
    expect(all).toMatchObject({ code: 2 });
  });
});

describe('the formats of report', () => {
  it('are files of their own names, in each language', async () => {
    const { run } = await migrated({}, '--dry-run');
    const out = await temporaryFolder();
    const { code, stdout } = await frelu(['report', run, '--format', 'junit,pr,card', '--lang', 'en,ja', '--out', out]);
    const names = ['junit.xml', 'pr.md', 'card.md'].flatMap((ending) => [`report.${ending}`, `report.ja.${ending}`]);
    expect({ code, files: (await readdir(out)).toSorted() }).toEqual({ code: 0, files: names.toSorted() });
    expect(stdout.trim().split('\n').toSorted()).toEqual(names.map((name) => join(out, name)).toSorted());
  });

  it('of a table of many runs are those of pages alone', async () => {
    const { model } = await migrated({}, '--dry-run');
    const wrong = await frelu(['report', '--all', dirname(model), '--format', 'junit']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('(--format)') });
  });

  it('give a command that repeats the run', async () => {
    const settings = ['--seed', '3', '--patience', '1', '--granularity', 'channel', '--accept', 'frelu>=before'];
    const { run, result } = await migrated({}, '--dry-run', ...settings);
    await frelu(['report', run, '--format', 'pr']);
    const [, command = ''] = /^frelu-migrate (.*)$/m.exec(await readFile(join(run, 'report.pr.md'), 'utf8')) ?? [];
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
    const again = JSON.parse((await frelu([...words, '--device', 'cpu', '--json'])).stdout);
    expect(again.settings).toEqual(result.settings);
    expect(again.delta).toEqual(result.delta);
    expect(again.acceptance).toEqual(result.acceptance);
  });
});

describe('on GitHub', () => {
  const github = async () => {
    const file = join(await temporaryFolder(), 'summary.md');
    await writeFile(file, 'what stood there\n');
    return { file, env: { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: file } };
  };

  it('the verdict is added to the step’s summary, and a rule that was not met is an annotation', async () => {
    const { file, env } = await github();
    const { code, stderr, run } = await migrated({ env }, '--accept', 'accuracy>=1.5', '--lang', 'en,ja');
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^::error title=FReLU migration::The acceptance rule accuracy>=1\.5 was not met\. .*%0Anot met: accuracy>=1\.5$/m,
    );
    const summary = await readFile(file, 'utf8');
    expect(summary).toMatch(/^what stood there\n### FReLU migration of model\.onnx: /);
    expect(summary).toContain('### model.onnx のFReLU移行');

    const again = await frelu(['report', run], { env });
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('::error title=FReLU migration::') });
    expect(await readFile(file, 'utf8')).toHaveLength(summary.length + summary.indexOf('### model') - 17);
  });

  it('nothing is said of a rule that was met, and nothing at all elsewhere', async () => {
    const { file, env } = await github();
    const met = await migrated({ env }, '--accept', 'always', '--dry-run');
    expect(met.stderr).not.toContain('::error');
    expect(await readFile(file, 'utf8')).toContain('FReLU migration of');
    const { GITHUB_ACTIONS: _, ...elsewhere } = env;
    const before = await readFile(file, 'utf8');
    const plain = await migrated({ env: elsewhere }, '--accept', 'accuracy>=1.5');
    expect(plain.stderr).not.toContain('::');
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it('warnings are annotations, and a summary that cannot be written is one of them', async () => {
    const folder = await temporaryFolder();
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: folder };
    const { code, stderr } = await migrated({ env }, '--accept', 'always', '--log', 'mlflow:http://127.0.0.1:9');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^::warning::The summary of the step was not written: /m);
    expect(stderr).toMatch(/^::warning::http:\/\/127\.0\.0\.1:9: cannot be reached/m);
  });

  it('names from files say nothing of their own to the runner', async () => {
    const { env } = await github();
    const folder = join(await temporaryFolder(), 'a%0A::stop-commands::x');
    await mkdir(folder);
    const model = await smallModel(folder);
    const { stderr } = await frelu(
      [model, '--data', await smallData(), ...brief, '--accept', 'accuracy>=1.5', '--log', `tensorboard:${model}/x`],
      { env },
    );
    expect(stderr).toContain('a%250A::stop-commands::x');
    expect(stderr).not.toMatch(/^::warning.*[^5]0A::stop/m);
  });
});

describe('monitor --format prometheus', () => {
  it('prints its gauges, and keeps the exit code', async () => {
    const { run, data } = await migrated({}, '--accept', 'always');
    const { code, stdout } = await frelu(['monitor', run, '--data', data, '--device', 'cpu', '--format', 'prometheus']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^# HELP frelu_monitor_level .*\n# TYPE frelu_monitor_level gauge\nfrelu_monitor_level\{run="[^"]+",model="[^"]+"\} [01]\n/,
    );
    const both = await frelu(['monitor', run, '--data', data, '--format', 'prometheus', '--json']);
    expect(both).toMatchObject({ code: 2, stdout: '' });
  });
});
