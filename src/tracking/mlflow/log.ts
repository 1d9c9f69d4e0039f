import * as v from 'valibot';
import { Failure, messageOf } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import type { Language } from '../../contract/settings.js';
import { renderHtml, renderJson, renderMarkdown, renderPullRequest } from '../../report/render.js';
import { packageVersion } from '../../version.js';
import type { Destination } from '../destination.js';
import { armsOf, comparisonScalars, curveScalars, type Scalar, testScalars } from '../figures.js';
import type { Logged } from '../logged.js';
import { call, type Environment, putArtifact, Refusal, type Server, serverOf } from './client.js';
import { type Artifact, modelFolder, registeredName, writtenModel } from './model.js';

export interface MlflowOptions {
  /** of the report among the artifacts */
  readonly languages: readonly Language[];
  readonly env: Environment;
  /** for each answer of the server */
  readonly timeoutMs?: number;
}

/**
 * Makes a run of an experiment, which is made where it is not there yet: settings as parameters, the arms' curves and the figures as metrics,
 * the verdict as tags, the report as artifacts and, where a model was written, that model as a version of a registered model.
 * A server without a proxy of artifacts gets no artifacts; `notes` says so.
 * @throws Failure('input') where the server is not reached, or does not do what it is asked for; the run is marked as failed then
 */
export async function logToMlflow(
  destination: Extract<Destination, { kind: 'mlflow' }>,
  result: MigrateResult,
  { languages, env, timeoutMs }: MlflowOptions,
): Promise<Logged> {
  const server = serverOf(destination, env, timeoutMs);
  try {
    const experiment = await experimentId(server, destination.experiment);
    const run = await createRun(server, experiment, result);
    const at = `${server.url}/#/experiments/${experiment}/runs/${run.run_id}`;
    try {
      await logNumbers(server, run.run_id, result);
      const notes = await keepFiles(server, run, result, languages);
      await update(server, run.run_id, 'FINISHED');
      return { at, notes };
    } catch (cause) {
      await update(server, run.run_id, 'FAILED').catch(() => undefined);
      throw cause;
    }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    const what = `${server.url}: the server refuses (${cause.code}: ${cause.message}).`;
    throw new Failure('input', { what, cure: 'See the log of the server.' }, { cause });
  }
}

const anything = v.unknown();
const found = v.object({
  experiment: v.object({ experiment_id: v.string(), lifecycle_stage: v.optional(v.string()) }),
});
const made = v.object({ experiment_id: v.string() });

async function experimentId(server: Server, name: string): Promise<string> {
  const there = await lookUp(server, name);
  if (there !== null) return there;
  try {
    return (await call(server, 'POST', 'experiments/create', { name }, made)).experiment_id;
  } catch (cause) {
    if (!isCode(cause, 'RESOURCE_ALREADY_EXISTS')) throw cause;
    // another run made it meanwhile
    const made = await lookUp(server, name);
    if (made === null) throw cause;
    return made;
  }
}

async function lookUp(server: Server, name: string): Promise<string | null> {
  try {
    const { experiment } = await call(server, 'GET', 'experiments/get-by-name', { experiment_name: name }, found);
    if (experiment.lifecycle_stage !== 'deleted') return experiment.experiment_id;
  } catch (cause) {
    if (isCode(cause, 'RESOURCE_DOES_NOT_EXIST')) return null;
    throw cause;
  }
  throw new Failure('input', {
    what: `${server.url}: the experiment '${name}' was deleted there.`,
    cure: 'Restore it (mlflow experiments restore), or name another one behind a # in the address.',
  });
}

const createdRun = v.object({ run: v.object({ info: v.object({ run_id: v.string(), artifact_uri: v.string() }) }) });
type MlflowRun = v.InferOutput<typeof createdRun>['run']['info'];

async function createRun(server: Server, experiment: string, result: MigrateResult): Promise<MlflowRun> {
  const { run } = await call(
    server,
    'POST',
    'runs/create',
    { experiment_id: experiment, run_name: result.run.id, start_time: startOf(result), tags: tagsOf(result) },
    createdRun,
  );
  return run.info;
}

/** In milliseconds since 1970. */
function startOf({ run }: MigrateResult): number {
  const started = Date.parse(run.started);
  return Number.isNaN(started) ? Date.now() : started;
}

async function update(server: Server, run: string, status: 'FINISHED' | 'FAILED'): Promise<void> {
  await call(server, 'POST', 'runs/update', { run_id: run, status, end_time: Date.now() }, anything);
}

/** Bytes that every version of MLflow, with every store, keeps of a value. */
const longest = { tag: 5000, parameter: 500 };

function tagsOf(result: MigrateResult) {
  const { run, model, verdict, why, acceptance, written } = result;
  return keyed(
    {
      'frelu.run': run.id,
      'frelu.verdict': verdict,
      'frelu.why': why,
      'frelu.rule': acceptance.rule,
      'frelu.rule_met': acceptance.met,
      'frelu.written': written,
      'frelu.model': model.path,
      'frelu.model_sha256': model.sha256,
      'frelu.version': packageVersion,
      'mlflow.source.name': 'frelu-migrate',
      'mlflow.note.content': renderPullRequest(result, 'en'),
    },
    longest.tag,
  );
}

