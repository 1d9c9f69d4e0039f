import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MigrateResult } from '../../src/contract/result.js';
import { parseDestination } from '../../src/tracking/destination.js';
import { logRun } from '../../src/tracking/log-run.js';
import { smallModel } from '../cli/command-line.js';
import { makeResult, win } from '../report/results.js';

interface Asked {
  readonly method: string;
  /** without what each of them begins with */
  readonly path: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

type Answer = { readonly status?: number; readonly body: unknown } | 'nothing';

/** What a server with a proxy of artifacts says, which has neither the experiment nor the model yet. */
function usual({ path }: Asked): Answer {
  if (path.startsWith('mlflow/experiments/get-by-name')) {
    return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'no such experiment' } };
  }
  if (path === 'mlflow/experiments/create') return { body: { experiment_id: '7' } };
  if (path === 'mlflow/runs/create') {
    return { body: { run: { info: { run_id: 'r1', artifact_uri: 'mlflow-artifacts:/7/r1/artifacts' } } } };
  }
  return { body: {} };
}

/** A server that answers as said, else as usual; keeps what it was asked. */
async function server(answerOf: (asked: Asked) => Answer | null = () => null) {
  const asked: Asked[] = [];
  const listen = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = {
      method: request.method ?? '',
      path: (request.url ?? '').replace(/^\/(behind\/)?api\/2\.0\//, ''),
      body: Buffer.concat(chunks).toString('latin1'),
      authorization: request.headers.authorization,
    };
    asked.push(one);
    const answer = answerOf(one) ?? usual(one);
    if (answer === 'nothing') return;
    const { status = 200, body } = answer;
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const http = createServer((request, response) => void listen(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { asked, url: `http://127.0.0.1:${port}` };
}

const log = (to: string, result: MigrateResult, env: Record<string, string> = {}, timeoutMs = 20_000) =>
  logRun(parseDestination(`mlflow:${to}`), result, { languages: ['en'], env, timeoutMs });

const unwritten = () => makeResult({ written: false });

/** A result whose model is there. */
async function written(): Promise<MigrateResult> {
  const path = await smallModel();
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { ...win(), model: { ...win().model, path }, files: [{ path, sha256 }] };
}

const refusal = (code: string, status = 400): Answer => ({
  status,
  body: { error_code: code, message: `said ${code}` },
});

describe('logging to MLflow', () => {
  it('makes the experiment, a run with its numbers, files, and a version of the model', async () => {
    const { asked, url } = await server();
    const result = await written();
    const { at, notes } = await log(`${url}/behind#My%20team`, result);
    expect({ at, notes }).toEqual({ at: `${url}/behind/#/experiments/7/runs/r1`, notes: [] });
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET mlflow/experiments/get-by-name?experiment_name=My+team',
      'POST mlflow/experiments/create',
      'POST mlflow/runs/create',
      'POST mlflow/runs/log-batch',
      'POST mlflow/runs/log-batch',
      ...['report.json', 'report.html', 'report.md', 'model/MLmodel', 'model/model.onnx'].map(
        (file) => `PUT mlflow-artifacts/artifacts/7/r1/artifacts/${file}`,
      ),
      'POST mlflow/registered-models/create',
      'POST mlflow/model-versions/create',
      'POST mlflow/runs/update',
    ]);
    const sent = (path: string) => JSON.parse(asked.findLast((each) => each.path === path)?.body ?? 'null');
    expect(sent('mlflow/runs/create')).toMatchObject({
      experiment_id: '7',
      run_name: result.run.id,
      start_time: Date.parse(result.run.started),
      tags: expect.arrayContaining([
        { key: 'frelu.verdict', value: result.verdict },
        { key: 'frelu.rule', value: 'established' },
        { key: 'frelu.model_sha256', value: result.model.sha256 },
      ]),
    });
    const { metrics } = sent('mlflow/runs/log-batch');
    const point = result.arms.frelu.curve[2];
    expect(metrics).toContainEqual(
      expect.objectContaining({ key: 'frelu/validation/loss', step: point?.step, value: point?.validationLoss }),
    );
    expect(metrics).toContainEqual(
      expect.objectContaining({ key: 'before/test/accuracy', value: result.arms.before.test.accuracy?.value }),
    );
    const model = asked.find(({ path }) => path.endsWith('model.onnx'))?.body ?? '';
    expect(Buffer.from(model, 'latin1')).toEqual(await readFile(result.model.path));
    expect(sent('mlflow/model-versions/create')).toMatchObject({
      run_id: 'r1',
      source: 'mlflow-artifacts:/7/r1/artifacts/model',
    });
    expect(sent('mlflow/runs/update')).toMatchObject({ run_id: 'r1', status: 'FINISHED' });
  });

  it('takes an experiment and a registered model that are there, also made meanwhile by another', async () => {
    let looks = 0;
    const there = { body: { experiment: { experiment_id: '3', lifecycle_stage: 'active' } } };
    const { asked, url } = await server(({ path }) => {
      if (path.startsWith('mlflow/experiments/get-by-name')) return looks++ === 0 ? null : there;
      return /experiments.create|registered-models.create/.test(path) ? refusal('RESOURCE_ALREADY_EXISTS') : null;
    });
    expect((await log(url, await written())).notes).toEqual([]);
    expect(asked.filter(({ path }) => path === 'mlflow/runs/create')[0]?.body).toContain('"experiment_id":"3"');
    expect(asked.map(({ path }) => path)).toContain('mlflow/model-versions/create');
  });

  it('logs in by what the address says, else by the environment', async () => {
    const { asked, url } = await server();
    const said = async (to: string, env: Record<string, string>) => {
      await log(to, unwritten(), env);
      return asked.at(-1)?.authorization;
    };
    const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;
    const env = { MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_PASSWORD: 'pä:ss' };
    expect(await said(url, {})).toBeUndefined();
    expect(await said(url, { MLFLOW_TRACKING_TOKEN: 'abc' })).toBe('Bearer abc');
    expect(await said(url, env)).toBe(basic('ann:pä:ss'));
    expect(await said(url.replace('//', '//bob:pw@'), env)).toBe(basic('bob:pw'));
    // a login is for the server that was named, and for no other
    const elsewhere = await server(({ path }) =>
      path === 'mlflow/runs/create'
        ? {
            body: {
              run: { info: { run_id: 'r', artifact_uri: `mlflow-artifacts://${new URL(url).host}/1/r/artifacts` } },
            },
          }
        : null,
    );
    const before = asked.length;
    expect((await log(elsewhere.url, unwritten(), env)).notes).toHaveLength(1);
    expect(asked).toHaveLength(before);
  });

  it('says where artifacts are not taken, or not all of them; the numbers are there all the same', async () => {
    const bucket = await server(({ path }) =>
      path === 'mlflow/runs/create'
        ? { body: { run: { info: { run_id: 'r', artifact_uri: 's3://bucket/r' } } } }
        : null,
    );
    expect((await log(bucket.url, await written())).notes).toEqual([expect.stringContaining('s3://bucket/r')]);
    expect(bucket.asked.at(-1)?.body).toContain('FINISHED');

    const full = await server(({ path }) =>
      path.endsWith('report.html') ? { status: 503, body: '<h1>Service disabled</h1>' } : null,
    );
    expect((await log(full.url, await written())).notes).toEqual([expect.stringMatching(/503.*Service disabled/)]);
    expect(full.asked.at(-1)?.body).toContain('FINISHED');
    expect(full.asked.map(({ path }) => path)).not.toContain('mlflow/model-versions/create');
  });

  it('registers no model that was not written, or is another by now', async () => {
    const { asked, url } = await server();
    expect((await log(url, unwritten())).notes).toEqual([]);
    const result = await written();
    await smallModel(join(result.model.path, '..'));
    await writeFile(result.model.path, Buffer.concat([await readFile(result.model.path), Buffer.from([0x0a, 0])]));
    expect((await log(url, result)).notes).toHaveLength(1);
    expect(asked.map(({ path }) => path)).not.toContain('mlflow/model-versions/create');
  });

  it('says of a server that fails what is wrong, and marks the run that it began', async () => {
    const unreached = log('http://127.0.0.1:9', unwritten());
    await expect(unreached).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('cannot be reached'),
    });

    const faults: readonly (readonly [pattern: RegExp, answer: Answer, words: RegExp])[] = [
      [/get-by-name/, { status: 401, body: 'no' }, /login.*MLFLOW_TRACKING_TOKEN/s],
      [/get-by-name/, { body: '<html>Hello</html>' }, /does not answer as an MLflow server/],
      [
        /get-by-name/,
        { status: 404, body: '<title>404</title>' },
        /HTTP 404 for api\/2\.0\/mlflow\/experiments\/get-by-name \(404\)/,
      ],
      [/get-by-name/, { body: { experiment: { experiment_id: '1', lifecycle_stage: 'deleted' } } }, /was deleted.*#/s],
      [/runs.create/, refusal('PERMISSION_DENIED'), /refuses \(PERMISSION_DENIED: said/],
      [/log-batch/, refusal('INVALID_PARAMETER_VALUE'), /refuses \(INVALID_PARAMETER_VALUE: said/],
      [/log-batch/, { status: 500, body: 'oh' }, /HTTP 500/],
    ];
    for (const [pattern, answer, words] of faults) {
      const { asked, url } = await server(({ path }) => (pattern.test(path) ? answer : null));
      await expect(log(url, unwritten()), String(pattern)).rejects.toMatchObject({
        kind: 'input',
        message: expect.stringMatching(words),
      });
      if (/log-batch/.test(String(pattern))) expect(asked.at(-1)?.body).toContain('"status":"FAILED"');
    }
  });

  it('does not wait for a server that never answers', async () => {
    const { url } = await server(() => 'nothing');
    await expect(log(url, unwritten(), {}, 200)).rejects.toMatchObject({
      message: expect.stringContaining('did not answer in time'),
    });
  });

  it('sends what MLflow takes: short values, in batches, names of plain letters, numbers alone', async () => {
    const { asked, url } = await server();
    const result = unwritten();
    const { curve } = result.arms.frelu;
    const [first] = curve;
    if (first === undefined) throw new Error('the curve is empty');
    const long = {
      ...result,
      why: 'ä'.repeat(4000),
      settings: { ...result.settings, preprocessing: '長'.repeat(400) },
      arms: {
        ...result.arms,
        frelu: {
          ...result.arms.frelu,
          curve: Array.from({ length: 800 }, (_, epoch) => ({ ...first, epoch, step: epoch, validationMetric: null })),
          test: { 'café:f1': { value: 0.5, higherIsBetter: true }, none: { value: null, higherIsBetter: true } },
        },
      },
    };
    await log(url, long);
    const bodies = asked.filter(({ path }) => path === 'mlflow/runs/log-batch').map(({ body }) => JSON.parse(body));
    expect(bodies.map(({ metrics = [] }) => metrics.length).filter((count) => count > 0)).toHaveLength(1);
    const metrics = bodies.flatMap((body) => body.metrics ?? []);
    expect(metrics.map(({ key }) => key)).toContain('frelu/test/caf__f1');
    expect(metrics.every(({ value }) => typeof value === 'number')).toBe(true);
    const params = bodies.flatMap((body) => body.params ?? []);
    for (const { value } of params) expect(Buffer.byteLength(value, 'latin1')).toBeLessThanOrEqual(500);
    const { tags } = JSON.parse(
      Buffer.from(asked.find(({ path }) => path === 'mlflow/runs/create')?.body ?? '', 'latin1').toString(),
    );
    const why: string = tags.find(({ key }: { key: string }) => key === 'frelu.why').value;
    expect(Buffer.byteLength(why)).toBeLessThanOrEqual(5000);
    expect(why).toMatch(/^ä+…$/);
  });
});
