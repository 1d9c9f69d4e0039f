import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TypeProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrateResult } from '../../src/contract/result.js';
import { renderCard, renderJunit } from '../../src/report/render.js';
import { frelu, smallData, smallModel, temporaryFolder } from '../cli/command-line.js';
import { loss, win } from '../report/results.js';

/** The python of an environment with the readers; `.ci/readers` makes one. */
const { FRELU_READERS: python } = process.env;
if (python === undefined) {
  console.warn(
    'skipped: FRELU_READERS names no python with MLflow, TensorBoard and the others (.ci/readers makes one)',
  );
}

async function read(...argv: readonly string[]) {
  const { stdout } = await promisify(execFile)(python ?? '', [join(import.meta.dirname, 'read.py'), ...argv], {
    // a proxy of the surroundings is not for a server on this machine
    env: { ...process.env, NO_PROXY: '127.0.0.1', MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: 'false' },
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const brief = ['--device', 'cpu', '--epochs', '2', '--batch-size', '16', '--lr', '0.05', '--trust-reading', '--yes'];

/** The small model with what ONNX's own checker asks for, and ONNX Runtime does without: the graph's name, the output's type. */
async function checkedModel(): Promise<string> {
  const path = await smallModel();
  const proto = fromBinary(ModelProtoSchema, await readFile(path));
  if (proto.graph !== undefined) {
    proto.graph.name = 'small';
    for (const output of proto.graph.output) {
      // a shape of two dimensions of which nothing is said
      const shape = { dim: [{}, {}] };
      output.type = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType: 1, shape } } });
    }
  }
  await writeFile(path, toBinary(ModelProtoSchema, proto));
  return path;
}

/** A run whose model was written. */
async function migrated(...options: readonly string[]): Promise<{ result: MigrateResult; stderr: string }> {
  const model = await checkedModel();
  const argv = [model, '--data', await smallData(), ...brief, '--accept', 'always', '--json'];
  const { stdout, stderr } = await frelu([...argv, ...options]);
  return { result: JSON.parse(stdout), stderr };
}