function keyed(values: Readonly<Record<string, unknown>>, most: number) {
  return Object.entries(values).flatMap(([key, value]) =>
    value === null ? [] : [{ key, value: shortened(typeof value === 'string' ? value : JSON.stringify(value), most) }],
  );
}

/** At most so many bytes of UTF-8, cut between characters. */
function shortened(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, most - 4), { stream: true })}…`;
}

/** What MLflow takes in one request. */
const batch = { metrics: 1000, params: 100 };

async function logNumbers(server: Server, run: string, result: MigrateResult): Promise<void> {
  const { metric } = result.delta.vsBefore;
  const timestamp = startOf(result);
  const metrics = [
    ...armsOf(result).flatMap(({ name, arm }) =>
      [...curveScalars(arm, metric), ...testScalars(arm)].map((scalar) => ({
        ...scalar,
        name: `${name}/${scalar.name}`,
      })),
    ),
    ...comparisonScalars(result),
  ].map(({ name, value, step }: Scalar) => ({ key: metricKey(name), value, step, timestamp }));
  const params = keyed({ ...result.settings, device: result.device.used, task: result.task }, longest.parameter);
  for (let i = 0; i < params.length; i += batch.params) {
    const body = { run_id: run, params: params.slice(i, i + batch.params) };
    await call(server, 'POST', 'runs/log-batch', body, anything);
  }
  for (let i = 0; i < metrics.length; i += batch.metrics) {
    const body = { run_id: run, metrics: metrics.slice(i, i + batch.metrics) };
    await call(server, 'POST', 'runs/log-batch', body, anything);
  }
}

/** Letters, digits and a few marks are what MLflow takes in a name; a metric of the user's own is called as its file is. */
function metricKey(name: string): string {
  return name.replace(/[^\w. /-]/g, '_').slice(0, 250);
}

/** Puts the report, and the model where one was written, among the run's artifacts; returns what was left out. */
async function keepFiles(
  server: Server,
  { run_id, artifact_uri }: MlflowRun,
  result: MigrateResult,
  languages: readonly Language[],
): Promise<readonly string[]> {
  const root = proxiedPlace(artifact_uri, server);
  if (root === null) {
    return [
      `The report and the model were not kept there: the server keeps artifacts at ${artifact_uri}, which it does not write for others (mlflow server --serve-artifacts).`,
    ];
  }
  const put = async ({ place, content }: Artifact) => putArtifact(server, `${root}/${place}`, content);
  try {
    for (const artifact of await reportFiles(result, languages)) await put(artifact);
    return result.written ? await registerModel(server, { run_id, artifact_uri }, result, put) : [];
  } catch (cause) {
    if (!(cause instanceof Failure || cause instanceof Refusal)) throw cause;
    return [`Not all of the report and the model was kept there: ${messageOf(cause)}`];
  }
}

/** Where the server's proxy keeps the artifacts of a run; null where they are kept elsewhere. */
function proxiedPlace(uri: string, { url }: Server): string | null {
  const [, host = '', place] = /^mlflow-artifacts:(?:\/\/([^/]*))?\/(.*)$/.exec(uri) ?? [];
  if (place === undefined) return null;
  // a login is for the server that was named, and for no other
  return host === '' || host === new URL(url).host ? place.replace(/\/+$/, '') : null;
}

async function reportFiles(result: MigrateResult, languages: readonly Language[]): Promise<readonly Artifact[]> {
  const files: Artifact[] = [{ place: 'report.json', content: Buffer.from(renderJson(result)) }];
  for (const language of languages) {
    const suffix = language === 'en' ? '' : `.${language}`;
    files.push(
      { place: `report${suffix}.html`, content: Buffer.from(await renderHtml(result, language)) },
      { place: `report${suffix}.md`, content: Buffer.from(renderMarkdown(result, language)) },
    );
  }
  return files;
}

async function registerModel(
  server: Server,
  { run_id, artifact_uri }: MlflowRun,
  result: MigrateResult,
  put: (artifact: Artifact) => Promise<void>,
): Promise<readonly string[]> {
  const files = await writtenModel(result);
  if (files === null) {
    return ['No version of the model was registered: its files are no longer those that the run wrote.'];
  }
  for (const file of files) await put(file);
  const name = registeredName(result);
  try {
    await call(server, 'POST', 'registered-models/create', { name }, anything);
  } catch (cause) {
    if (!isCode(cause, 'RESOURCE_ALREADY_EXISTS')) throw cause;
  }
  const tags = keyed({ 'frelu.run': result.run.id, 'frelu.verdict': result.verdict }, longest.tag);
  const version = { name, source: `${artifact_uri}/${modelFolder}`, run_id, tags, description: result.why };
  await call(server, 'POST', 'model-versions/create', version, anything);
  return [];
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Refusal && error.code === code;
}