describe.skipIf(python === undefined)('MLflow', () => {
  let server: ChildProcess | null = null;
  let url = '';

  beforeAll(async () => {
    const folder = await mkdtempForAll();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const argv = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
    const stores = [
      '--backend-store-uri',
      `sqlite:///${folder}/mlflow.db`,
      '--artifacts-destination',
      join(folder, 'kept'),
    ];
    server = spawn(python ?? '', [...argv, ...stores], { cwd: folder, stdio: 'ignore', detached: true });
    await answering(`${url}/health`);
  });

  afterAll(() => {
    // its workers with it
    if (server?.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
  });

  it('has the run, its curve, its report, and a version of the model that loads', async () => {
    const { result, stderr } = await migrated('--log', `mlflow:${url}#a team's`);
    expect(stderr).toMatch(/^logged to http:.*\/#\/experiments\/\d+\/runs\/\w+$/m);
    expect(stderr).not.toContain('warning: Not all');
    const { metrics, params, tags, curve, ...others } = await read('mlflow', url, "a team's");
    expect(others).toEqual({
      name: result.run.id,
      status: 'FINISHED',
      artifacts: ['model', 'report.html', 'report.json', 'report.md'],
      report: result.verdict,
      versions: [{ name: expect.any(String), run: true }],
      operators: expect.arrayContaining(['Gemm']),
    });
    expect(params).toMatchObject({ seed: '0', epochs: '2', metric: 'accuracy', control: 'true' });
    expect(tags).toMatchObject({ 'frelu.verdict': result.verdict, 'frelu.model_sha256': result.model.sha256 });
    expect(metrics['frelu/test/accuracy']).toBe(result.arms.frelu.test.accuracy?.value);
    expect(metrics['before/test/logLoss']).toBe(result.arms.before.test.logLoss?.value);
    expect(curve).toEqual(result.arms.frelu.curve.map(({ step, validationLoss }) => [step, validationLoss]));
  });
});

describe.skipIf(python === undefined)('other readers', () => {
  it('TensorBoard has the curves of each arm, and the verdict as a text', async () => {
    const folder = await temporaryFolder();
    const { result } = await migrated('--log', `tensorboard:${folder}`);
    const { scalars, texts } = await read('tensorboard', folder);
    const { id } = result.run;
    expect(Object.keys(scalars).toSorted()).toEqual(
      ['before', 'comparison', 'control', 'frelu'].map((arm) => `${id}/${arm}`),
    );
    for (const arm of ['control', 'frelu'] as const) {
      const expected = result.arms[arm]?.curve.map(({ step, validationLoss }) => [
        step,
        Math.fround(validationLoss ?? 0),
      ]);
      expect(scalars[`${id}/${arm}`]['validation/loss']).toEqual(expected);
    }
    expect(scalars[`${id}/before`]['test/accuracy']).toEqual([
      [0, Math.fround(result.arms.before.test.accuracy?.value ?? 0)],
    ]);
    expect(Object.values(texts[`${id}/comparison`])).toEqual([
      expect.stringContaining('### FReLU migration of model.onnx'),
    ]);
  });

  it('a JUnit reader finds the cases and why they failed, whatever they are called', async () => {
    const path = join(await temporaryFolder(), 'report.junit.xml');
    const result = loss();
    const [slice, ...slices] = result.slices;
    if (slice === undefined) throw new Error('the result has no slices');
    await writeFile(path, renderJunit({ ...result, slices: [{ ...slice, value: '<&"\u0001]]>' }, ...slices] }, 'en'));
    const cases: { suite: string; name: string; failures: string[] }[] = await read('junit', path);
    const goals = cases.filter(({ suite }) => suite === 'Acceptance rule established');
    expect(goals.map(({ failures }) => failures.length === 0)).toEqual(result.acceptance.goals.map(({ met }) => met));
    expect(goals[0]?.failures[0]).toContain('Measured');
    expect(cases.filter(({ suite }) => suite === 'Slices').map(({ name }) => name)).toContainEqual(
      expect.stringContaining('<&"\\u0001]]>'),
    );
  });

  it('the hub reads the model card and its figures', async () => {
    const path = join(await temporaryFolder(), 'README.md');
    const result = win();
    await writeFile(path, renderCard(result, 'en'));
    expect(await read('card', path)).toEqual({
      library: 'onnx',
      tags: ['onnx', 'frelu', 'flexible-relu', 'frelu-migrate'],
      model: 'resnet8',
      results: expect.arrayContaining([
        ['image-classification', 'test', 'accuracy', result.arms.frelu.test.accuracy?.value],
      ]),
      text: '# FReLU migration of resnet8.onnx',
    });
  });

  it('Prometheus reads what monitoring prints', async () => {
    const { result } = await migrated();
    const data = result.data.test.path;
    const { stdout } = await frelu([
      'monitor',
      result.run.path,
      '--data',
      data,
      '--device',
      'cpu',
      '--format',
      'prometheus',
    ]);
    const path = join(await temporaryFolder(), 'frelu.prom');
    await writeFile(path, stdout);
    const samples: { name: string; labels: Record<string, string>; value: number; type: string }[] = await read(
      'prometheus',
      path,
    );
    expect(new Set(samples.map(({ type }) => type))).toEqual(new Set(['gauge']));
    expect(samples.find(({ name }) => name === 'frelu_monitor_samples')).toMatchObject({
      labels: { run: result.run.id, model: join(dirname(result.model.path), 'model.onnx') },
      value: 240,
    });
    const inputs = samples.filter(({ name, labels }) => name === 'frelu_monitor_drift' && labels.quantity === 'input');
    expect(inputs.map(({ labels }) => labels.name)).toEqual(['a', 'b', 'c', 'd']);
  });
});

/** A folder that outlives single tests. */
async function mkdtempForAll(): Promise<string> {
  const { mkdtemp, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const folder = await mkdtemp(join(tmpdir(), 'frelu-mlflow-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits for a server to begin. */
async function answering(url: string): Promise<void> {
  for (const began = Date.now(); Date.now() - began < 200_000; ) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${url} does not answer`);
}
